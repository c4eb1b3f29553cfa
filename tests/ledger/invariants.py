"""What must hold in the tables themselves after every step, whatever happened."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from sqlmodel import SQLModel, select

from domain.money import ceil_to_micro
from domain.orders import TERMINAL
from ledger.tables import (
    AttemptRow,
    BudgetRow,
    FillRow,
    OrderRow,
    PositionRow,
    ReservationRow,
    TradeRow,
)
from ledger.transaction import Transaction

R = TypeVar("R", bound=SQLModel)
# What dividing by 78 digits may lose.
TINY = Decimal("1e-50")


@dataclass(frozen=True)
class Tables:
    """Everything about money, as it is stored."""

    trades: Sequence[TradeRow]
    orders: Sequence[OrderRow]
    attempts: Sequence[AttemptRow]
    fills: Sequence[FillRow]
    positions: Sequence[PositionRow]
    budgets: Sequence[BudgetRow]
    reservations: Sequence[ReservationRow]


def read_tables(tx: Transaction) -> Tables:
    def every(table: type[R]) -> Sequence[R]:
        return tx.select(table, select(table))

    return Tables(
        trades=every(TradeRow),
        orders=every(OrderRow),
        attempts=every(AttemptRow),
        fills=every(FillRow),
        positions=every(PositionRow),
        budgets=every(BudgetRow),
        reservations=every(ReservationRow),
    )


def check_orders(tables: Tables) -> None:
    """One order for each trade, whose quantities are those of its fills; final when nothing more can come."""
    assert len({row.trade_id for row in tables.orders}) == len(tables.orders)
    for row in tables.orders:
        fills = [fill for fill in tables.fills if fill.order_id == row.order_id]
        assert row.filled_base == sum((fill.base_qty for fill in fills), Decimal(0))
        assert row.filled_quote == sum((fill.base_qty * fill.price for fill in fills), Decimal(0))
        assert row.fee == sum((fill.fee for fill in fills), Decimal(0))
        assert row.reported_base >= row.filled_base
        is_over = row.state in TERMINAL and row.filled_base == row.reported_base
        assert (row.final_at is not None) == is_over, row.state


def check_attempts(tables: Tables) -> None:
    """They are numbered without a gap, and nothing goes out after one that was accepted."""
    for row in tables.orders:
        mine = sorted((kept for kept in tables.attempts if kept.order_id == row.order_id), key=lambda kept: kept.number)
        assert [kept.number for kept in mine] == list(range(1, len(mine) + 1))
        accepted_at = min(
            (kept.answered_at for kept in mine if kept.verdict == "accepted" and kept.answered_at), default=None
        )
        assert accepted_at is None or all(kept.admitted_at <= accepted_at for kept in mine)


def check_closed_trades(tables: Tables) -> None:
    """A closed trade has no living order, but for one of which the venue itself spoke later."""
    closed = {row.trade_id for row in tables.trades if row.status == "closed"}
    for row in tables.orders:
        if row.trade_id in closed:
            assert row.final_at is not None or row.venue_order_id is not None, row.state
    assert all(row.outcome for row in tables.trades if row.status == "closed")


def check_budgets(tables: Tables) -> None:
    """A budget is the sum of its reservations; a final order holds nothing and is charged for what it filled."""
    sums: dict[tuple[str, object], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for held in tables.reservations:
        for name in held.budgets.split(","):
            before = sums[name, held.day]
            sums[name, held.day] = [
                before[0] + held.trades,
                before[1] + held.usd_reserved,
                before[2] + held.usd_spent,
            ]
    assert {(row.budget, row.day): [row.trades, row.usd_reserved, row.usd_spent] for row in tables.budgets} == sums
    orders = {row.order_id: row for row in tables.orders}
    assert orders.keys() == {held.order_id for held in tables.reservations}
    for held in tables.reservations:
        order = orders[held.order_id]
        if order.final_at is not None:
            assert held.usd_reserved == 0
            assert held.usd_spent == ceil_to_micro(order.filled_quote)
            assert held.trades == (1 if order.filled_base else 0)


def check_positions(tables: Tables) -> None:
    """A position is what its fills moved, and money that went in is held or was realised: to the last digit.

    Of one whose only fill was taken back an empty row is left.
    """
    moved: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for fill in tables.fills:
        sign = 1 if fill.action == "BUY" else -1
        before = moved[fill.account, fill.pair]
        paid = sign * fill.base_qty * fill.price + fill.fee
        moved[fill.account, fill.pair] = [before[0] + sign * fill.base_qty, before[1] + fill.fee, before[2] + paid]
    assert {(row.account, row.pair) for row in tables.positions} >= moved.keys()
    for row in tables.positions:
        base, fees, paid = moved[row.account, row.pair]
        assert (row.base_qty, row.fees) == (base, fees)
        assert abs(row.cost - row.realised - paid) < TINY
        assert base != 0 or abs(row.cost) < TINY


def check_all(tables: Tables) -> None:
    check_orders(tables)
    check_attempts(tables)
    check_closed_trades(tables)
    check_budgets(tables)
    check_positions(tables)
