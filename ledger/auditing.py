"""What the auditor reads: whole snapshots, with the rows that belong together beside each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select

from domain.audits import (
    BookedBudget,
    BookedFill,
    BookedOrder,
    BookedPosition,
    BookedTrade,
    Held,
    LedgerBooks,
    TradeBooks,
)
from domain.outcomes import Outcome
from domain.pairs import Pair, parse_pair
from domain.positions import Position
from domain.values import Value
from ledger import rows
from ledger.book import Book, reads
from ledger.tables import (
    AccountRow,
    AttemptRow,
    BudgetRow,
    FillRow,
    OrderRow,
    PositionRow,
    PreparedRow,
    ReservationRow,
    SignalRow,
    TradeRow,
)
from ledger.transaction import Transaction

R = TypeVar("R", bound=SQLModel)
# Ids in one question: far below what either database takes.
_MANY = 1000
_NOTHING = Held(trades=0, usd_reserved=Decimal(0), usd_spent=Decimal(0))
_IDS: Any = bindparam("ids", expanding=True)
_NOT_FINAL = col(OrderRow.final_at).is_(None)
_IN_WINDOW = or_(_NOT_FINAL, col(OrderRow.final_at) >= bindparam("since"))
_OLDEST = select(func.min(OrderRow.sized_at)).where(col(OrderRow.account) == bindparam("account"), _IN_WINDOW)
_ORDERS = select(OrderRow).where(col(OrderRow.account) == bindparam("account"), _IN_WINDOW)
_ORDERS_BY_ID = select(OrderRow).where(col(OrderRow.order_id).in_(_IDS), col(OrderRow.account) == bindparam("account"))
_NAMED = select(PreparedRow.order_id).where(col(PreparedRow.client_order_id).in_(_IDS))
_PREPARED = select(PreparedRow.order_id, PreparedRow.client_order_id).where(col(PreparedRow.order_id).in_(_IDS))
_FILLS = select(FillRow).where(col(FillRow.order_id).in_(_IDS)).order_by(col(FillRow.booked_at))
_RESERVATIONS = select(ReservationRow).where(col(ReservationRow.order_id).in_(_IDS))
_TRADES = select(TradeRow).where(col(TradeRow.trade_id).in_(_IDS))
_TRADES_AT_WORK = select(TradeRow).where(col(TradeRow.status) != "closed")
_STARTED = select(SignalRow.trade_id).where(col(SignalRow.trade_id).in_(_IDS), col(SignalRow.started_at).is_not(None))
_POSITIONS = select(PositionRow).where(col(PositionRow.account) == bindparam("account"))
_FILLED = select_columns(
    col(FillRow.pair), col(FillRow.action), col(FillRow.base_qty), col(FillRow.price), col(FillRow.fee)
).where(col(FillRow.account) == bindparam("account"))
_GIVEN_OUT = select_columns(
    col(ReservationRow.budgets),
    col(ReservationRow.day),
    func.sum(ReservationRow.trades).label("trades"),
    func.sum(ReservationRow.usd_reserved).label("usd_reserved"),
    func.sum(ReservationRow.usd_spent).label("usd_spent"),
).group_by(col(ReservationRow.budgets), col(ReservationRow.day))
_OPEN = (
    select(OrderRow).where(_NOT_FINAL, col(OrderRow.sized_at) <= bindparam("before")).order_by(col(OrderRow.sized_at))
)
_LAST_ATTEMPT = select(AttemptRow).where(col(AttemptRow.order_id).in_(_IDS)).order_by(col(AttemptRow.number))


class OpenOrder(Value):
    """An order that is not final. `fence_at`: from then on its venue refuses what was sent last."""

    order_id: str
    trade_id: str
    account: str
    pair: Pair
    action: str
    state: str
    venue_order_id: str | None
    base_qty: Decimal
    filled_base: Decimal
    sized_at: datetime
    age_s: int
    attempts: int
    last_sent_at: datetime | None
    fence_at: datetime | None


class Auditing(Book):
    """The auditor's book to read from."""

    @reads
    def now(self, tx: Transaction) -> datetime:
        """The time by the ledger's clock."""
        return tx.now()

    @reads
    def accounts(self, tx: Transaction) -> Sequence[str]:
        """Every account that was ever registered."""
        return sorted(tx.execute(select(AccountRow.name)).scalars())

    @reads
    def window(self, tx: Transaction, account: str, back: timedelta) -> datetime:
        """From when on the account's orders are compared: `back` from now, or when its oldest open order was sized."""
        earliest = tx.now() - back
        oldest: datetime | None = tx.execute(_OLDEST, account=account, since=earliest).scalar()
        return min(earliest, oldest) if oldest else earliest

    @reads
    def books(
        self, tx: Transaction, account: str, since: datetime, client_order_ids: Sequence[str] = ()
    ) -> LedgerBooks:
        """The account's orders that are not final or were until `since`, or have one of the ids; all its positions."""
        orders = {row.order_id: row for row in tx.select(OrderRow, _ORDERS, account=account, since=since)}
        named = [order_id for ids in _chunks(client_order_ids) for order_id in tx.execute(_NAMED, ids=ids).scalars()]
        for ids in _chunks([order_id for order_id in named if order_id not in orders]):
            orders |= {row.order_id: row for row in tx.select(OrderRow, _ORDERS_BY_ID, ids=ids, account=account)}
        return LedgerBooks(
            account=account,
            at=tx.now(),
            since=since,
            orders=tuple(_with_all(tx, orders)),
            positions=tuple(_positions(tx, account)),
        )

    @reads
    def budgets(self, tx: Transaction) -> Sequence[BookedBudget]:
        """Every budget's row of every day, beside what its reservations sum to."""
        booked = {(row.budget, row.day): _held(row) for row in tx.select(BudgetRow, select(BudgetRow))}
        summed: dict[tuple[str, Any], Held] = defaultdict(lambda: _NOTHING)
        for row in tx.execute(_GIVEN_OUT):
            for name in row.budgets.split(","):
                summed[name, row.day] = _plus(summed[name, row.day], row)
        return [
            BookedBudget(budget=name, day=day, booked=booked.get((name, day), _NOTHING), summed=summed[name, day])
            for name, day in sorted(booked.keys() | summed.keys())
        ]

    @reads
    def trades(self, tx: Transaction, trade_ids: Sequence[str]) -> TradeBooks:
        """Every trade that is not closed, and those with these ids."""
        found = {row.trade_id: row for row in tx.select(TradeRow, _TRADES_AT_WORK)}
        found |= _by_id(tx, TradeRow, _TRADES, [trade_id for trade_id in trade_ids if trade_id not in found])
        started = {trade_id for ids in _chunks(found) for trade_id in tx.execute(_STARTED, ids=ids).scalars()}
        return TradeBooks(at=tx.now(), trades=tuple(_trade(row, row.trade_id in started) for row in found.values()))

    @reads
    def open_orders(self, tx: Transaction, older_than: timedelta, most: int) -> Sequence[OpenOrder]:
        """Orders that are not final and were sized at least so long ago, oldest first."""
        found = tx.select(OrderRow, _OPEN.limit(most), before=tx.now() - older_than)
        attempts = {
            row.order_id: row
            for ids in _chunks([order.order_id for order in found])
            for row in tx.select(AttemptRow, _LAST_ATTEMPT, ids=ids)
        }
        return [_open_order(row, attempts.get(row.order_id), tx.now()) for row in found]


