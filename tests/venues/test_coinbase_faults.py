"""What the adapter says of an order when something breaks, row by row, and what the exchange knows really happened.

Everything goes over real sockets. Whatever the fault, "rejected" and "not placed" are never said of an order that
exists.
"""

import asyncio
import socket

import httpx
import pytest

from domain.attempts import Answer
from domain.orders import Prepared
from tests.simulators.clients import Json
from tests.venues.backstage import market
from tests.venues.coinbase import API, CoinbaseBackstage, coinbase, plain_http
from tests.venues.conftest import Exchange
from venues.coinbase.adapter import Coinbase

pytestmark = pytest.mark.anyio

PLACING: Json = {"method": "POST", "path_prefix": f"{API}/orders"}
HTML = "<html><h1>Bad gateway</h1></html>"
PAGE = {"body": HTML, "content_type": "text/html"}


async def submitted(venue: Coinbase) -> tuple[Prepared, Answer]:
    """A market order that the exchange would fill, sent once."""
    prepared = await venue.prepare(market("BUY", "0.01", "2600"), 1)
    return prepared, await venue.submit(prepared, venue.open_attempt())


async def said_and_done(backstage: CoinbaseBackstage) -> tuple[Answer, int]:
    """What the adapter says of an order that it sends, and how many orders there are in truth."""
    prepared, answer = await submitted(backstage.venue)
    orders = len(await backstage.orders(prepared))
    assert not (orders and answer.verdict in ("rejected", "not_placed")), "said no of an order that exists"
    return answer, orders


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    "do",
    [
        pytest.param({"close": True}, id="connection closed"),
        pytest.param({"reset": True}, id="connection reset"),
        pytest.param({"empty": True}, id="200 with nothing"),
        pytest.param({"status": 200, "body": {}}, id="200 with {}"),
        pytest.param({"status": 200, **PAGE}, id="200 with a page"),
        pytest.param({"status": 200, "body": []}, id="200 with a list"),
        pytest.param({"status": 200, "body": {"success": True}}, id="200 success without an order"),
        pytest.param(
            {"status": 200, "body": {"success": True, "success_response": {"order_id": ""}}}, id="200 empty id"
        ),
        pytest.param({"status": 201, "body": {"success": True}}, id="201"),
        pytest.param({"status": 302, "headers": {"location": "/elsewhere"}}, id="302"),
        pytest.param({"status": 307, "headers": {"location": "/api/v3/brokerage/orders"}}, id="307"),
        pytest.param({"status": 400, "body": "bad request"}, id="400 text"),
        pytest.param({"status": 403, **PAGE}, id="403 page"),
        pytest.param({"status": 404, **PAGE}, id="404 page"),
        pytest.param({"status": 408, "body": ""}, id="408"),
        pytest.param({"status": 409, "body": {"error": "ALREADY_EXISTS"}}, id="409"),
        pytest.param({"status": 500, "body": {"error": "internal_server_error"}}, id="500 JSON"),
        pytest.param({"status": 500, "body": {"error": "unknown", "message": "oops"}}, id="500 JSON unknown"),
        pytest.param({"status": 500, "body": "Internal Server Error"}, id="500 text"),
        pytest.param({"status": 502, **PAGE}, id="502 page"),
        pytest.param({"status": 503, "body": "down", "headers": {"retry-after": "7"}}, id="503 text"),
        pytest.param({"status": 504, "body": "timeout"}, id="504 text"),
        pytest.param({"status": 520, "body": "web server returns an unknown error"}, id="520 text"),
        pytest.param({"status": 524, **PAGE}, id="524 page"),
    ],
)
async def test_an_answer_that_says_nothing_leaves_the_order_unknown(
    backstage: CoinbaseBackstage, do: Json, when: str, orders: int
) -> None:
    await backstage.control.fault(do, match=PLACING, when=when)
    answer, there = await said_and_done(backstage)
    assert (answer.verdict, answer.reason_code, answer.venue_order_id) == ("unknown", "", None)
    assert there == orders
    assert answer.evidence


@pytest.mark.parametrize("length", [0, 1, 40, 200])
async def test_an_answer_that_breaks_off_leaves_the_order_unknown(backstage: CoinbaseBackstage, length: int) -> None:
    await backstage.control.fault({"truncate_bytes": length}, match=PLACING, when="after")
    answer, orders = await said_and_done(backstage)
    assert (answer.verdict, orders) == ("unknown", 1)


