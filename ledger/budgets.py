"""Budgets: what may still be spent today, and the slice that each order holds of it.

Two rows for each day: `paper` (or `live`) counts every trade, `paper/cex` those on centralised exchanges. Reservations
are made in the transaction that makes the order, and settled in the one that books its last fill.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, CursorResult, literal, update
from sqlmodel import Session, col

from domain.errors import BudgetExhausted
from domain.money import ceil_to_micro, plain
from domain.rules import Limits
from ledger.columns import Dollars
from ledger.database import insert_once, now
from ledger.tables import BudgetRow, OrderRow, ReservationRow


class Budget(NamedTuple):
    """A budget and its limits for one day; None: this budget does not limit that."""

    name: str
    max_trades: int | None
    max_usd: Decimal


def budgets_for(mode: str, limits: Limits) -> tuple[Budget, ...]:
    """The budgets that an order on a centralised exchange draws from."""
    return (
        Budget(mode, limits.daily_trades, limits.daily_usd),
        Budget(f"{mode}/cex", None, limits.daily_cex_usd),
    )


def reserve(
    session: Session, order_id: str, usd: Decimal, budgets: Sequence[Budget], *, day_timezone: str, limited: bool
) -> None:
    """Hold `usd` and one trade of each budget for the order. Raises BudgetExhausted (entries only: `limited`)."""
    usd = ceil_to_micro(usd)
    day = _day(now(session), day_timezone)
    for budget in budgets:
        if not _take(session, budget, day, usd, limited):
            raise BudgetExhausted(_why_not(session, budget, day, usd))
    session.add(
        ReservationRow(
            order_id=order_id, budgets=",".join(budget.name for budget in budgets), day=day, usd_reserved=usd
        )
    )


def settle(session: Session, order: OrderRow) -> None:
    """Book what the final order really used and give back the rest. Safe to repeat; a late fill is charged."""
    held = session.get(ReservationRow, order.order_id, with_for_update=True)
    if held is None:
        return
    spent = ceil_to_micro(order.filled_quote)
    trades = 1 if order.filled_base else 0
    for name in held.budgets.split(","):
        session.execute(
            update(BudgetRow)
            .where(col(BudgetRow.budget) == name, col(BudgetRow.day) == held.day)
            .values(
                trades=col(BudgetRow.trades) + (trades - held.trades),
                usd_reserved=col(BudgetRow.usd_reserved) - _dollars(held.usd_reserved),
                usd_spent=col(BudgetRow.usd_spent) + _dollars(spent - held.usd_spent),
            )
        )
    held.trades, held.usd_reserved, held.usd_spent = trades, Decimal(0), spent
    held.settled_at = now(session)


def _day(at: datetime, day_timezone: str) -> date:
    return at.astimezone(ZoneInfo(day_timezone)).date()


def _take(session: Session, budget: Budget, day: date, usd: Decimal, limited: bool) -> bool:
    """Whether the budget has that much left, and now less; the first order of a day makes its row."""
    if _take_from_row(session, budget, day, usd, limited):
        return True
    insert_once(session, BudgetRow(budget=budget.name, day=day))
    return _take_from_row(session, budget, day, usd, limited)


def _take_from_row(session: Session, budget: Budget, day: date, usd: Decimal, limited: bool) -> bool:
    """One conditional update: two orders that race for the last slice cannot both get it."""
    taken = update(BudgetRow).where(col(BudgetRow.budget) == budget.name, col(BudgetRow.day) == day)
    if limited:
        taken = taken.where(col(BudgetRow.usd_reserved) + col(BudgetRow.usd_spent) <= _dollars(budget.max_usd - usd))
        if budget.max_trades is not None:
            taken = taken.where(col(BudgetRow.trades) < budget.max_trades)
    result = session.execute(
        taken.values(trades=col(BudgetRow.trades) + 1, usd_reserved=col(BudgetRow.usd_reserved) + _dollars(usd))
    )
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def _dollars(usd: Decimal) -> BindParameter[Decimal]:
    """`usd` as its column stores it; left to itself, an expression would bind a plain number."""
    return literal(usd, Dollars())


def _why_not(session: Session, budget: Budget, day: date, usd: Decimal) -> str:
    row = session.get_one(BudgetRow, (budget.name, day), populate_existing=True)
    if budget.max_trades is not None and row.trades >= budget.max_trades:
        return f"all {budget.max_trades} trades of {day} are used (budget {budget.name})"
    used = row.usd_reserved + row.usd_spent
    return (
        f"{plain(usd)} USD would go over the limit of {plain(budget.max_usd)} USD a day: "
        f"{plain(used)} USD of {day} are used or reserved (budget {budget.name})"
    )
