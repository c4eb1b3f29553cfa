"""The comparisons of the ledger's books among themselves, and of its trades with Temporal. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from domain.audits import (
    BookedBudget,
    BookedOrder,
    BookedPosition,
    BookedTrade,
    Difference,
    Held,
    LedgerBooks,
    TradeBooks,
    WorkflowState,
)
from domain.money import ceil_to_micro, plain
from domain.names import trade_workflow_id

# What dividing by 78 digits may lose in many fills.
_TINY = Decimal("1e-40")

_LEFT: Mapping[WorkflowState, str] = {
    "missing": "Temporal has no workflow for it",
    "ended": "its workflow was ended in Temporal; the relay of the api ends the trade properly",
    "completed": "its workflow has completed",
    "failed": "its workflow has failed, an engineer is needed",
}


def within_ledger(books: LedgerBooks) -> list[Difference]:
    """How the books of one account differ from each other."""
    found = [difference for position in books.positions for difference in _of_position(books.account, position)]
    for order in books.orders:
        checks = (_totals(order), _outliving(order), _holding(order), _outcome(order))
        found += [difference for difference in checks if difference is not None]
    return found


def within_budgets(budgets: Iterable[BookedBudget]) -> list[Difference]:
    """Budgets that have not given out what their reservations hold and spent."""
    return [
        Difference(
            code="budget_differs",
            book="ledger",
            account="",
            place=f"{budget.budget}/{budget.day}",
            what=f"the budget says {_slice(budget.booked)}; its reservations sum to {_slice(budget.summed)}",
        )
        for budget in budgets
        if budget.booked != budget.summed
    ]


def doubtful_trades(books: TradeBooks, running: Collection[str], age: timedelta) -> Iterator[str]:
    """Trades whose workflow must be looked up by its id: the list of running ones, which lags, does not fit the ledger.

    What is younger than `age` is on its way.
    """
    known = {trade.trade_id: trade for trade in books.trades}
    for trade in books.trades:
        if trade.trade_id not in running and _waits(trade, books, age):
            yield trade.trade_id
    for trade_id in running:
        if trade_id not in known or _ended_before(known[trade_id], books, age):
            yield trade_id


def with_temporal(books: TradeBooks, states: Mapping[str, WorkflowState]) -> list[Difference]:
    """How trades and their workflows differ. `states`: of the doubtful ones, as Temporal has them now."""
    known = {trade.trade_id: trade for trade in books.trades}
    found = [_of_workflow(known.get(trade_id), trade_id, state) for trade_id, state in states.items()]
    return [difference for difference in found if difference is not None]


def _of_position(account: str, booked: BookedPosition) -> Iterator[Difference]:
    position = booked.position
    pairs = (
        ("quantity", position.base_qty, booked.base_qty),
        ("fees", position.fees, booked.fees),
        ("cost less what was realised", position.cost - position.realised, booked.paid),
    )
    wrong = [
        f"{name} is {plain(ours)}, its fills sum to {plain(sums)}" for name, ours, sums in pairs if _apart(ours, sums)
    ]
    if wrong:
        place, what = str(position.pair), "; ".join(wrong)
        yield Difference(code="position_differs", book="ledger", account=account, place=place, what=what)


def _apart(ours: Decimal, theirs: Decimal) -> bool:
    return abs(ours - theirs) > _TINY


def _totals(order: BookedOrder) -> Difference | None:
    standing, fills = order.standing, [booked.fill for booked in order.fills]
    pairs = (
        ("filled", standing.filled_base, sum((fill.base_qty for fill in fills), Decimal(0))),
        ("worth", standing.filled_quote, sum((fill.quote_qty for fill in fills), Decimal(0))),
        ("fee", standing.fee, sum((fill.fee for fill in fills), Decimal(0))),
    )
    wrong = [
        f"{name} is {plain(ours)}, its {len(fills)} fills sum to {plain(sums)}"
        for name, ours, sums in pairs
        if ours != sums
    ]
    return _about(order, "order_totals_differ", "; ".join(wrong)) if wrong else None


def _outliving(order: BookedOrder) -> Difference | None:
    if order.trade_status != "closed" or order.standing.final:
        return None
    held = f"; {plain(order.held.usd_reserved)} USD stay reserved" if order.held and order.held.usd_reserved else ""
    return _about(order, "order_outlives_trade", f"its trade is closed, the order is {_words(order)}{held}")


def _holding(order: BookedOrder) -> Difference | None:
    held, standing = order.held, order.standing
    if held is None:
        return _about(order, "reservation_missing", f"the order is {_words(order)}, and it holds nothing of any budget")
    if not standing.final:
        return None
    used = Held(
        trades=1 if standing.filled_base else 0,
        usd_reserved=Decimal(0),
        usd_spent=ceil_to_micro(standing.filled_quote),
    )
    if held == used:
        return None
    what = f"the order has ended and used {_slice(used)}; its reservation says {_slice(held)}"
    return _about(order, "reservation_unheld", what).model_copy(update={"repair": "settle"})


def _outcome(order: BookedOrder) -> Difference | None:
    outcome, standing = order.outcome, order.standing
    if order.trade_status != "closed" or outcome is None:
        return None
    said, is_so = (outcome.filled_base, outcome.filled_quote), (standing.filled_base, standing.filled_quote)
    if said == is_so:
        return None
    what = (
        f"the outcome says {plain(said[0])} filled, worth {plain(said[1])}; "
        f"the order has {plain(is_so[0])}, worth {plain(is_so[1])}"
    )
    difference = _about(order, "outcome_differs", what)
    if _until_closed(order) != said:
        return difference
    explained = f"{what}: fills that came after the trade was closed"
    return difference.model_copy(update={"level": "info", "what": explained})


def _until_closed(order: BookedOrder) -> tuple[Decimal, Decimal]:
    in_time = [kept.fill for kept in order.fills if order.closed_at is not None and kept.booked_at <= order.closed_at]
    base = sum((fill.base_qty for fill in in_time), Decimal(0))
    return base, sum((fill.quote_qty for fill in in_time), Decimal(0))


def _waits(trade: BookedTrade, books: TradeBooks, age: timedelta) -> bool:
    return trade.status != "closed" and trade.received_at <= books.at - age


def _ended_before(trade: BookedTrade, books: TradeBooks, age: timedelta) -> bool:
    return trade.closed_at is not None and trade.closed_at <= books.at - age


def _of_workflow(trade: BookedTrade | None, trade_id: str, state: WorkflowState) -> Difference | None:
    if trade is None or trade.status == "closed":
        if state != "running":
            return None
        code = "workflow_without_trade" if trade is None else "workflow_outlives_trade"
        why = "the ledger has no such trade" if trade is None else "the ledger has closed its trade"
        return _in_temporal(trade, trade_id, code, f"{trade_workflow_id(trade_id)} is running, {why}")
    if state == "running":
        return None
    what, is_certain = f"the trade is {trade.status}, {_LEFT[state]}", state == "missing" and trade.is_started
    if state == "missing" and not trade.is_started:
        what += "; it waits for the relay of an api"
    found = _in_temporal(trade, trade_id, "trade_without_workflow", what)
    return found.model_copy(update={"repair": "start"}) if is_certain else found


def _in_temporal(trade: BookedTrade | None, trade_id: str, code: str, what: str) -> Difference:
    account = trade.account if trade else ""
    return Difference(code=code, book="temporal", account=account, place=trade_id, trade_id=trade_id, what=what)


def _about(order: BookedOrder, code: str, what: str) -> Difference:
    asked = order.standing.order
    return Difference(
        code=code,
        book="ledger",
        account=asked.account,
        place=asked.order_id,
        order_id=asked.order_id,
        trade_id=asked.trade_id,
        what=what,
    )


def _words(order: BookedOrder) -> str:
    return order.standing.state.replace("_", " ")


def _slice(held: Held) -> str:
    return f"{held.trades} trades, {plain(held.usd_reserved)} USD reserved, {plain(held.usd_spent)} USD spent"
