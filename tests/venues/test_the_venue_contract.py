"""What every venue must keep to, whichever it is: each test runs once for every adapter, against its simulator."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.errors import PairUnknown
from domain.orders import differences
from domain.pairs import Pair
from domain.signals import Action
from tests.venues.backstage import (
    ASKS,
    BIDS,
    Backstage,
    Levels,
    limit,
    market,
    reported,
    resting,
    send,
    truth_of,
)

pytestmark = pytest.mark.anyio

D = Decimal


@pytest.mark.parametrize(("action", "levels"), [("BUY", ASKS), ("SELL", BIDS)])
async def test_a_quote_shows_the_side_that_fills_the_action_best_price_first(
    stage: Backstage, action: Action, levels: Levels
) -> None:
    quote = await stage.venue.quote(stage.pair, action)
    assert [(level.price, level.base_qty) for level in quote.levels] == [(D(price), D(size)) for price, size in levels]
    assert (quote.action, quote.venue, quote.price) == (action, stage.venue.name, D(levels[0][0]))


async def test_a_quote_tells_the_steps_and_limits_of_the_pair(stage: Backstage) -> None:
    assert (await stage.venue.quote(stage.pair, "BUY")).instrument == stage.instrument


async def test_a_quote_tells_what_can_be_sold_for_a_sale_only(stage: Backstage) -> None:
    await stage.set_balance(stage.pair.base, "1.123456789012345678")
    assert (await stage.venue.quote(stage.pair, "SELL")).sellable == D("1.123456789012345678")
    assert (await stage.venue.quote(stage.pair, "BUY")).sellable is None


async def test_a_quote_does_not_count_what_resting_orders_hold_as_sellable(stage: Backstage) -> None:
    await stage.set_balance(stage.pair.base, "3")
    await send(stage.venue, await resting(stage, "SELL", "1", "2600"))
    assert (await stage.venue.quote(stage.pair, "SELL")).sellable == 2


async def test_a_quote_finds_nothing_to_sell_where_nothing_is_held(stage: Backstage) -> None:
    await stage.set_balance(stage.pair.base, "0")
    assert (await stage.venue.quote(stage.pair, "SELL")).sellable == 0


async def test_a_quote_of_an_empty_book_has_no_levels(stage: Backstage) -> None:
    await stage.set_book(BIDS, [])
    assert (await stage.venue.quote(stage.pair, "BUY")).levels == ()


async def test_a_quote_of_a_pair_that_is_not_traded_says_so(stage: Backstage) -> None:
    with pytest.raises(PairUnknown):
        await stage.venue.quote(Pair(base="NOSUCH", quote="USD"), "BUY")


async def test_a_quote_of_a_pair_that_is_closed_is_not_open_for_trading(stage: Backstage) -> None:
    await stage.stop_trading()
    assert not (await stage.venue.quote(stage.pair, "BUY")).instrument.open_for_trading


async def test_a_quote_is_not_older_than_it_says(stage: Backstage) -> None:
    before = datetime.now(UTC)
    quote = await stage.venue.quote(stage.pair, "SELL")
    assert before <= quote.quoted_at <= datetime.now(UTC)


async def test_preparing_can_be_repeated_and_sends_nothing(stage: Backstage) -> None:
    order = market("BUY", "0.5", "2600")
    first, second = await stage.venue.prepare(order, 1), await stage.venue.prepare(order, 1)
    assert first == second
    assert (await stage.calls(), await stage.orders(first)) == (0, [])


async def test_preparing_another_generation_or_order_uses_another_client_order_id(stage: Backstage) -> None:
    order, other = market("BUY", "0.5", "2600"), market("BUY", "0.5", "2600")
    prepared = [await stage.venue.prepare(*asked) for asked in ((order, 1), (order, 2), (other, 1))]
    assert len({each.client_order_id for each in prepared}) == 3
    assert len({each.payload for each in prepared}) == 3


async def test_preparing_does_not_loosen_the_limit_price(stage: Backstage) -> None:
    assert (await stage.venue.prepare(market("BUY", "0.5", "2600"), 1)).limit_price == D(2600)


async def test_preparing_keeps_credentials_out_of_what_is_stored(stage: Backstage) -> None:
    ticket = stage.venue.open_attempt()
    prepared = await stage.venue.prepare(market("BUY", "0.5", "2600"), 1)
    assert ticket.credential not in prepared.model_dump_json()
    assert ticket.credential not in repr(ticket)


@pytest.mark.parametrize(("action", "bound"), [("BUY", "2501"), ("SELL", "2499")])
async def test_a_market_order_is_filled_and_reported_to_the_last_digit(
    stage: Backstage, action: Action, bound: str
) -> None:
    sent = await send(stage.venue, market(action, "2.12345678", bound))
    report, truth = await reported(stage, sent, sent.venue_order_id), await truth_of(stage, sent)
    assert truth.is_told_by(report)
    assert (report.state, report.filled_base, len(report.fills)) == ("filled", D("2.12345678"), 2)
    assert differences(sent.order, report) == ()
    assert all(fill.liquidity == "taker" for fill in report.fills)


@pytest.mark.parametrize(("action", "bound"), [("BUY", "2500.10"), ("SELL", "2499.90")])
async def test_a_market_order_never_trades_beyond_its_bound_and_leaves_nothing_behind(
    stage: Backstage, action: Action, bound: str
) -> None:
    sent = await send(stage.venue, market(action, "3", bound))
    report, truth = await reported(stage, sent, sent.venue_order_id), await truth_of(stage, sent)
    assert truth.is_told_by(report)
    assert (truth.limit_price, truth.rests) == (D(bound), False)
    assert (report.state, report.filled_base) == ("cancelled", D(1))
    assert [fill.price for fill in report.fills] == [D(bound)]


async def test_a_market_order_that_finds_nobody_is_over_with_nothing_filled(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1", "2400"))
    report = await reported(stage, sent, sent.venue_order_id)
    assert (report.state, report.filled_base, report.filled_quote, report.fee) == ("cancelled", D(0), D(0), D(0))
    assert report.fills == ()


async def test_a_market_order_that_the_account_cannot_pay_is_rejected_with_the_reason(stage: Backstage) -> None:
    await stage.set_balance(stage.pair.quote, "10")
    prepared = await stage.venue.prepare(market("BUY", "1", "2600"), 1)
    answer = await stage.venue.submit(prepared, stage.venue.open_attempt())
    assert (answer.verdict, answer.reason_code, answer.venue_order_id) == ("rejected", "FundsInsufficient", None)
    assert await stage.orders(prepared) == []


async def test_a_market_order_of_a_closed_pair_is_rejected_with_the_reason(stage: Backstage) -> None:
    await stage.stop_trading()
    prepared = await stage.venue.prepare(market("SELL", "1", "2400"), 1)
    answer = await stage.venue.submit(prepared, stage.venue.open_attempt())
    assert (answer.verdict, answer.reason_code) == ("rejected", "PairClosed")
    assert await stage.orders(prepared) == []


async def test_a_limit_order_rests(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage, "BUY", "0.5", "2000"))
    report, truth = await reported(stage, sent, sent.venue_order_id), await truth_of(stage, sent)
    assert truth.is_told_by(report)
    assert (report.state, truth.rests, report.fills) == ("open", True, ())
    assert differences(sent.order, report) == ()


@pytest.mark.parametrize(("action", "price", "against"), [("BUY", "2000", "SELL"), ("SELL", "3000", "BUY")])
async def test_a_limit_order_fills_in_part_and_then_whole(
    stage: Backstage, action: Action, price: str, against: Action
) -> None:
    sent = await send(stage.venue, await resting(stage, action, "0.5", price))
    await stage.others_trade(against, price, "0.12345678")
    partly = await reported(stage, sent, sent.venue_order_id)
    assert (await truth_of(stage, sent)).is_told_by(partly)
    assert (partly.state, partly.filled_base, len(partly.fills)) == ("open", D("0.12345678"), 1)
    await stage.others_trade(against, price, "10")
    wholly = await reported(stage, sent, sent.venue_order_id)
    assert (await truth_of(stage, sent)).is_told_by(wholly)
    assert (wholly.state, wholly.filled_base, len(wholly.fills)) == ("filled", D("0.5"), 2)
    assert {fill.liquidity for fill in wholly.fills} == {"maker"}
    assert partly.fills[0] in wholly.fills


async def test_a_limit_order_in_reach_of_the_book_takes_what_is_there_and_rests_with_the_remainder(
    stage: Backstage,
) -> None:
    sent = await send(stage.venue, await resting(stage, "BUY", "1.5", "2500.10"))
    report = await reported(stage, sent, sent.venue_order_id)
    assert (await truth_of(stage, sent)).is_told_by(report)
    assert (report.state, report.filled_base) == ("open", D(1))


async def test_a_limit_order_ends_at_the_venue_by_itself_should_nobody_of_ours_be_there(stage: Backstage) -> None:
    # Its time ended a little ago: the venue lets it rest a grace longer.
    order = limit("BUY", "0.5", "2000", await stage.now() - timedelta(seconds=50))
    sent = await send(stage.venue, order)
    await stage.others_trade("SELL", "2000", "0.1")
    await stage.shift_clock(30)
    report = await reported(stage, sent, sent.venue_order_id)
    assert (await truth_of(stage, sent)).is_told_by(report)
    assert (report.state, report.filled_base) == ("expired", D("0.1"))


async def test_submitting_twice_makes_one_order_and_names_it_again(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1", "2600"))
    again = await stage.venue.submit(sent.prepared, stage.venue.open_attempt())
    assert (again.verdict, again.venue_order_id) == ("accepted", sent.venue_order_id)
    assert len(await stage.orders(sent.prepared)) == 1


async def test_submitting_twice_is_no_rejection_where_the_venue_answers_repeats_with_an_error(stage: Backstage) -> None:
    await stage.answer_repeats_with_an_error()
    sent = await send(stage.venue, market("BUY", "1", "2600"))
    again = await stage.venue.submit(sent.prepared, stage.venue.open_attempt())
    assert (again.verdict, again.reason_code) == ("unknown", "")
    assert len(await stage.orders(sent.prepared)) == 1
    assert (await reported(stage, sent)).venue_order_id == sent.venue_order_id


async def test_submitting_twice_with_one_ticket_makes_one_order(stage: Backstage) -> None:
    order = market("BUY", "1", "2600")
    prepared, ticket = await stage.venue.prepare(order, 1), stage.venue.open_attempt()
    answers = [await stage.venue.submit(prepared, ticket) for _ in range(2)]
    assert {answer.verdict for answer in answers} == {"accepted"}
    assert len(await stage.orders(prepared)) == 1


async def test_a_cancel_ends_a_resting_order(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage))
    assert await stage.venue.cancel(sent.venue_order_id) == "accepted"
    report = await reported(stage, sent, sent.venue_order_id)
    assert (report.state, report.filled_base) == ("cancelled", D(0))


async def test_a_cancel_leaves_a_half_filled_order_its_fills(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage))
    await stage.others_trade("SELL", "2000", "0.2")
    assert await stage.venue.cancel(sent.venue_order_id) == "accepted"
    report = await reported(stage, sent, sent.venue_order_id)
    assert (await truth_of(stage, sent)).is_told_by(report)
    assert (report.state, report.filled_base) == ("cancelled", D("0.2"))


async def test_a_cancel_of_a_filled_order_is_answered_and_changes_nothing(stage: Backstage) -> None:
    sent = await send(stage.venue, market("BUY", "1", "2600"))
    assert await stage.venue.cancel(sent.venue_order_id) not in ("accepted", "")
    assert (await reported(stage, sent, sent.venue_order_id)).state == "filled"


async def test_a_cancel_can_be_repeated(stage: Backstage) -> None:
    sent = await send(stage.venue, await resting(stage))
    await stage.venue.cancel(sent.venue_order_id)
    assert await stage.venue.cancel(sent.venue_order_id) not in ("accepted", "")
    assert (await reported(stage, sent, sent.venue_order_id)).state == "cancelled"


async def test_a_cancel_of_an_unknown_order_is_answered(stage: Backstage) -> None:
    assert await stage.venue.cancel("never-heard-of") not in ("accepted", "")
