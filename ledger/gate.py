"""What the send gate looks at before anything goes out."""

from domain.orders import TERMINAL, Order, Prepared
from ledger import rows
from ledger.switches import halt_under_lock, latest_epoch
from ledger.tables import OrderRow, TradeRow
from ledger.transaction import Transaction

OTHER_TEMPORAL = "OtherTemporal"


def why_closed(tx: Transaction, row: OrderRow, prepared: Prepared, epoch: int) -> tuple[str, str] | None:
    """The code and reason for which nothing of this order may be sent now; None when the gate is open."""
    if row.state in TERMINAL:
        return row.reason_code or "OrderEnded", f"the order is {row.state.replace('_', ' ')} already"
    if row.gate_closed_code:
        return row.gate_closed_code, row.gate_closed_because
    if (halt := halt_under_lock(tx)).is_on:
        return "TradingHalted", f"trading is halted by {halt.changed_by}: {halt.reason}"
    trade = tx.get(TradeRow, row.trade_id)
    if trade.cancel_requested_at is not None:
        return "CancelRequested", trade.cancel_reason or "cancelled"
    return _other_temporal(tx, epoch) or _too_old(tx, trade) or _loosened(row, prepared)


def _other_temporal(tx: Transaction, epoch: int) -> tuple[str, str] | None:
    latest = latest_epoch(tx)
    if latest is None or latest.epoch == epoch:
        return None
    return OTHER_TEMPORAL, f"this worker belongs to Temporal epoch {epoch}, the ledger to epoch {latest.epoch}"


def _too_old(tx: Transaction, trade: TradeRow) -> tuple[str, str] | None:
    signal = rows.signal_of(tx, trade)
    max_age_s = rows.rules_of(trade).max_signal_age_s
    age_s = (tx.now() - signal.asked_at).total_seconds()
    if age_s <= max_age_s:
        return None
    return "SignalExpired", f"the signal is {age_s:.0f} s old, at most {max_age_s} s are allowed"


def _loosened(row: OrderRow, prepared: Prepared) -> tuple[str, str] | None:
    order = Order.model_validate_json(row.asked)
    worse = (
        prepared.limit_price > order.limit_price if order.action == "BUY" else prepared.limit_price < order.limit_price
    )
    if not worse:
        return None
    return "OrderMismatch", f"{prepared.limit_price:f} was prepared, the route allows {order.limit_price:f}"
