"""The contract, continued: what every venue must say when orders are looked up, one by one and all together."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.orders import Resting
from tests.venues.backstage import (
    Backstage,
    limit,
    market,
    reported,
    resting,
    send,
    truth_of,
)

pytestmark = pytest.mark.anyio

D = Decimal


async def test_a_look_up_by_our_id_says_the_same_as_by_the_venues(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1.5", "2600"))
    assert await reported(stage, sent) == await reported(stage, sent, sent.venue_order_id)


async def test_a_look_up_finds_an_order_behind_more_later_ones_than_a_page_holds(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1.5", "2600"))
    await crowd(stage, 260)
    report = await reported(stage, sent)
    assert (await truth_of(stage, sent)).is_told_by(report)


async def test_a_look_up_of_an_unknown_order_finds_nothing(stage: Backstage) -> None:
    order = market("BUY", "1", "2600")
    prepared = await stage.venue.prepare(order, 1)
    found = await stage.venue.report(order, prepared, None, datetime.now(UTC))
    assert found.report is None


@pytest.mark.parametrize("ahead_s", [0, 40])
async def test_a_look_up_tells_by_the_venues_clock_since_when_it_found_nothing(stage: Backstage, ahead_s: int) -> None:
    await stage.shift_clock(ahead_s)
    order = market("BUY", "1", "2600")
    prepared = await stage.venue.prepare(order, 1)
    before = await stage.now()
    found = await stage.venue.report(order, prepared, None, datetime.now(UTC))
    assert before - timedelta(seconds=20) < found.began_at <= await stage.now()


async def test_a_look_up_finds_nothing_while_the_venue_does_not_show_the_order_yet(stage: Backstage) -> None:
    await stage.hide_orders(True)
    sent = await send(stage.venue, market("BUY", "1", "2600"))
    for venue_order_id in (None, sent.venue_order_id):
        found = await stage.venue.report(sent.order, sent.prepared, venue_order_id, datetime.now(UTC))
        assert found.report is None
    await stage.hide_orders(False)
    assert (await reported(stage, sent)).state == "filled"


async def test_a_look_up_by_an_id_that_is_not_the_venues_finds_nothing(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1", "2600"))
    found = await stage.venue.report(sent.order, sent.prepared, "never-heard-of", datetime.now(UTC))
    assert found.report is None


async def test_the_watch_reports_only_orders_that_changed(stage: Backstage) -> None:
    same, changed = [await send(stage.venue, await resting(stage, price=price)) for price in ("1999", "2000")]
    await stage.others_trade("SELL", "2000", "0.2")
    (report,) = await stage.venue.report_open([same.resting(), changed.resting()])
    assert (await truth_of(stage, changed)).is_told_by(report)
    known = changed.resting(filled_base=D("0.2"))
    assert await stage.venue.report_open([same.resting(), known]) == []


async def test_the_watch_reports_an_order_that_our_books_do_not_know_as_open_yet(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage))
    (report,) = await stage.venue.report_open([sent.resting(state="unknown")])
    assert (report.order_id, report.state) == (sent.order.order_id, "open")


async def test_the_watch_finds_orders_that_left_the_list_of_open_ones_with_their_fills(stage: Backstage) -> None:
    short = limit("BUY", "0.5", "1998", await stage.now() - timedelta(seconds=50))
    rests, expires = await send(stage.venue, await resting(stage, price="1999")), await send(stage.venue, short)
    filled, cancelled = [await send(stage.venue, await resting(stage)) for _ in range(2)]
    await stage.others_trade("SELL", "2000", "0.5")
    await stage.venue.cancel(cancelled.venue_order_id)
    await stage.shift_clock(30)
    reports = await stage.venue.report_open([sent.resting() for sent in (rests, expires, filled, cancelled)])
    by_id = {report.order_id: report for report in reports}
    assert {order_id: report.state for order_id, report in by_id.items()} == {
        filled.order.order_id: "filled",
        cancelled.order.order_id: "cancelled",
        expires.order.order_id: "expired",
    }
    for sent in (expires, filled, cancelled):
        assert (await truth_of(stage, sent)).is_told_by(by_id[sent.order.order_id])


async def test_the_watch_asks_as_often_for_sixty_orders_as_for_five(stage: Backstage) -> None:
    standings = await crowd(stage, 5)
    for_five = await calls_to_watch(stage, standings)
    standings += await crowd(stage, 55)
    assert await calls_to_watch(stage, standings) == for_five


async def test_the_watch_sees_a_change_behind_more_orders_than_a_page_holds(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage, price="2001"))
    standings = await crowd(stage, 260)
    await stage.others_trade("SELL", "2001", "0.2")
    (report,) = await stage.venue.report_open([sent.resting(), *standings])
    assert (await truth_of(stage, sent)).is_told_by(report)


async def test_the_watch_passes_over_orders_that_the_venue_does_not_show_yet(stage: Backstage) -> None:
    await stage.hide_orders(True)
    sent = await send(stage.venue, await resting(stage))
    assert await stage.venue.report_open([sent.resting()]) == []


async def test_the_watch_leaves_orders_of_others_on_the_account_alone(stage: Backstage) -> None:
    await send(stage.venue, await resting(stage))
    assert await stage.venue.report_open([]) == []


async def test_the_watch_never_concludes_that_an_order_of_which_nothing_is_seen_is_over(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage))
    unheard_of = sent.resting(venue_order_id="never-heard-of")
    assert await stage.venue.report_open([unheard_of]) == []


async def crowd(stage: Backstage, count: int) -> list[Resting]:
    """So many small orders that rest far from the market."""
    return [(await send(stage.venue, await resting(stage, "BUY", "0.01", "200"))).resting() for _ in range(count)]


async def calls_to_watch(stage: Backstage, standings: list[Resting]) -> int:
    await stage.calls()
    assert await stage.venue.report_open(standings) == []
    return await stage.calls()
