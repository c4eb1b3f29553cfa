"""What a person's word has done to an order, and how it is undone when the venue speaks after all."""

from datetime import datetime
from decimal import Decimal

from domain.orders import OrderState
from domain.settlements import Settlement, settled_fill_id
from domain.values import Value
from ledger import fills
from ledger.audit import note
from ledger.tables import OrderRow
from ledger.transaction import Transaction


class Settled(Value):
    """A settlement as it is kept, and what was believed of the order before."""

    settlement: Settlement
    at: datetime
    state: OrderState
    reported_base: Decimal
    reason_code: str
    reason: str


def settled(row: OrderRow) -> Settled | None:
    """What a person said of the order; None: nobody did, or the venue has spoken since."""
    return Settled.model_validate_json(row.settlement) if row.settlement is not None else None


def settled_end(row: OrderRow) -> Settled | None:
    """`settled`, if it is by that word alone that the order has ended."""
    kept = settled(row)
    return kept if kept is not None and kept.settlement.kind != "found" else None


def overrule(tx: Transaction, row: OrderRow, kept: Settled, evidence: str) -> None:
    """Forget what a person said: from now on only the venue counts. The order's row is locked."""
    taken_back = fills.take_back(tx, row, settled_fill_id(row.order_id))
    text = f"it was {kept.settlement.headline}; {evidence}"
    note(
        tx,
        row.trade_id,
        "report",
        "settlement overruled",
        f"{text}; the fill that was booked on that word is taken back" if taken_back else text,
        level="alert",
    )
    row.state, row.reported_base = kept.state, kept.reported_base
    row.reason_code, row.reason = kept.reason_code, kept.reason
    row.final_at = row.settlement = None