def _with_all(tx: Transaction, orders: Mapping[str, OrderRow]) -> Iterator[BookedOrder]:
    """The orders with everything that belongs to them."""
    fills: dict[str, list[BookedFill]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    for ids in _chunks(orders):
        for kept in tx.select(FillRow, _FILLS, ids=ids):
            fills[kept.order_id].append(BookedFill(fill=rows.fill(kept), booked_at=kept.booked_at))
        for prepared in tx.execute(_PREPARED, ids=ids):
            names[prepared.order_id].append(prepared.client_order_id)
    held = _by_id(tx, ReservationRow, _RESERVATIONS, orders)
    trades = _by_id(tx, TradeRow, _TRADES, {row.trade_id for row in orders.values()})
    for order_id, row in orders.items():
        trade = trades[row.trade_id]
        yield BookedOrder(
            standing=rows.standing(row),
            reported_base=row.reported_base,
            sized_at=row.sized_at,
            client_order_ids=tuple(names[order_id]),
            fills=tuple(fills[order_id]),
            held=_held(held[order_id]) if order_id in held else None,
            trade_status=trade.status,
            closed_at=trade.closed_at,
            outcome=Outcome.model_validate_json(trade.outcome) if trade.outcome else None,
        )


def _positions(tx: Transaction, account: str) -> Iterator[BookedPosition]:
    """Each position beside the sums of its fills; one that has fills and no row counts as empty.

    Sums do not depend on the order in which fills were booked, which two transactions do not leave behind.
    """
    sums: dict[str, tuple[Decimal, Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0), Decimal(0)))
    for fill in tx.execute(_FILLED, account=account):
        base, paid, fees = sums[fill.pair]
        signed = fill.base_qty if fill.action == "BUY" else -fill.base_qty
        sums[fill.pair] = base + signed, paid + signed * fill.price + fill.fee, fees + fill.fee
    kept = {row.pair: rows.position(row) for row in tx.select(PositionRow, _POSITIONS, account=account)}
    for pair in sorted(kept.keys() | sums.keys()):
        base, paid, fees = sums[pair]
        position = kept.get(pair) or Position(account=account, pair=parse_pair(pair))
        yield BookedPosition(position=position, base_qty=base, paid=paid, fees=fees)


def _trade(row: TradeRow, is_started: bool) -> BookedTrade:
    return BookedTrade(
        trade_id=row.trade_id,
        account=row.account or "",
        status=row.status,
        received_at=row.received_at,
        closed_at=row.closed_at,
        is_started=is_started,
    )


def _open_order(row: OrderRow, last: AttemptRow | None, now: datetime) -> OpenOrder:
    return OpenOrder(
        order_id=row.order_id,
        trade_id=row.trade_id,
        account=row.account,
        pair=parse_pair(row.pair),
        action=row.action,
        state=row.state,
        venue_order_id=row.venue_order_id,
        base_qty=rows.standing(row).order.base_qty,
        filled_base=row.filled_base,
        sized_at=row.sized_at,
        age_s=int((now - row.sized_at).total_seconds()),
        attempts=last.number if last else 0,
        last_sent_at=last.admitted_at if last else None,
        fence_at=last.fence_at if last else None,
    )


def _held(row: Any) -> Held:
    return Held(trades=row.trades, usd_reserved=row.usd_reserved, usd_spent=row.usd_spent)


def _plus(held: Held, more: Any) -> Held:
    return Held(
        trades=held.trades + more.trades,
        usd_reserved=held.usd_reserved + more.usd_reserved,
        usd_spent=held.usd_spent + more.usd_spent,
    )


def _by_id(tx: Transaction, table: type[R], statement: Select[Any], ids: Iterable[str]) -> dict[str, R]:
    """Rows by the first column of their primary key."""
    key = "order_id" if table is ReservationRow else "trade_id"
    return {getattr(row, key): row for some in _chunks(ids) for row in tx.select(table, statement, ids=some)}


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    for start in range(0, len(every), _MANY):
        yield every[start : start + _MANY]
