"""What can be odd on the wire itself: encodings, redirects, broken HTTP, connections that went stale."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.attempts import Answer
from domain.errors import VenueDown, VenueUnreachable
from tests.venues.backstage import market
from tests.venues.coinbase import API, NOW, CoinbaseBackstage, coinbase, plain_http, scripted
from tests.venues.conftest import Exchange
from venues.coinbase import faults
from venues.coinbase.adapter import Coinbase

pytestmark = pytest.mark.anyio

ACCEPTED = json.dumps({"success": True, "success_response": {"order_id": "v-1"}})
REFUSED = json.dumps({"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}})
DEEP = "[" * 100_000


async def submitted(venue: Coinbase) -> Answer:
    prepared = await venue.prepare(market("BUY", "0.01", "2600"), 1)
    return await venue.submit(prepared, venue.open_attempt())


async def answered(exchange: Exchange, response: httpx.Response) -> Answer:
    venue = scripted(exchange.key, lambda _: response)
    answer = await submitted(venue)
    await venue.aclose()
    return answer


@asynccontextmanager
async def saying(raw: bytes) -> AsyncIterator[str]:
    """The address of a server that reads a request, writes `raw` and closes the connection."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x28", id="the answer of another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="half the headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + ACCEPTED.encode(), id="half the body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="a length that is none"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", id="broken gzip"),
        pytest.param(b"HTTP/1.1 301 Moved\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", id="a bad redirect"),
        pytest.param(b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", id="a status that is none"),
        pytest.param(b"HTTP/9.9 200 OK\r\n\r\n", id="a version of tomorrow"),
    ],
)
async def test_an_answer_that_is_hardly_http_leaves_the_order_unknown_and_a_read_to_be_tried_again(
    exchange: Exchange, raw: bytes
) -> None:
    async with saying(raw) as url, plain_http(url) as http:
        venue = coinbase(http, exchange.key)
        answer = await submitted(venue)
        with pytest.raises((VenueUnreachable, VenueDown)):
            await venue.cancel("v-1")
    assert (answer.verdict, answer.reason_code) == ("unknown", "")


async def test_a_redirect_is_not_followed_with_an_order(backstage: CoinbaseBackstage) -> None:
    elsewhere = {"status": 307, "headers": {"location": f"{API}/orders"}}
    await backstage.control.fault(elsewhere, match={"method": "POST"})
    prepared = await backstage.venue.prepare(market("BUY", "0.01", "2600"), 1)
    answer = await backstage.venue.submit(prepared, backstage.venue.open_attempt())
    assert answer.verdict == "unknown"
    assert await backstage.control.results(prepared.client_order_id) == ["dropped"]


async def test_a_connection_that_the_venue_closed_meanwhile_does_not_cost_the_next_order(exchange: Exchange) -> None:
    closed, bodies = asyncio.Event(), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        bodies.append(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(ACCEPTED)}\r\n\r\n{ACCEPTED}".encode())
        writer.close()
        await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, plain_http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as http:
        venue = coinbase(http, exchange.key)
        first = await submitted(venue)
        await closed.wait()
        second = await submitted(venue)
    assert (first.verdict, second.verdict, len(bodies)) == ("accepted", "accepted", 2)


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=base64", "text/plain; charset=utf-16", "text/plain; charset=undefined", "x"],
)
async def test_the_encoding_that_is_named_does_not_matter(exchange: Exchange, content_type: str) -> None:
    headers = {"content-type": content_type}
    accepted = await answered(exchange, httpx.Response(200, content=ACCEPTED.encode(), headers=headers))
    assert (accepted.verdict, accepted.venue_order_id) == ("accepted", "v-1")
    refused = await answered(exchange, httpx.Response(200, content=REFUSED.encode(), headers=headers))
    assert refused.verdict == "rejected"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DEEP, id="far too deep"),
        pytest.param('{"success": "maybe"}', id="success, maybe"),
        pytest.param('{"success": true, "success_response": {"order_id": 5}}', id="an id of another kind"),
        pytest.param('{"success": true, "success_response": null}', id="an id of null"),
        pytest.param('{"success": null}', id="success of null"),
        pytest.param('{"success": true, "success_response": "v-1"}', id="an id elsewhere"),
        pytest.param('{"success": false, "error_response": "INSUFFICIENT_FUND"}', id="a reason elsewhere"),
        pytest.param('{"success": false, "error_response": {"error": ["INSUFFICIENT_FUND"]}}', id="reasons"),
        pytest.param(ACCEPTED + ACCEPTED, id="twice"),
        pytest.param(ACCEPTED[:-1], id="all but the last"),
        pytest.param("\x00\x00", id="zeroes"),
    ],
)
async def test_a_body_that_is_not_what_it_should_be_leaves_the_order_unknown(exchange: Exchange, body: str) -> None:
    assert (await answered(exchange, httpx.Response(200, text=body))).verdict == "unknown"


