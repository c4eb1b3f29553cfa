"""The fault plane, over real sockets: what a caller sees, and what the venue has really done."""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from tests.simulators.clients import Control, Json, Trader, market, market_buy

pytestmark = pytest.mark.anyio

ORDERS = "/api/v3/brokerage/orders"
PLACING: Json = {"method": "POST", "path_prefix": ORDERS}


def order(client_order_id: str, configuration: Json | None = None) -> Json:
    body = {"client_order_id": client_order_id, "product_id": "ETH-USD", "side": "BUY"}
    return {**body, "order_configuration": configuration or market_buy("10")}


@pytest.fixture
def cid() -> str:
    return str(uuid.uuid4())


async def begun(
    call: Coroutine[Any, Any, httpx.Response], control: Control, fault: str
) -> asyncio.Task[httpx.Response]:
    """`call` under way, and held by `fault`."""
    task = asyncio.create_task(call)
    assert len((await control.get(f"/faults/{fault}", wait_held=10))["held"]) == 1
    return task


async def test_a_request_held_before_the_venue_acts_is_served_after_its_release(
    live_trader: Trader, live_control: Control, cid: str
) -> None:
    fault = await live_control.fault({"hold": True}, match=PLACING)
    call = await begun(live_trader.post_order(order(cid)), live_control, fault)
    assert await live_control.results(cid) == ["received"]
    (held,) = (await live_control.get("/faults"))["faults"][0]["held"]
    assert (held["method"], held["path"], held["client_order_id"]) == ("POST", ORDERS, cid)
    assert await live_control.tell("POST", f"/faults/{fault}/release") == {"released": 1}
    assert (await call).json()["success"] is True
    assert await live_control.results(cid) == ["created"]


async def test_an_answer_held_after_the_venue_acted_hides_an_order_that_exists(
    live_trader: Trader, live_control: Control, cid: str
) -> None:
    fault = await live_control.fault({"hold": True}, match=PLACING, when="after")
    call = await begun(live_trader.post_order(order(cid)), live_control, fault)
    assert [kept["status"] for kept in await live_control.orders(cid)] == ["FILLED"]
    await live_control.tell("DELETE", f"/faults/{fault}")
    assert (await call).json()["success"] is True


@pytest.mark.parametrize(("even_if_gone", "result"), [(False, "dropped"), (True, "created")])
async def test_a_caller_that_leaves_while_held_is_served_only_if_the_fault_says_so(
    live_trader: Trader, live_control: Control, cid: str, even_if_gone: bool, result: str
) -> None:
    fault = await live_control.fault({"hold": True, "even_if_gone": even_if_gone}, match=PLACING)
    call = await begun(live_trader.post_order(order(cid)), live_control, fault)
    call.cancel()
    assert (await live_control.get(f"/faults/{fault}", wait_gone=10))["held"][0]["gone"] is True
    await live_control.tell("POST", f"/faults/{fault}/release")
    await live_control.tell("GET", "/healthz")
    assert await settled(live_control, cid) == [result]


async def settled(control: Control, client_order_id: str) -> list[str]:
    """The results once the venue has made up its mind: every round trip lets it go on."""
    while (results := await control.results(client_order_id)) == ["received"]:
        pass
    return results


async def test_a_delayed_request_is_served_late(live_trader: Trader, live_control: Control, cid: str) -> None:
    await live_control.fault({"delay_ms": 1}, match=PLACING)
    assert (await live_trader.post_order(order(cid))).json()["success"] is True


@pytest.mark.parametrize(("when", "result"), [("before", "dropped"), ("after", "created")])
async def test_an_answer_may_be_replaced_before_or_after_the_venue_acted(
    live_trader: Trader, live_control: Control, cid: str, when: str, result: str
) -> None:
    do = {"status": 503, "body": "<html>Down</html>", "content_type": "text/html", "headers": {"retry-after": "7"}}
    await live_control.fault(do, match=PLACING, when=when)
    answer = await live_trader.post_order(order(cid))
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "<html>Down</html>", "7")
    assert answer.headers["content-type"].startswith("text/html")
    assert await live_control.results(cid) == [result]