def refusal(**reasons: str) -> Json:
    return {"status": 200, "body": {"success": False, "error_response": {"message": "no", **reasons}}}


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    "do",
    [
        pytest.param(refusal(error="UNKNOWN_FAILURE_REASON"), id="unknown failure"),
        pytest.param(refusal(error="A_REASON_OF_TOMORROW"), id="unlisted"),
        pytest.param(refusal(), id="no reason"),
        pytest.param({"status": 200, "body": {"success": False}}, id="no error response"),
        pytest.param(
            refusal(
                error="UNKNOWN_FAILURE_REASON",
                preview_failure_reason="UNKNOWN_PREVIEW_FAILURE_REASON",
                new_order_failure_reason="UNKNOWN_FAILURE_REASON",
            ),
            id="unknown in every field",
        ),
        pytest.param(refusal(error="DUPLICATE_CLIENT_ORDER_ID"), id="exists"),
        pytest.param(
            refusal(error="INVALID_REQUEST", message="DUPLICATE_CLIENT_ORDER_ID"), id="exists, in the message"
        ),
        pytest.param(
            refusal(error="DUPLICATE_CLIENT_ORDER_ID", new_order_failure_reason="INVALID_REQUEST"), id="exists, second"
        ),
        pytest.param(
            {"status": 400, "body": {"error": "INVALID_ARGUMENT", "message": "DUPLICATE_CLIENT_ORDER_ID"}},
            id="exists, 400",
        ),
        pytest.param(
            {
                "status": 200,
                "body": {
                    "success": False,
                    "order_id": "an-order",
                    "error_response": {"error": "INSUFFICIENT_FUND"},
                },
            },
            id="refused, with an order's id",
        ),
    ],
)
async def test_a_refusal_that_proves_nothing_leaves_the_order_unknown(
    backstage: CoinbaseBackstage, do: Json, when: str, orders: int
) -> None:
    await backstage.control.fault(do, match=PLACING, when=when)
    answer, there = await said_and_done(backstage)
    assert (answer.verdict, answer.reason_code, there) == ("unknown", "", orders)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [({}, None), ({"retry-after": "7"}, 7), ({"retry-after": "Sun, 22 Nov 2026 10:00:00 GMT"}, None)],
)
@pytest.mark.parametrize(
    "body", [{"errors": [{"id": "rate_limit_exceeded"}]}, {"error": "RESOURCE_EXHAUSTED"}, "slow down", ""]
)
async def test_an_order_too_many_was_not_placed_and_may_follow_after_a_pause(
    backstage: CoinbaseBackstage, body: Json | str, headers: Json, pause_s: int | None
) -> None:
    await backstage.control.fault({"status": 429, "body": body, "headers": headers}, match=PLACING)
    answer, orders = await said_and_done(backstage)
    assert (answer.verdict, answer.reason_code, answer.retry_after_s) == ("not_placed", "RateLimited", pause_s)
    assert orders == 0


@pytest.mark.parametrize(
    ("do", "reason_code"),
    [
        ({"status": 400, "body": {"error": "INVALID_ARGUMENT"}}, "OrderRejected"),
        ({"status": 401, "body": "Unauthorized"}, "CredentialsRefused"),
        ({"status": 401, "body": {"error": "UNAUTHENTICATED"}}, "CredentialsRefused"),
        ({"status": 403, "body": {"error": "PERMISSION_DENIED"}}, "CredentialsRefused"),
        (refusal(error="INSUFFICIENT_FUND"), "FundsInsufficient"),
        (
            refusal(error="UNKNOWN_FAILURE_REASON", preview_failure_reason="PREVIEW_INSUFFICIENT_FUND"),
            "FundsInsufficient",
        ),
        (refusal(error="UNKNOWN_FAILURE_REASON", new_order_failure_reason="INVALID_SIZE_PRECISION"), "OrderRejected"),
    ],
)
async def test_a_refusal_that_names_its_reason_is_believed(
    backstage: CoinbaseBackstage, do: Json, reason_code: str
) -> None:
    await backstage.control.fault(do, match=PLACING)
    answer, orders = await said_and_done(backstage)
    assert (answer.verdict, answer.reason_code, orders) == ("rejected", reason_code, 0)


