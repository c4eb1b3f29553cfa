"""Settling: a person ends the doubt about an order of which nobody can tell."""

from typing import cast

from domain.errors import SettlementRefused
from domain.orders import TERMINAL, OrderStanding, OrderState
from domain.settlements import Doubt, Settlement, check, settled_fill
from ledger import fills, rows
from ledger.audit import note
from ledger.book import Book, writes
from ledger.orders import shut_gate
from ledger.reports import end, finish
from ledger.settled import Settled, settled
from ledger.tables import OrderRow, TradeRow
from ledger.transaction import Transaction

_CODE = "Settled"


class Settlements(Book):
    """What people said of orders. It counts until the venue speaks."""

    @writes
    def settle(self, tx: Transaction, trade_id: str, settlement: Settlement) -> OrderStanding:
        """Take a person's word on the trade's order: nothing more of it is sent; a repeat changes nothing.

        Raises SettlementRefused when the books leave no room for it, and LedgerBehind for an unknown trade.
        """
        trade = rows.lock_trade(tx, trade_id)
        known = rows.order_of_trade(tx, trade_id)
        if known is None:
            raise SettlementRefused("no_order", "the trade has no order", "cancel the trade instead", field="trade_id")
        row = rows.lock_order(tx, known.order_id)
        if (before := settled(row)) is not None:
            if before.settlement.said == settlement.said:
                return rows.standing(row)
            _check_not_settled(before, row)
        doubt = _doubt(tx, trade, row)
        check(settlement, doubt)
        _take(tx, row, settlement, doubt)
        if row.final_at is not None:
            trade.unresolved_since = None
        return rows.standing(row)


def _check_not_settled(before: Settled, row: OrderRow) -> None:
    """A person may correct where to look; what has ended by a person's word stays so until the venue speaks."""
    if row.final_at is not None:
        text = f"it was settled before: {before.settlement.headline}, {before.at:%Y-%m-%d %H:%M:%S} UTC"
        raise SettlementRefused("settled_before", text, "what the venue reports will correct it; nothing else can")


def _doubt(tx: Transaction, trade: TradeRow, row: OrderRow) -> Doubt:
    return Doubt(
        standing=rows.standing(row),
        attempts=tuple(rows.attempts_of(tx, row.order_id)),
        reported_base=row.reported_base,
        is_unresolved=trade.unresolved_since is not None,
        at=tx.now(),
    )


def _take(tx: Transaction, row: OrderRow, settlement: Settlement, doubt: Doubt) -> None:
    kept = Settled(
        settlement=settlement,
        at=tx.now(),
        state=cast(OrderState, row.state),
        reported_base=row.reported_base,
        reason_code=row.reason_code,
        reason=row.reason,
    )
    row.settlement = kept.model_dump_json()
    note(tx, row.trade_id, "settled", settlement.headline, settlement.reason, level="alert")
    said = f"{settlement.headline}: {settlement.reason}"
    ended_because = row.gate_closed_code
    shut_gate(tx, row, _CODE, said)
    if settlement.kind == "never_placed":
        row.reason_code, row.reason = ended_because or "NotPlaced", said
        end(tx, row, "not_placed")
    elif settlement.kind == "filled":
        row.reason_code, row.reason = ended_because or _CODE, said
        _fill(tx, row, settlement, doubt)


def _fill(tx: Transaction, row: OrderRow, settlement: Settlement, doubt: Doubt) -> None:
    if (fill := settled_fill(settlement, doubt)) is not None:
        fills.book(tx, row, fill)
    row.reported_base = row.filled_base
    if row.filled_base == doubt.standing.order.base_qty:
        row.state = "filled"
    elif row.state not in TERMINAL:
        row.state = "cancelled"
    finish(tx, row)