@pytest.mark.parametrize("status", [200, 429, 500, 520, 524])
async def test_any_status_and_a_json_body_can_be_answered(
    live_trader: Trader, live_control: Control, cid: str, status: int
) -> None:
    await live_control.fault({"status": status, "body": {"error": "unknown"}}, when="after")
    answer = await live_trader.post_order(order(cid))
    assert (answer.status_code, answer.json()) == (status, {"error": "unknown"})


@pytest.mark.parametrize(("when", "result"), [("before", "dropped"), ("after", "created")])
async def test_a_connection_may_be_reset(
    live_trader: Trader, live_control: Control, cid: str, when: str, result: str
) -> None:
    await live_control.fault({"reset": True}, match=PLACING, when=when)
    with pytest.raises(httpx.ReadError):
        await live_trader.post_order(order(cid))
    assert await live_control.results(cid) == [result]


async def test_a_reset_is_a_reset_on_the_wire(live_trader: Trader, live_control: Control) -> None:
    await live_control.fault({"reset": True})
    url = live_trader.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /api/v3/brokerage/time HTTP/1.1\r\nHost: venue\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.parametrize(("when", "result"), [("before", "dropped"), ("after", "created")])
async def test_a_connection_may_be_closed_without_an_answer(
    live_trader: Trader, live_control: Control, cid: str, when: str, result: str
) -> None:
    await live_control.fault({"close": True}, match=PLACING, when=when)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
        await live_trader.post_order(order(cid))
    assert await live_control.results(cid) == [result]


async def test_an_answer_may_be_cut_off(live_trader: Trader, live_control: Control, cid: str) -> None:
    await live_control.fault({"truncate_bytes": 20}, match=PLACING, when="after")
    with pytest.raises(httpx.RemoteProtocolError, match="received 20 bytes, expected"):
        await live_trader.post_order(order(cid))
    assert await live_control.results(cid) == ["created"]


async def test_an_answer_may_be_empty(live_trader: Trader, live_control: Control, cid: str) -> None:
    await live_control.fault({"empty": True}, match=PLACING, when="after")
    answer = await live_trader.post_order(order(cid))
    assert (answer.status_code, answer.content) == (200, b"")
    assert await live_control.results(cid) == ["created"]


async def test_a_hold_may_end_in_a_reset(live_trader: Trader, live_control: Control, cid: str) -> None:
    fault = await live_control.fault({"hold": True, "reset": True}, match=PLACING, when="after")
    call = await begun(live_trader.post_order(order(cid)), live_control, fault)
    await live_control.tell("POST", f"/faults/{fault}/release")
    with pytest.raises(httpx.ReadError):
        await call


async def test_an_outage_lasts_until_it_is_removed(live_trader: Trader, live_control: Control, cid: str) -> None:
    fault = await live_control.fault({"status": 503}, times=None)
    for _ in range(3):
        assert (await live_trader.call("GET", "/accounts")).status_code == 503
    assert (await live_trader.post_order(order(cid))).status_code == 503
    assert (await live_control.get(f"/faults/{fault}"))["used"] == 4
    await live_control.tell("DELETE", "/faults")
    assert (await live_trader.call("GET", "/accounts")).status_code == 200
    assert await live_control.results(cid) == ["dropped"]


async def test_a_fault_meets_only_what_it_matches(live_trader: Trader, live_control: Control, cid: str) -> None:
    fault = await live_control.fault({"status": 500}, match={"client_order_id": cid, "method": "POST"})
    bitcoin = await live_control.fault({"status": 502}, match={"product_id": "BTC-USD"})
    assert (await live_trader.post_order(order("another"))).status_code == 200
    assert (await live_trader.call("GET", "/accounts")).status_code == 200
    assert (await live_trader.call("GET", "/product_book", product_id="BTC-USD")).status_code == 502
    assert (await live_trader.post_order(order(cid))).status_code == 500
    assert [(await live_control.get(f"/faults/{each}"))["used"] for each in (fault, bitcoin)] == [1, 1]


