"""The auditor's comparison of the ledger's books among themselves: each row that is wrong is named, nothing else is."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import SQLModel

from domain.audits import Difference
from domain.comparisons import within_budgets, within_ledger
from domain.orders import Order
from domain.outcomes import Outcome, conclude
from ledger.ledger import Ledger
from ledger.tables import BudgetRow, FillRow, OrderRow, PositionRow, ReservationRow, TradeRow
from ledger.transaction import Transaction
from tests.ledger.conftest import sized_order
from tests.worlds import PAPER, a_fill, a_report, a_signal

pytestmark = pytest.mark.anyio

D = Decimal
A_DAY = timedelta(days=1)


async def look(ledger: Ledger) -> Sequence[Difference]:
    """What a look at the ledger alone finds."""
    since = await ledger.auditing.window(PAPER.name, A_DAY)
    books = await ledger.auditing.books(PAPER.name, since)
    return [*within_ledger(books), *within_budgets(await ledger.auditing.budgets())]


async def codes(ledger: Ledger) -> list[str]:
    return sorted(difference.code for difference in await look(ledger))


async def tamper(ledger: Ledger, table: type[SQLModel], **values: Any) -> None:
    """Write `values` into every row of the table, past all books."""

    def work(tx: Transaction) -> None:
        tx.execute(update(table).values(**values))

    await ledger.database.write(work)


async def filled(ledger: Ledger, action: str = "BUY", qty: str = "0.01") -> Order:
    """A trade that was filled in two fills, and closed."""
    order = await sized_order(ledger, a_signal(action=action, **({} if action == "BUY" else {"percentage": D(50)})))
    half = str(D(qty) / 2)
    fills = [a_fill(f"{order.order_id}-{number}", half, price) for number, price in enumerate(("2500", "2501"))]
    standing = await ledger.reports.merge(a_report(order, "filled", *fills))
    await ledger.trades.close(order.trade_id, conclude(standing))
    return order


async def test_a_house_in_order_has_no_differences(ledger: Ledger) -> None:
    await filled(ledger)
    await filled(ledger)
    await filled(ledger, "SELL")
    resting = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(resting, "open", a_fill("f1", "0.004")))
    await sized_order(ledger, a_signal())
    assert await look(ledger) == []


async def test_a_position_that_is_not_the_sum_of_its_fills_is_named_with_both_values(ledger: Ledger) -> None:
    await filled(ledger)
    await tamper(ledger, PositionRow, base_qty=D("0.011"))
    (difference,) = await look(ledger)
    assert (difference.code, difference.account, difference.place) == ("position_differs", PAPER.name, "ETH-USD")
    assert difference.what == "quantity is 0.011, its fills sum to 0.01"


@pytest.mark.parametrize("column", ["cost", "realised", "fees"])
async def test_money_that_a_position_cannot_have_from_its_fills_is_named(ledger: Ledger, column: str) -> None:
    await filled(ledger)
    await filled(ledger, "SELL", "0.004")
    await tamper(ledger, PositionRow, **{column: D(7)})
    assert await codes(ledger) == ["position_differs"]


async def test_fills_without_a_position_are_named(ledger: Ledger) -> None:
    await filled(ledger)

    def forget(tx: Transaction) -> None:
        tx.execute(PositionRow.__table__.delete())  # type: ignore[attr-defined]  # SQLModel has it

    await ledger.database.write(forget)
    assert await codes(ledger) == ["position_differs"]


async def test_an_order_whose_totals_are_not_those_of_its_fills_is_named(ledger: Ledger) -> None:
    order = await filled(ledger)
    await tamper(ledger, OrderRow, fee=D("0.3"))
    (difference,) = await look(ledger)
    assert (difference.code, difference.place) == ("order_totals_differ", order.order_id)
    assert difference.trade_id == order.trade_id
    assert difference.what == "fee is 0.3, its 2 fills sum to 0.2"


async def test_a_fill_that_was_changed_is_seen_in_its_order_and_in_its_position(ledger: Ledger) -> None:
    await filled(ledger)
    await tamper(ledger, FillRow, base_qty=D("0.006"))
    assert await codes(ledger) == ["order_totals_differ", "position_differs"]


async def test_a_budget_that_is_not_the_sum_of_its_reservations_is_named(ledger: Ledger) -> None:
    await filled(ledger)
    await tamper(ledger, BudgetRow, usd_spent=D(1))
    found = await look(ledger)
    assert [difference.code for difference in found] == ["budget_differs"] * 2
    assert [difference.place.partition("/2")[0] for difference in found] == ["paper", "paper/cex"]
    assert "1 trades, 0 USD reserved, 1 USD spent" in found[0].what
    assert "sum to 1 trades, 0 USD reserved, 25.005 USD spent" in found[0].what


async def test_a_reservation_that_an_ended_order_still_holds_is_named_and_given_back(ledger: Ledger) -> None:
    order = await filled(ledger)
    await tamper(ledger, ReservationRow, usd_reserved=D("25.25"), settled_at=None)
    await tamper(ledger, BudgetRow, usd_reserved=D("25.25"))
    (difference,) = await look(ledger)
    assert (difference.code, difference.place, difference.repair) == ("reservation_unheld", order.order_id, "settle")
    assert "25.25 USD reserved" in difference.what
    assert await ledger.findings.settle_reservation(order.order_id)
    assert await look(ledger) == []


async def test_a_reservation_of_an_order_that_lives_is_not_given_back(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    assert not await ledger.findings.settle_reservation(order.order_id)
    (budget, _) = await ledger.reading.budgets()
    assert budget.usd_reserved == D("25.25")


async def test_an_order_that_holds_nothing_of_any_budget_is_named(ledger: Ledger) -> None:
    await sized_order(ledger, a_signal())

    def forget(tx: Transaction) -> None:
        tx.execute(ReservationRow.__table__.delete())  # type: ignore[attr-defined]  # SQLModel has it
        tx.execute(BudgetRow.__table__.delete())  # type: ignore[attr-defined]  # SQLModel has it

    await ledger.database.write(forget)
    assert await codes(ledger) == ["reservation_missing"]


async def test_an_order_that_outlives_its_trade_is_named_with_what_it_holds(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "open"))
    outcome = Outcome(kind="cancelled", code="CancelRequested")
    await tamper(ledger, TradeRow, status="closed", outcome=outcome.model_dump_json(), outcome_kind="cancelled")
    (difference,) = await look(ledger)
    assert (difference.code, difference.place) == ("order_outlives_trade", order.order_id)
    assert difference.what == "its trade is closed, the order is open; 25.25 USD stay reserved"


async def test_an_outcome_that_does_not_say_what_was_filled_is_named(ledger: Ledger) -> None:
    order = await filled(ledger)
    wrong = Outcome(kind="filled", filled_base=D("0.02"), filled_quote=D(50))
    await tamper(ledger, TradeRow, outcome=wrong.model_dump_json())
    (difference,) = await look(ledger)
    assert (difference.code, difference.level, difference.trade_id) == ("outcome_differs", "alert", order.trade_id)
    assert difference.what == ("the outcome says 0.02 filled, worth 50; the order has 0.01, worth 25.005")


async def test_fills_that_came_after_closing_explain_an_outcome_that_differs(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    ended = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.001")))
    await ledger.trades.close(order.trade_id, conclude(ended))
    await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.001"), a_fill("f2", "0.002")))
    (difference,) = await look(ledger)
    assert (difference.code, difference.level) == ("outcome_differs", "info")
    assert difference.what.endswith("fills that came after the trade was closed")


async def test_open_orders_are_compared_however_old_and_closed_ones_for_a_while(ledger: Ledger) -> None:
    done, resting = await filled(ledger), await sized_order(ledger, a_signal())
    now = await ledger.auditing.now()
    await tamper(ledger, OrderRow, sized_at=now - timedelta(days=9))
    since = await ledger.auditing.window(PAPER.name, A_DAY)
    assert since == now - timedelta(days=9)
    later = now + timedelta(days=30)
    books = await ledger.auditing.books(PAPER.name, later)
    assert [kept.standing.order.order_id for kept in books.orders] == [resting.order_id]
    await tamper(ledger, OrderRow, final_at=now - timedelta(days=9))
    assert await ledger.auditing.window(PAPER.name, A_DAY) > now - timedelta(days=2)
    assert done.order_id not in {kept.standing.order.order_id for kept in books.orders}


async def test_open_orders_are_listed_from_the_ledger_alone_oldest_first(ledger: Ledger) -> None:
    await filled(ledger)
    first, second = await sized_order(ledger, a_signal()), await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(second, "open", a_fill("f1", "0.004")))
    lines = await ledger.auditing.open_orders(timedelta(0), 10)
    assert [line.order_id for line in lines] == [first.order_id, second.order_id]
    assert (lines[0].state, lines[0].venue_order_id, lines[0].attempts) == ("sized", None, 0)
    assert (lines[1].state, lines[1].filled_base, lines[1].venue_order_id) == (
        "open",
        D("0.004"),
        f"v-{second.order_id}",
    )
    assert await ledger.auditing.open_orders(timedelta(hours=1), 10) == []
    assert len(await ledger.auditing.open_orders(timedelta(0), 1)) == 1