@pytest.mark.parametrize(
    ("base_qty", "limit_price", "reason_code"),
    [
        ("900", "2600", "FundsInsufficient"),
        ("0.123456789", "2600", "OrderRejected"),
        ("1", "2600.001", "OrderRejected"),
        ("0.0001", "2600", "OrderTooSmall"),
        ("42001", "2600", "OrderTooLarge"),
    ],
)
async def test_what_the_exchange_itself_refuses_is_rejected_for_its_reason(
    backstage: CoinbaseBackstage, base_qty: str, limit_price: str, reason_code: str
) -> None:
    prepared = await backstage.venue.prepare(market("BUY", base_qty, limit_price), 1)
    answer = await backstage.venue.submit(prepared, backstage.venue.open_attempt())
    assert (answer.verdict, answer.reason_code) == ("rejected", reason_code)
    assert await backstage.orders(prepared) == []


async def test_a_refused_repeat_speaks_for_itself_while_the_first_order_lives(backstage: CoinbaseBackstage) -> None:
    await backstage.turn(duplicate_ids="error")
    prepared, first = await submitted(backstage.venue)
    again = await backstage.venue.submit(prepared, backstage.venue.open_attempt())
    assert (first.verdict, again.verdict) == ("accepted", "unknown")
    assert await backstage.control.results(prepared.client_order_id) == [
        "created",
        "rejected:DUPLICATE_CLIENT_ORDER_ID",
    ]


@pytest.mark.parametrize(("when", "results"), [("before", ["received", "created"]), ("after", ["created", "created"])])
async def test_an_order_that_nobody_answers_for_is_unknown_and_may_be_placed_later(
    exchange: Exchange, backstage: CoinbaseBackstage, when: str, results: list[str]
) -> None:
    fault = await backstage.control.fault({"hold": True, "even_if_gone": True}, match=PLACING, when=when)
    async with plain_http(exchange.venue_url, httpx.Timeout(20, read=0.2)) as impatient:
        prepared, answer = await submitted(coinbase(impatient, exchange.key))
    assert (answer.verdict, answer.evidence.partition(":")[0]) == ("unknown", "ReadTimeout")
    at_first = await backstage.control.results(prepared.client_order_id)
    await backstage.control.get(f"/faults/{fault}", wait_gone=10)
    await backstage.control.tell("POST", f"/faults/{fault}/release")
    while (later := await backstage.control.results(prepared.client_order_id)) == ["received"]:
        await backstage.control.tell("GET", "/healthz")
    assert [*at_first, *later] == results


async def test_an_attempt_that_was_cancelled_in_flight_may_have_placed_its_order(backstage: CoinbaseBackstage) -> None:
    fault = await backstage.control.fault({"hold": True}, match=PLACING, when="after")
    prepared = await backstage.venue.prepare(market("BUY", "0.01", "2600"), 1)
    submitting = asyncio.create_task(backstage.venue.submit(prepared, backstage.venue.open_attempt()))
    await backstage.control.get(f"/faults/{fault}", wait_held=10)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert len(await backstage.orders(prepared)) == 1
    answer, orders = await said_and_done(backstage)
    assert (answer.verdict, orders) == ("accepted", 1)


async def test_an_order_that_never_left_because_nobody_listens_was_not_placed(exchange: Exchange) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    async with plain_http(f"http://127.0.0.1:{port}") as http:
        _, answer = await submitted(coinbase(http, exchange.key))
    assert (answer.verdict, answer.reason_code) == ("not_placed", "VenueUnreachable")


async def test_an_order_that_never_left_for_want_of_a_connection_was_not_placed(
    exchange: Exchange, backstage: CoinbaseBackstage
) -> None:
    fault = await backstage.control.fault({"hold": True}, match={"method": "GET"})
    one, impatient = httpx.Limits(max_connections=1), httpx.Timeout(20, pool=0.05)
    async with plain_http(exchange.venue_url, impatient, limits=one) as http:
        occupying = asyncio.create_task(http.get(f"{API}/time"))
        await backstage.control.get(f"/faults/{fault}", wait_held=10)
        prepared, answer = await submitted(coinbase(http, exchange.key))
        await backstage.control.tell("DELETE", "/faults")
        await occupying
    assert (answer.verdict, answer.reason_code) == ("not_placed", "VenueUnreachable")
    assert await backstage.control.results(prepared.client_order_id) == []
