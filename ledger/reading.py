"""What people read: trades with their timeline, orders, attempts and fills; positions; budgets; alerts."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import BindParameter, bindparam
from sqlmodel import col, select

from domain.attempts import Attempt
from domain.orders import Fill, OrderStanding
from domain.outcomes import Outcome
from domain.positions import Position
from domain.rules import Rules
from domain.signals import Signal
from domain.values import Value
from ledger import rows
from ledger.book import Book, reads
from ledger.tables import AlertRow, AuditRow, BudgetRow, FillRow, OrderRow, PositionRow, SignalRow, TradeRow
from ledger.transaction import Transaction

_TRADE_IDS: BindParameter[list[str]] = bindparam("trade_ids", expanding=True)
_ORDERS = select(OrderRow).where(col(OrderRow.trade_id).in_(_TRADE_IDS))
_SIGNALS = select(SignalRow).where(col(SignalRow.trade_id).in_(_TRADE_IDS))
_TIMELINE = select(AuditRow).where(col(AuditRow.trade_id) == bindparam("trade_id")).order_by(col(AuditRow.event_id))
_FILLS = (
    select(FillRow)
    .where(col(FillRow.order_id).in_(bindparam("order_ids", expanding=True)))
    .order_by(col(FillRow.filled_at))
)


class TradeLine(Value):
    """One trade in a list."""

    trade_id: str
    source: str
    strategy: str | None
    account: str | None
    action: str
    pair: str
    status: str
    outcome: str | None
    reason: str
    size: str
    filled_base: Decimal
    filled_quote: Decimal
    average_price: Decimal | None
    received_at: datetime
    closed_at: datetime | None
    unresolved: bool


class TimelineEvent(Value):
    """One stop of the trip: what was decided there, and why."""

    at: datetime
    stop: str
    decision: str
    reason: str
    level: str


class TradeSheet(Value):
    """Everything about one trade."""

    trade_id: str
    status: str
    signal: Signal
    account: str | None
    rules: Rules | None
    received_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    cancel_reason: str | None
    cancelled_by: str | None
    unresolved_since: datetime | None
    timeline: tuple[TimelineEvent, ...]
    orders: tuple[OrderStanding, ...]
    attempts: tuple[Attempt, ...]
    fills: tuple[Fill, ...]


class TradeFilter(Value):
    """Which trades to list; None: any. `before`: only those that come after this trade id in the list."""

    status: str | None = None
    outcome: str | None = None
    pair: str | None = None
    action: str | None = None
    account: str | None = None
    source: str | None = None
    strategy: str | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AlertLine(Value):
    """What became of one alert."""

    received_at: datetime
    source: str
    remote: str
    fate: str
    code: str
    reason: str
    signal_id: str | None
    body: str


class BudgetLine(Value):
    """What one budget has given out on one day."""

    budget: str
    day: date
    trades: int
    usd_reserved: Decimal
    usd_spent: Decimal


class Reading(Book):
    """Read-only views, each on one snapshot."""

    @reads
    def trades(self, tx: Transaction, which: TradeFilter) -> Sequence[TradeLine]:
        """Trades, newest first; `which.before`: only those that come after this trade id in that order."""
        statement = select(TradeRow)
        wanted = which.model_dump(exclude_none=True, exclude={"before", "outcome", "limit"})
        for column, value in wanted.items():
            statement = statement.where(col(getattr(TradeRow, column)) == value)
        if which.outcome is not None:
            statement = statement.where(col(TradeRow.outcome_kind) == which.outcome)
        if which.before is not None:
            statement = statement.where(col(TradeRow.trade_id) < which.before)
        statement = statement.order_by(col(TradeRow.trade_id).desc()).limit(which.limit)
        trades = tx.select(TradeRow, statement)
        ids = [trade.trade_id for trade in trades]
        orders = {order.trade_id: order for order in tx.select(OrderRow, _ORDERS, trade_ids=ids)}
        signals = {kept.trade_id: kept for kept in tx.select(SignalRow, _SIGNALS, trade_ids=ids)}
        return [_line(trade, orders.get(trade.trade_id), signals[trade.trade_id]) for trade in trades]

    @reads
    def trade(self, tx: Transaction, trade_id: str) -> TradeSheet | None:
        """One trade, whole."""
        row = tx.find(TradeRow, trade_id)
        return _sheet(tx, row) if row else None

    @reads
    def positions(self, tx: Transaction) -> Sequence[Position]:
        """What our trades have left on each account."""
        order = (col(PositionRow.account), col(PositionRow.pair))
        return [rows.position(row) for row in tx.select(PositionRow, select(PositionRow).order_by(*order))]

    @reads
    def budgets(self, tx: Transaction, limit: int = 14) -> Sequence[BudgetLine]:
        """What was given out, the latest days first."""
        statement = select(BudgetRow).order_by(col(BudgetRow.day).desc(), col(BudgetRow.budget)).limit(limit)
        return [BudgetLine(**row.model_dump()) for row in tx.select(BudgetRow, statement)]

    @reads
    def alerts(self, tx: Transaction, limit: int) -> Sequence[AlertLine]:
        """What came in, latest first, and its fate."""
        statement = select(AlertRow).order_by(col(AlertRow.alert_id).desc()).limit(limit)
        return [AlertLine(**row.model_dump(exclude={"alert_id"})) for row in tx.select(AlertRow, statement)]


def _line(trade: TradeRow, order: OrderRow | None, kept: SignalRow) -> TradeLine:
    outcome = Outcome.model_validate_json(trade.outcome) if trade.outcome else None
    standing = rows.standing(order) if order else None
    return TradeLine(
        trade_id=trade.trade_id,
        source=trade.source,
        strategy=trade.strategy,
        account=trade.account,
        action=trade.action,
        pair=trade.pair,
        status=trade.status,
        outcome=trade.outcome_kind,
        reason=outcome.reason if outcome else "",
        size=Signal.model_validate_json(kept.signal).size_text,
        filled_base=standing.filled_base if standing else Decimal(0),
        filled_quote=standing.filled_quote if standing else Decimal(0),
        average_price=standing.average_price if standing else None,
        received_at=trade.received_at,
        closed_at=trade.closed_at,
        unresolved=trade.unresolved_since is not None,
    )


def _sheet(tx: Transaction, trade: TradeRow) -> TradeSheet:
    orders = tx.select(OrderRow, rows.ORDERS_OF_TRADE, trade_id=trade.trade_id)
    events = tx.select(AuditRow, _TIMELINE, trade_id=trade.trade_id)
    fills = tx.select(FillRow, _FILLS, order_ids=[row.order_id for row in orders])
    return TradeSheet(
        trade_id=trade.trade_id,
        status=trade.status,
        signal=rows.signal_of(tx, trade),
        account=trade.account,
        rules=rows.rules_of(trade) if trade.rules else None,
        received_at=trade.received_at,
        opened_at=trade.opened_at,
        closed_at=trade.closed_at,
        outcome=Outcome.model_validate_json(trade.outcome) if trade.outcome else None,
        cancel_reason=trade.cancel_reason,
        cancelled_by=trade.cancelled_by,
        unresolved_since=trade.unresolved_since,
        timeline=tuple(TimelineEvent(**row.model_dump(exclude={"event_id", "trade_id"})) for row in events),
        orders=tuple(rows.standing(row) for row in orders),
        attempts=tuple(attempt for row in orders for attempt in rows.attempts_of(tx, row.order_id)),
        fills=tuple(rows.fill(row) for row in fills),
    )
