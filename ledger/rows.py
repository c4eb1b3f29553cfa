"""From rows to domain values, and the locks that the books take on them."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import bindparam
from sqlmodel import col, select

from domain.attempts import Attempt, Verdict
from domain.errors import LedgerBehind
from domain.orders import Fill, Order, OrderStanding, OrderState
from domain.outcomes import Outcome
from domain.pairs import parse_pair
from domain.positions import Position
from domain.rules import Rules
from domain.signals import Action, Signal
from domain.trades import OpenedTrade
from ledger.tables import AttemptRow, FillRow, OrderRow, PositionRow, SignalRow, TradeRow
from ledger.transaction import Transaction

ORDERS_OF_TRADE = select(OrderRow).where(col(OrderRow.trade_id) == bindparam("trade_id"))
_WITH_RESTING = (
    select(OrderRow.account)
    .where(col(OrderRow.final_at).is_(None), col(OrderRow.venue_order_id).is_not(None))
    .distinct()
)
_ATTEMPTS = select(AttemptRow).where(col(AttemptRow.order_id) == bindparam("order_id")).order_by(col(AttemptRow.number))


def behind(what: str) -> LedgerBehind:
    return LedgerBehind(f"the ledger has no {what}; was it restored from a backup?")


def lock_order(tx: Transaction, order_id: str) -> OrderRow:
    """The order's row, held until the transaction ends. Raises LedgerBehind when the ledger has never seen it."""
    return _there(tx.find(OrderRow, order_id, lock="update"), order_id)


def find_order(tx: Transaction, order_id: str) -> OrderRow:
    """The order's row as it stands. Raises LedgerBehind when the ledger has never seen it."""
    return _there(tx.find(OrderRow, order_id), order_id)


def _there(row: OrderRow | None, order_id: str) -> OrderRow:
    if row is None:
        raise behind(f"order {order_id}")
    return row


def lock_trade(tx: Transaction, trade_id: str) -> TradeRow:
    """The trade's row, held until the transaction ends. Raises LedgerBehind when the ledger has never seen it."""
    row = tx.find(TradeRow, trade_id, lock="update")
    if row is None:
        raise behind(f"trade {trade_id}")
    return row


def order_of_trade(tx: Transaction, trade_id: str) -> OrderRow | None:
    return tx.first(OrderRow, ORDERS_OF_TRADE, trade_id=trade_id)


def accounts_with_resting_orders(tx: Transaction) -> Sequence[str]:
    """Accounts with orders that their venues know and that are not final."""
    return sorted(tx.execute(_WITH_RESTING).scalars())


def attempts_of(tx: Transaction, order_id: str) -> Sequence[Attempt]:
    return [attempt(row) for row in tx.select(AttemptRow, _ATTEMPTS, order_id=order_id)]


def attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        order_id=row.order_id,
        number=row.number,
        generation=row.generation,
        fence_at=row.fence_at,
        admitted_at=row.admitted_at,
        verdict=cast(Verdict, row.verdict),
        reason_code=row.reason_code,
        evidence=row.evidence,
    )


def standing(row: OrderRow) -> OrderStanding:
    return OrderStanding(
        order=Order.model_validate_json(row.asked),
        state=cast(OrderState, row.state),
        final=row.final_at is not None,
        venue_order_id=row.venue_order_id,
        filled_base=row.filled_base,
        filled_quote=row.filled_quote,
        fee=row.fee,
        reason_code=row.reason_code,
        reason=row.reason,
    )


def signal_of(tx: Transaction, row: TradeRow) -> Signal:
    return Signal.model_validate_json(tx.get(SignalRow, row.signal_id).signal)


def opened_trade(row: TradeRow, signal: Signal, order: OrderRow | None) -> OpenedTrade:
    return OpenedTrade(
        trade_id=row.trade_id,
        signal=signal,
        rules=rules_of(row),
        opened_at=row.opened_at,
        standing=standing(order) if order else None,
        outcome=Outcome.model_validate_json(row.outcome) if row.outcome else None,
        cancel_reason=row.cancel_reason,
    )


def rules_of(row: TradeRow) -> Rules:
    """The rules under which the trade was opened."""
    if row.rules is None:
        raise ValueError(f"trade {row.trade_id} was never opened")
    return Rules.model_validate_json(row.rules)


def fill(row: FillRow) -> Fill:
    return Fill(
        venue_fill_id=row.venue_fill_id,
        base_qty=row.base_qty,
        price=row.price,
        fee=row.fee,
        filled_at=row.filled_at,
        liquidity=row.liquidity,
    )


def position(row: PositionRow) -> Position:
    return Position(
        account=row.account,
        pair=parse_pair(row.pair),
        base_qty=row.base_qty,
        cost=row.cost,
        realised=row.realised,
        fees=row.fees,
    )


def action(row: OrderRow) -> Action:
    return cast(Action, row.action)