@pytest.mark.parametrize("status", [400, 403])
async def test_a_refusal_too_deep_to_be_read_leaves_the_order_unknown(exchange: Exchange, status: int) -> None:
    assert (await answered(exchange, httpx.Response(status, text=f'{{"error": {DEEP}'))).verdict == "unknown"


async def test_a_read_too_deep_to_be_read_is_to_be_tried_again(exchange: Exchange) -> None:
    venue = scripted(exchange.key, lambda _: httpx.Response(200, text=DEEP))
    with pytest.raises(VenueDown):
        await venue.cancel("v-1")


async def test_an_order_may_be_told_in_the_older_place(exchange: Exchange) -> None:
    answer = await answered(exchange, httpx.Response(200, json={"success": True, "order_id": "v-1"}))
    assert (answer.verdict, answer.venue_order_id) == ("accepted", "v-1")


@pytest.mark.parametrize("prefix", ["", "PREVIEW_"])
@pytest.mark.parametrize("field", ["error", "preview_failure_reason", "new_order_failure_reason"])
async def test_every_listed_reason_is_a_rejection_in_whichever_field_it_comes(
    exchange: Exchange, prefix: str, field: str
) -> None:
    for reason, error in faults.REASONS.items():
        refused = {"error": "UNKNOWN_FAILURE_REASON", field: f"{prefix}{reason}", "error_details": "in detail"}
        answer = await answered(exchange, httpx.Response(200, json={"success": False, "error_response": refused}))
        assert (answer.verdict, answer.reason_code) == ("rejected", error.__name__)
        assert answer.evidence == f"{prefix}{reason}: in detail"


@pytest.mark.parametrize(
    ("retry_after", "pause_s"), [("0", 0), ("12", 12), ("-5", None), ("1.5", None), ("\xb2", None), ("", None)]
)
async def test_a_pause_is_taken_over_only_when_it_is_whole_seconds(
    exchange: Exchange, retry_after: str, pause_s: int | None
) -> None:
    headers = [(b"retry-after", retry_after.encode("latin-1"))]
    answer = await answered(exchange, httpx.Response(429, headers=headers))
    assert (answer.verdict, answer.retry_after_s) == ("not_placed", pause_s)


@pytest.mark.parametrize(
    ("date", "began_at"),
    [
        ("Sun, 22 Nov 2026 09:30:00 GMT", NOW),
        ("Sun, 22 Nov 2026 09:30:00", NOW),
        ("Sun, 22 Nov 2026 09:30:00 -0000", NOW),
        ("Sun, 22 Nov 2026 11:30:00 +0200", NOW),
        ("yesterday", None),
        ("", None),
        ("Sun, 22 Nov 2026 25:30:00 GMT", None),
    ],
)
async def test_the_venues_clock_is_read_in_utc_and_never_guessed(
    exchange: Exchange, far_from_utc: None, date: str, began_at: datetime | None
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        nothing = httpx.ByteStream(b'{"orders": [], "has_next": false}')
        return httpx.Response(200, stream=nothing, headers={"date": date})

    venue, order = scripted(exchange.key, answer), market("BUY", "1", "2600")
    found = await venue.report(order, await venue.prepare(order, 1), None, datetime.now(UTC))
    if began_at is None:
        assert found.began_at.year == 1
    else:
        assert began_at - timedelta(seconds=60) < found.began_at <= began_at


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is nine hours ahead."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()
