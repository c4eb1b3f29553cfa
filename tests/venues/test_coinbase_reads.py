"""Which error each fault gives when something is read, and that a broken read never passes for an empty one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from domain.errors import CredentialsRefused, PairUnknown, RateLimited, TradeError, VenueDown, VenueUnreachable
from domain.pairs import Pair
from tests.simulators.clients import Json
from tests.venues.backstage import Sent, market, send
from tests.venues.coinbase import API, CoinbaseBackstage, coinbase, plain_http, scripted
from tests.venues.conftest import Exchange
from venues.coinbase.adapter import Coinbase

pytestmark = pytest.mark.anyio

Read = Callable[[Coinbase, Sent], Awaitable[object]]

READS: Mapping[str, Read] = {
    "quote": lambda venue, sent: venue.quote(sent.order.pair, "SELL"),
    "report by the venue's id": lambda venue, sent: venue.report(
        sent.order, sent.prepared, sent.venue_order_id, datetime.now(UTC)
    ),
    "report by our id": lambda venue, sent: venue.report(sent.order, sent.prepared, None, datetime.now(UTC)),
    "report of open orders": lambda venue, sent: venue.report_open([sent.resting()]),
    "cancel": lambda venue, sent: venue.cancel(sent.venue_order_id),
}
PAGE = {"body": "<html></html>", "content_type": "text/html"}
FAULTS: Mapping[str, tuple[Json, type[TradeError]]] = {
    "connection closed": ({"close": True}, VenueUnreachable),
    "connection reset": ({"reset": True}, VenueUnreachable),
    "half an answer": ({"truncate_bytes": 20}, VenueUnreachable),
    "a broken compression": ({"status": 200, "body": "{}", "headers": {"content-encoding": "gzip"}}, VenueUnreachable),
    "200 with nothing": ({"empty": True}, VenueDown),
    "200 with {}": ({"status": 200, "body": {}}, VenueDown),
    "200 with a list": ({"status": 200, "body": []}, VenueDown),
    "200 with a page": ({"status": 200, **PAGE}, VenueDown),
    "204": ({"status": 204}, VenueDown),
    "302": ({"status": 302, "headers": {"location": "/elsewhere"}}, VenueDown),
    "400": ({"status": 400, "body": {"error": "INVALID_ARGUMENT"}}, VenueDown),
    "401": ({"status": 401, "body": "Unauthorized"}, CredentialsRefused),
    "403 JSON": ({"status": 403, "body": {"error": "PERMISSION_DENIED"}}, CredentialsRefused),
    "403 page": ({"status": 403, **PAGE}, VenueDown),
    "404 page": ({"status": 404, **PAGE}, VenueDown),
    "429": ({"status": 429, "body": {"errors": [{"id": "rate_limit_exceeded"}]}}, RateLimited),
    "500 JSON": ({"status": 500, "body": {"error": "internal_server_error"}}, VenueDown),
    "502 page": ({"status": 502, **PAGE}, VenueDown),
    "503": ({"status": 503, "body": "maintenance"}, VenueDown),
    "524": ({"status": 524, **PAGE}, VenueDown),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize(("do", "error"), FAULTS.values(), ids=FAULTS)
async def test_a_read_that_fails_says_whether_to_try_again(
    backstage: CoinbaseBackstage, read: Read, do: Json, error: type[TradeError]
) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    await backstage.control.fault(do, times=None, when="after")
    with pytest.raises(TradeError) as raised:
        await read(backstage.venue, sent)
    assert type(raised.value) is error
    assert str(raised.value).startswith("coinbase: ")


@pytest.mark.parametrize(
    ("headers", "pause_s"), [({"retry-after": "7"}, 7), ({"retry-after": "soon"}, None), ({}, None)]
)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_read_too_many_carries_the_pause_that_is_asked_for(
    backstage: CoinbaseBackstage, read: Read, headers: Json, pause_s: int | None
) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    await backstage.control.fault({"status": 429, "body": "slow down", "headers": headers}, times=None)
    with pytest.raises(RateLimited) as raised:
        await read(backstage.venue, sent)
    assert raised.value.retry_after_s == pause_s


async def test_more_requests_than_the_venue_allows_are_told_as_such(backstage: CoinbaseBackstage) -> None:
    await backstage.turn(private_requests_per_s=1)
    with pytest.raises(RateLimited):
        await asyncio.gather(*(backstage.venue.cancel("x") for _ in range(5)))


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_read_that_nobody_answers_is_unreachable(
    exchange: Exchange, backstage: CoinbaseBackstage, read: Read
) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    fault = await backstage.control.fault({"hold": True}, times=None)
    impatient = httpx.Timeout(20, read=0.1)
    async with plain_http(exchange.venue_url, impatient) as http:
        with pytest.raises(VenueUnreachable):
            await read(coinbase(http, exchange.key), sent)
        await backstage.control.tell("DELETE", f"/faults/{fault}")


async def test_a_read_where_nobody_listens_is_unreachable(exchange: Exchange, backstage: CoinbaseBackstage) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    async with plain_http("http://127.0.0.1:1") as http:
        for read in READS.values():
            with pytest.raises(VenueUnreachable):
                await read(coinbase(http, exchange.key), sent)


async def test_a_pair_is_unknown_only_when_the_venue_itself_says_so(backstage: CoinbaseBackstage) -> None:
    missing = Pair(base="NOSUCH", quote="USD")
    with pytest.raises(PairUnknown, match="valid product_id is required"):
        await backstage.venue.quote(missing, "BUY")
    await backstage.control.fault({"status": 404, **PAGE}, times=None)
    with pytest.raises(VenueDown):
        await backstage.venue.quote(missing, "BUY")


async def test_an_order_is_missing_only_when_the_venue_itself_says_so(backstage: CoinbaseBackstage) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    path = f"{API}/orders/historical/{sent.venue_order_id}"
    await backstage.control.fault({"status": 404, **PAGE}, match={"path_prefix": path})
    with pytest.raises(VenueDown):
        await backstage.venue.report(sent.order, sent.prepared, sent.venue_order_id, datetime.now(UTC))


async def test_fills_that_lag_behind_their_order_are_reported_as_far_as_they_are_there(
    backstage: CoinbaseBackstage,
) -> None:
    sent = await send(backstage.venue, market("BUY", "2", "2600"))
    hide = {"hide_fills_ms": 3_600_000}
    await backstage.control.fault(
        hide, times=None, when="after", match={"path_prefix": f"{API}/orders/historical/fills"}
    )
    found = await backstage.venue.report(sent.order, sent.prepared, sent.venue_order_id, datetime.now(UTC))
    assert found.report is not None
    assert (found.report.state, found.report.filled_base, found.report.fills) == ("filled", Decimal(2), ())


async def test_fills_that_are_told_twice_or_in_another_order_count_once(backstage: CoinbaseBackstage) -> None:
    sent = await send(backstage.venue, market("BUY", "2", "2600"))
    (truth,) = await backstage.orders(sent.prepared)
    for do in ({"duplicate_fills": True}, {"reorder_answers": True}):
        await backstage.control.fault(do, times=None, when="after")
    found = await backstage.venue.report(sent.order, sent.prepared, None, datetime.now(UTC))
    (watched,) = await backstage.venue.report_open([sent.resting()])
    assert found.report is not None
    assert truth.is_told_by(found.report)
    assert truth.is_told_by(watched)


async def test_a_look_up_is_never_said_to_have_begun_later_than_it_did(backstage: CoinbaseBackstage) -> None:
    order = market("BUY", "0.01", "2600")
    prepared = await backstage.venue.prepare(order, 1)
    # The answer, and the clock that it carries, come more than a second later.
    fault = await backstage.control.fault({"delay_ms": 1200})
    looking = asyncio.create_task(backstage.venue.report(order, prepared, None, datetime.now(UTC)))
    (held,) = (await backstage.control.get(f"/faults/{fault}", wait_held=10))["held"]
    found = await looking
    assert found.report is None
    assert found.began_at <= datetime.fromisoformat(held["held_since"])


async def test_a_look_up_that_tells_no_time_proves_nothing(exchange: Exchange) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"orders": [], "has_next": False})

    venue, order = scripted(exchange.key, answer), market("BUY", "0.01", "2600")
    found = await venue.report(order, await venue.prepare(order, 1), None, datetime.now(UTC))
    assert found.report is None
    assert found.began_at < datetime.now(UTC) - timedelta(days=365)
