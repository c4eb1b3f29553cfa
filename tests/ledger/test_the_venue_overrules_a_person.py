"""A person's word counts until the venue speaks: then the venue's fills take the place of the one that was stated."""

import asyncio
from decimal import Decimal

import pytest

from domain.errors import SettlementRefused
from domain.outcomes import Outcome, conclude
from ledger.ledger import Ledger
from tests.ledger.conftest import sized_order
from tests.ledger.settling import a_settlement, alerts, an_unknown_order, budget, filled, position, refused, sent
from tests.worlds import a_fill, a_report, a_signal, accepted

pytestmark = pytest.mark.anyio


async def test_the_venues_fills_take_the_place_of_the_one_that_was_stated(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    standing = await ledger.settlements.settle(order.trade_id, filled("0.01", "2520", fee="0.3"))
    await ledger.trades.close(order.trade_id, conclude(standing))
    real = a_report(order, "filled", a_fill("f1", "0.004", "2500"), a_fill("f2", "0.006", "2505"))
    standing = await ledger.reports.merge(real)
    assert (standing.state, standing.final, standing.filled_base) == ("filled", True, Decimal("0.01"))
    assert (standing.filled_quote, standing.fee) == (Decimal("25.03"), Decimal("0.2"))
    held = await position(ledger)
    assert (held.base_qty, held.cost, held.realised, held.fees) == (
        Decimal("0.01"),
        Decimal("25.23"),
        Decimal(0),
        Decimal("0.2"),
    )
    assert await budget(ledger) == (1, Decimal(0), Decimal("25.03"))
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert {fill.venue_fill_id for fill in sheet.fills} == {"f1", "f2"}
    assert [stop for stop, _ in await alerts(ledger, order)] == ["settled", "report", "late fill", "late fill"]
    assert ("report", "settlement overruled") in await alerts(ledger, order)
    assert await ledger.reports.merge(real) == standing
    assert await position(ledger) == held


async def test_a_person_and_the_venue_at_the_same_time_leave_what_the_venue_says(ledger: Ledger) -> None:
    orders = [await an_unknown_order(ledger) for _ in range(8)]
    said = [
        speaking
        for order in orders
        for speaking in (
            ledger.settlements.settle(order.trade_id, filled("0.01", "2520")),
            ledger.reports.merge(a_report(order, "filled", a_fill(f"f-{order.order_id}", "0.01"))),
            ledger.trades.request_cancel(order.trade_id, "enough", "bob"),
        )
    ]
    results = await asyncio.gather(*said, return_exceptions=True)
    assert [
        error for error in results if isinstance(error, Exception) and not isinstance(error, SettlementRefused)
    ] == []
    standings = [await ledger.orders.standing(order.order_id) for order in orders]
    assert {(one.final, one.filled_base, one.filled_quote) for one in standings} == {
        (True, Decimal("0.01"), Decimal(25))
    }
    held = await position(ledger)
    assert (held.base_qty, held.cost, held.fees) == (Decimal("0.08"), Decimal("200.8"), Decimal("0.8"))


async def test_two_people_at_the_same_time_are_one_or_are_told_who_was_first(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    words = [filled("0.01", by="ann"), filled("0.01", by="bob"), a_settlement(by="cy")]
    settling = [ledger.settlements.settle(order.trade_id, word) for word in words]
    first, second, third = await asyncio.gather(*settling, return_exceptions=True)
    assert type(first) is type(second)
    assert [isinstance(said, SettlementRefused) for said in (first, third)].count(True) == 1
    assert [stop for stop, _ in await alerts(ledger, order)] == ["settled"]


async def test_a_position_is_what_it_would_be_had_nobody_stated_anything(ledger: Ledger) -> None:
    """A fill that is taken back has changed the average that later fills were counted at."""
    first = await an_unknown_order(ledger)
    await ledger.reports.merge(a_report(first, "filled", a_fill("f1", "0.01", "2400")))
    doubtful = await an_unknown_order(ledger)
    await ledger.settlements.settle(doubtful.trade_id, filled("0.01", "2520", fee="0.3"))
    sale = await an_unknown_order(ledger, action="SELL", percentage=Decimal(50))
    await ledger.reports.merge(a_report(sale, "filled", a_fill("f3", "0.01", "2600")))
    held = await position(ledger)
    assert (held.base_qty, held.cost, held.realised) == (Decimal("0.01"), Decimal("24.8"), Decimal("1.1"))
    await ledger.reports.merge(a_report(doubtful, "cancelled"))
    held = await position(ledger)
    assert (held.base_qty, held.cost, held.realised, held.fees) == (
        Decimal(0),
        Decimal(0),
        Decimal("1.8"),
        Decimal("0.2"),
    )
    standing = await ledger.orders.standing(doubtful.order_id)
    assert (standing.state, standing.final, standing.filled_base, standing.reason) == (
        "cancelled",
        True,
        Decimal(0),
        "",
    )


async def test_an_order_that_was_never_placed_and_lives_is_watched_again(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    standing = await ledger.settlements.settle(order.trade_id, a_settlement())
    await ledger.trades.close(order.trade_id, conclude(standing))
    standing = await ledger.reports.merge(a_report(order, "open"))
    assert (standing.state, standing.final, standing.venue_order_id) == ("open", False, f"v-{order.order_id}")
    assert [resting.order_id for resting in await ledger.orders.resting(order.account)] == [order.order_id]
    assert ("report", "settlement overruled") in await alerts(ledger, order)
    standing = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert (standing.final, standing.filled_base) == (True, Decimal("0.004"))
    assert await budget(ledger) == (1, Decimal(0), Decimal(10))


async def test_an_acceptance_that_comes_late_makes_a_stated_end_uncertain_again(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    attempt = await sent(ledger, order)
    await ledger.settlements.settle(order.trade_id, filled("0.01"))
    standing = await ledger.orders.answer(attempt, accepted(order))
    assert (standing.state, standing.final, standing.filled_base) == ("open", False, Decimal(0))
    assert (await position(ledger)).base_qty == 0
    standing = await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.01")))
    assert (standing.final, standing.filled_base) == (True, Decimal("0.01"))


async def test_a_report_that_says_what_the_venue_had_said_before_changes_nothing(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    stale = a_report(order, "open", a_fill("f1", "0.004"))
    await ledger.reports.merge(stale)
    await ledger.trades.mark_unresolved(order.trade_id, "the venue does not answer")
    settled = await ledger.settlements.settle(order.trade_id, filled("0.01", fee="0.1"))
    assert await ledger.reports.merge(stale) == settled
    assert await ledger.reports.merge(a_report(order, "open")) == settled
    told = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert (told.state, told.final, told.filled_base) == ("cancelled", True, Decimal("0.004"))
    assert (await position(ledger)).base_qty == Decimal("0.004")


async def test_what_was_overruled_cannot_be_said_again(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, a_settlement())
    await ledger.reports.merge(a_report(order, "open"))
    assert (await refused(ledger, order, a_settlement()))[0] == "known_at_venue"


async def test_a_settled_trade_closes_and_an_unsettled_one_does_not(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-1"))
    with pytest.raises(ValueError, match="cannot close"):
        await ledger.trades.close(order.trade_id, Outcome(kind="refused"))
    standing = await ledger.settlements.settle(order.trade_id, a_settlement())
    assert (await ledger.trades.close(order.trade_id, conclude(standing))).kind == "refused"