async def test_a_fault_may_wait_for_the_nth_request_and_meet_several(
    live_trader: Trader, live_control: Control
) -> None:
    fault = await live_control.fault({"status": 500}, match={"nth": 2, "path_prefix": ORDERS}, times=2)
    path = "/orders/historical/batch"
    statuses = [(await live_trader.call("GET", path)).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert (await live_control.get(f"/faults/{fault}", wait_used=10))["used"] == 2


async def test_waiting_for_what_does_not_come_ends_with_the_time_given(live_control: Control) -> None:
    fault = await live_control.fault({"hold": True})
    assert (await live_control.get(f"/faults/{fault}", wait_held=0))["held"] == []


async def test_fills_may_be_told_twice_late_and_in_reverse(live_trader: Trader, live_control: Control) -> None:
    order_id = await live_trader.placed("BUY", market("10"))
    fills = await live_trader.fills(order_id)
    assert len(fills) > 1
    await live_control.fault({"duplicate_fills": True}, when="after")
    assert await live_trader.fills(order_id) == [*fills, *fills]
    await live_control.fault({"reorder_answers": True}, when="after")
    assert await live_trader.fills(order_id) == fills[::-1]
    await live_control.fault({"hide_fills_ms": 3_600_000}, when="after")
    assert await live_trader.fills(order_id) == []
    assert await live_trader.fills(order_id) == fills


@pytest.mark.parametrize(
    "spec",
    [
        {"do": {}},
        {"do": {"reset": True, "close": True}},
        {"do": {"truncate_bytes": 1}, "when": "before"},
        {"do": {"hold": True}, "times": 0},
        {"do": {"hodl": True}},
        {},
    ],
)
async def test_a_fault_that_makes_no_sense_is_not_set(live_control: Control, spec: Json) -> None:
    assert (await live_control.http.post("/faults", json=spec)).status_code == 400
    assert (await live_control.get("/faults"))["faults"] == []


async def test_an_unknown_fault_is_not_found(live_control: Control) -> None:
    for method, path in (("GET", "/faults/x"), ("DELETE", "/faults/x"), ("POST", "/faults/x/release")):
        assert (await live_control.http.request(method, path)).status_code == 404


async def test_a_cancel_may_race_with_a_fill(live_trader: Trader, live_control: Control) -> None:
    order_id = await live_trader.placed("BUY", {"limit_limit_gtc": {"base_size": "1", "limit_price": "2400"}})
    fault = await live_control.fault({"hold": True}, match={"path_prefix": f"{ORDERS}/batch_cancel"})
    path = "/orders/batch_cancel"
    call = await begun(live_trader.call("POST", path, body={"order_ids": [order_id]}), live_control, fault)
    await live_control.tell("POST", "/prices", {"product_id": "ETH-USD", "price": "2300"})
    await live_control.tell("POST", f"/faults/{fault}/release")
    assert (await call).json()["results"][0]["failure_reason"] == "ORDER_IS_FULLY_FILLED"


async def test_a_token_that_expired_while_the_request_was_held_is_refused(
    live_trader: Trader, live_control: Control, cid: str
) -> None:
    fault = await live_control.fault({"hold": True}, match=PLACING)
    call = await begun(live_trader.post_order(order(cid)), live_control, fault)
    await live_control.tell("PATCH", "/settings", {"clock_offset_s": 121})
    await live_control.tell("POST", f"/faults/{fault}/release")
    assert (await call).status_code == 401
    assert await live_control.results(cid) == ["unauthorised"]


async def test_both_ports_tell_that_they_are_well(live_trader: Trader, live_control: Control) -> None:
    await live_control.fault({"status": 503}, times=None)
    assert (await live_trader.http.get("/healthz")).json() == {"status": "ok"}
    assert await live_control.get("/healthz") == {"status": "ok"}
