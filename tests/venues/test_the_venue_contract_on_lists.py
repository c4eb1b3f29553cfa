"""The contract, continued: what every venue must list of an account, for the auditor to compare."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.audits import FoundOrder
from tests.venues.backstage import Backstage, Sent, market, resting, send, truth_of

pytestmark = pytest.mark.anyio

D = Decimal
ABOUT_NOW = timedelta(minutes=1)


async def listed(stage: Backstage) -> dict[str, FoundOrder]:
    """What the venue lists of the last minute, by the venue's id."""
    return {found.venue_order_id: found for found in await stage.venue.orders_since(datetime.now(UTC) - ABOUT_NOW)}


async def assert_is_listed_as_it_is(stage: Backstage, sent: Sent, found: FoundOrder) -> None:
    truth = await truth_of(stage, sent)
    assert (found.client_order_id, found.state) == (sent.prepared.client_order_id, truth.state)
    assert (found.filled_base, found.filled_quote, found.fee) == (truth.filled_base, truth.filled_quote, truth.fee)
    assert sorted((fill.base_qty, fill.price, fill.fee) for fill in found.fills) == sorted(truth.fills)


async def test_orders_of_every_state_are_listed_with_their_fills(stage: Backstage) -> None:
    filled = await send(stage.venue, market("BUY", "1.5", "2600"))
    prices = ("1998", "2000", "1999")
    open_, partly, cancelled = [await send(stage.venue, await resting(stage, price=price)) for price in prices]
    await stage.others_trade("SELL", "2000", "0.2")
    await stage.venue.cancel(cancelled.venue_order_id)
    found = await listed(stage)
    assert {found[sent.venue_order_id].state for sent in (open_, partly)} == {"open"}
    assert len(found) == 4
    for sent in (filled, open_, partly, cancelled):
        await assert_is_listed_as_it_is(stage, sent, found[sent.venue_order_id])


async def test_the_list_goes_on_behind_a_page(stage: Backstage) -> None:
    first = await send(stage.venue, market("BUY", "0.01", "2600"))
    for _ in range(260):
        await send(stage.venue, await resting(stage, "BUY", "0.01", "200"))
    found = await listed(stage)
    assert len(found) == 261
    await assert_is_listed_as_it_is(stage, first, found[first.venue_order_id])


async def test_orders_from_before_are_listed_only_while_they_are_open(stage: Backstage) -> None:
    gone, rests = await send(stage.venue, market("BUY", "1", "2600")), await send(stage.venue, await resting(stage))
    found = await stage.venue.orders_since(datetime.now(UTC) + ABOUT_NOW)
    ids = {order.venue_order_id for order in found}
    assert gone.venue_order_id not in ids
    assert ids <= {rests.venue_order_id}


async def test_balances_have_what_open_orders_hold(stage: Backstage) -> None:
    await stage.set_balance("ETH", "5")
    await send(stage.venue, await resting(stage, "SELL", "2", "3000"))
    assert (await stage.venue.balances())["ETH"] == D(5)
    await send(stage.venue, market("BUY", "1", "2600"))
    assert (await stage.venue.balances())["ETH"] == D(6)
