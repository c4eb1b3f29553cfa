"""Budgets: what may still be spent today, and the slice that each order holds of it.

Two rows for each day: `paper` (or `live`) counts every trade, `paper/cex` those on centralised exchanges. Reservations
are made in the transaction that makes the order, and settled in the one that books its last fill.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, update
from sqlmodel import col

from domain.errors import BudgetExhausted
from domain.money import ceil_to_micro, plain
from domain.rules import Limits
from ledger.columns import Dollars
from ledger.tables import BudgetRow, OrderRow, ReservationRow
from ledger.transaction import Transaction

# Left to itself an expression would bind a plain number, not what the column stores.
_USED = col(BudgetRow.usd_reserved) + col(BudgetRow.usd_spent)
_CHANGE = (
    update(BudgetRow)
    .where(col(BudgetRow.budget) == bindparam("name"), col(BudgetRow.day) == bindparam("on"))
    .values(
        trades=col(BudgetRow.trades) + bindparam("more_trades"),
        usd_reserved=col(BudgetRow.usd_reserved) + bindparam("more_reserved", type_=Dollars()),
        usd_spent=col(BudgetRow.usd_spent) + bindparam("more_spent", type_=Dollars()),
    )
)
_TAKE = _CHANGE.where(bindparam("most_before", type_=Dollars()) >= _USED)
_TAKE_ONE = _TAKE.where(col(BudgetRow.trades) < bindparam("max_trades"))


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
    tx: Transaction, order_id: str, usd: Decimal, budgets: Sequence[Budget], *, day_timezone: str, limited: bool
) -> None:
    """Hold `usd` and one trade of each budget for the order. Raises BudgetExhausted (entries only: `limited`)."""
    usd = ceil_to_micro(usd)
    day = _day(tx.now(), day_timezone)
    for budget in budgets:
        if not _take(tx, budget, day, usd, limited):
            raise BudgetExhausted(_why_not(tx, budget, day, usd))
    tx.add(
        ReservationRow(
            order_id=order_id, budgets=",".join(budget.name for budget in budgets), day=day, usd_reserved=usd
        )
    )


def settle(tx: Transaction, order: OrderRow) -> None:
    """Book what the final order really used and give back the rest. Safe to repeat; a late fill is charged."""
    held = tx.find(ReservationRow, order.order_id, lock="update")
    if held is None:
        return
    spent = ceil_to_micro(order.filled_quote)
    trades = 1 if order.filled_base else 0
    for name in held.budgets.split(","):
        tx.execute(
            _CHANGE,
            name=name,
            on=held.day,
            more_trades=trades - held.trades,
            more_reserved=-held.usd_reserved,
            more_spent=spent - held.usd_spent,
        )
    held.trades, held.usd_reserved, held.usd_spent = trades, Decimal(0), spent
    held.settled_at = tx.now()


def _day(at: datetime, day_timezone: str) -> date:
    return at.astimezone(ZoneInfo(day_timezone)).date()


def _take(tx: Transaction, budget: Budget, day: date, usd: Decimal, limited: bool) -> bool:
    """Whether the budget has that much left, and now less; the first order of a day makes its row."""
    if _take_from_row(tx, budget, day, usd, limited):
        return True
    tx.add_once(BudgetRow(budget=budget.name, day=day))
    return _take_from_row(tx, budget, day, usd, limited)


def _take_from_row(tx: Transaction, budget: Budget, day: date, usd: Decimal, limited: bool) -> bool:
    """One conditional update: two orders that race for the last slice cannot both get it."""
    change = {"name": budget.name, "on": day, "more_trades": 1, "more_reserved": usd, "more_spent": Decimal(0)}
    if not limited:
        taken = tx.execute(_CHANGE, **change)
    elif budget.max_trades is None:
        taken = tx.execute(_TAKE, **change, most_before=budget.max_usd - usd)
    else:
        taken = tx.execute(_TAKE_ONE, **change, most_before=budget.max_usd - usd, max_trades=budget.max_trades)
    return taken.rowcount == 1


def _why_not(tx: Transaction, budget: Budget, day: date, usd: Decimal) -> str:
    row = tx.get(BudgetRow, budget.name, day)
    if budget.max_trades is not None and row.trades >= budget.max_trades:
        return f"all {budget.max_trades} trades of {day} are used (budget {budget.name})"
    used = row.usd_reserved + row.usd_spent
    return (
        f"{plain(usd)} USD would go over the limit of {plain(budget.max_usd)} USD a day: "
        f"{plain(used)} USD of {day} are used or reserved (budget {budget.name})"
    )
