"""Orders over the wire: accepted, repeated, refused, filled, cancelled, expired."""

from decimal import Decimal

import pytest

from simulators.exchange.server import House
from tests.simulators.clients import Control, Trader, fok, gtc, ioc, market, market_buy

pytestmark = pytest.mark.anyio

D = Decimal
CID = "6f5f2a5c-0d0e-5b5a-9a55-9f4f3d3f7b11"


async def test_an_accepted_order_answers_with_its_id_and_the_requests_own_words(trader: Trader) -> None:
    answer = await trader.submit("BUY", market_buy("100"), client_order_id=CID)
    order_id = answer["success_response"].pop("order_id")
    assert answer == {
        "success": True,
        "success_response": {
            "product_id": "ETH-USD",
            "side": "BUY",
            "client_order_id": CID,
            "attached_order_id": "",
        },
        "order_configuration": {"market_market_ioc": {"quote_size": "100"}},
    }
    assert (await trader.order(order_id))["client_order_id"] == CID


async def test_a_repeated_client_order_id_creates_nothing_and_echoes_the_new_request(
    trader: Trader, control: Control
) -> None:
    first = await trader.placed("BUY", market_buy("100"), client_order_id=CID)
    again = await trader.submit("SELL", market("1"), client_order_id=CID, product_id="BTC-USD")
    assert again["success_response"]["order_id"] == first
    assert (again["success_response"]["side"], again["order_configuration"]) == ("SELL", market("1"))
    assert len(await control.orders(CID)) == 1
    assert await control.results(CID) == ["created", "duplicate"]


async def test_a_repeated_client_order_id_can_be_made_an_error(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"duplicate_ids": "error"})
    await trader.placed("BUY", market_buy("100"), client_order_id=CID)
    error = await trader.refusal("BUY", market_buy("100"), client_order_id=CID)
    assert error["error"] == error["new_order_failure_reason"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert await control.results(CID) == ["created", "rejected:DUPLICATE_CLIENT_ORDER_ID"]


async def test_a_client_order_id_can_be_forgotten(trader: Trader, control: Control) -> None:
    """For how long a repeat returns the first order is not documented."""
    await control.tell("PATCH", "/settings", {"duplicate_ids": "forget"})
    first = await trader.placed("BUY", market_buy("100"), client_order_id=CID)
    assert await trader.placed("BUY", market_buy("100"), client_order_id=CID) != first
    assert await control.results(CID) == ["created", "created"]


async def test_a_refused_order_leaves_its_client_order_id_free(trader: Trader, control: Control) -> None:
    await trader.refusal("SELL", market("11"), client_order_id=CID)
    await trader.placed("SELL", market("1"), client_order_id=CID)
    assert await control.results(CID) == ["rejected:INSUFFICIENT_FUND", "created"]


REFUSALS = [
    ("SELL", market("10.00000001"), "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    ("BUY", market_buy("100000.01"), "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    ("BUY", gtc("1", "2500.11", post_only=True), "INVALID_LIMIT_PRICE_POST_ONLY", None),
    ("HOLD", market("1"), "INVALID_SIDE", None),
    ("BUY", gtc("1.000000001", "2000"), "INVALID_SIZE_PRECISION", None),
    ("BUY", gtc("1", "2000.001"), "INVALID_PRICE_PRECISION", None),
    ("BUY", gtc("1", "0"), "INVALID_LIMIT_PRICE", None),
    ("BUY", market_buy("0.99"), "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    ("BUY", market_buy("150000000.01"), "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"),
    ("BUY", market_buy("10.005"), "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"),
    ("SELL", market("0.0003"), "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    ("SELL", market("42000.1"), "UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
    ("SELL", market_buy("10"), "UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG"),
    ("SELL", {"trigger_bracket_gtc": {"base_size": "1"}}, "UNSUPPORTED_ORDER_CONFIGURATION", None),
    ("BUY", {"limit_limit_gtc": {"base_size": "1"}}, "UNSUPPORTED_ORDER_CONFIGURATION", None),
    ("BUY", {**market("1"), **gtc("1", "2000")}, "UNSUPPORTED_ORDER_CONFIGURATION", None),
    ("BUY", {"limit_limit_gtd": {"base_size": "1", "limit_price": "2000"}}, "GTD_ORDERS_MUST_HAVE_END_TIME", None),
]


@pytest.mark.parametrize(("side", "configuration", "error", "preview"), REFUSALS)
async def test_a_refusal_names_its_reason(
    trader: Trader, side: str, configuration: dict[str, object], error: str, preview: str | None
) -> None:
    refusal = await trader.refusal(side, configuration)
    assert (refusal["error"], refusal["new_order_failure_reason"]) == (error, "UNKNOWN_FAILURE_REASON")
    assert preview is None or refusal["preview_failure_reason"] == preview
    assert set(refusal) == {
        "error",
        "message",
        "error_details",
        "preview_failure_reason",
        "new_order_failure_reason",
    }


async def test_an_unknown_product_is_refused(trader: Trader) -> None:
    assert (await trader.refusal("BUY", market_buy("10"), product_id="DOGE-USD"))["error"] == "INVALID_PRODUCT_ID"


async def test_a_disabled_product_takes_no_orders(trader: Trader, control: Control) -> None:
    await control.tell("POST", "/products/ETH-USD", {"trading_disabled": True})
    assert (await trader.refusal("BUY", market_buy("10")))["error"] == "ORDER_ENTRY_DISABLED"
    assert (await trader.get("/products/ETH-USD"))["trading_disabled"] is True


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"product_id": "ETH-USD", "side": "BUY", "order_configuration": market("1")},
        {"client_order_id": CID, "product_id": "ETH-USD", "side": "BUY"},
        {"client_order_id": CID, "product_id": "ETH-USD", "side": "BUY", "order_configuration": ioc("1E-3", "2000")},
        {
            "client_order_id": CID,
            "product_id": "ETH-USD",
            "side": "BUY",
            "order_configuration": {"market_market_ioc": {"quote_size": 10.5}},
        },
    ],
)
async def test_a_body_of_the_wrong_form_is_an_invalid_argument(
    trader: Trader, control: Control, body: dict[str, object]
) -> None:
    answer = await trader.post_order(body)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")
    assert (await control.get("/audit"))["posts"][0]["result"] == "malformed"


async def test_a_body_that_is_no_json_is_an_invalid_argument(trader: Trader) -> None:
    path = "/api/v3/brokerage/orders"
    answer = await trader.http.post(
        path, content=b'{"client_order_id": "\\ud800"', headers=trader.headers("POST", path)
    )
    assert (answer.status_code, set(answer.json())) == (400, {"error", "error_details", "message"})


async def test_a_market_buy_spends_its_quote_size_and_tells_its_fills_in_quote(
    trader: Trader, control: Control
) -> None:
    order = await trader.order(await trader.placed("BUY", market_buy("100"), client_order_id=CID))
    (fill,) = await trader.fills(order["order_id"])
    (booked,) = (await control.get("/audit", client_order_id=CID))["fills"]
    assert (order["status"], order["total_value_after_fees"], order["size_in_quote"]) == ("FILLED", "100", True)
    assert (fill["size_in_quote"], fill["size"]) == (True, order["filled_value"])
    assert booked["size"] == order["filled_size"]
    assert await trader.balance("USD") == (D("99900"), D(0))


async def test_an_immediate_order_tells_what_it_got(trader: Trader, control: Control) -> None:
    levels = {"bids": [["2499.99", "1"]], "asks": [["2500.01", "1"], ["2500.02", "1"]]}
    await control.tell("POST", "/book", {"product_id": "ETH-USD", **levels})
    order = await trader.order(await trader.placed("BUY", ioc("3", "2500.01")))
    assert (order["status"], order["filled_size"], order["average_filled_price"]) == ("CANCELLED", "1", "2500.01")
    assert (order["completion_percentage"], order["number_of_fills"], order["total_fees"]) == ("33.33", "1", "30.00012")


async def test_fill_or_kill_out_of_reach_is_cancelled_whole(trader: Trader) -> None:
    order = await trader.order(await trader.placed("BUY", fok("9", "2500.10")))
    assert (order["status"], order["filled_size"], order["time_in_force"]) == ("CANCELLED", "0", "FILL_OR_KILL")


async def test_a_resting_order_holds_its_worst_cost_until_it_is_cancelled(trader: Trader) -> None:
    order_id = await trader.placed("BUY", gtc("2", "2000"))
    order = await trader.order(order_id)
    assert (order["status"], order["outstanding_hold_amount"]) == ("OPEN", "4048")
    assert await trader.balance("USD") == (D("95952"), D("4048"))
    assert await trader.cancel(order_id) == [
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}
    ]
    assert (await trader.order(order_id))["status"] == "CANCELLED"
    assert await trader.balance("USD") == (D("100000"), D(0))


async def test_a_resting_order_fills_in_part_then_whole_as_maker(trader: Trader, control: Control) -> None:
    order_id = await trader.placed("SELL", gtc("2", "2600"))
    trade = {"product_id": "ETH-USD", "side": "BUY", "price": "2600", "size": "0.5"}
    await control.tell("POST", "/trades", trade)
    assert ((await trader.order(order_id))["status"], (await trader.order(order_id))["filled_size"]) == ("OPEN", "0.5")
    await control.tell("POST", "/trades", {**trade, "size": "2", "queue_ahead": "0.5"})
    order, fills = await trader.order(order_id), await trader.fills(order_id)
    assert (order["status"], order["total_fees"]) == ("FILLED", "31.2")
    assert [(fill["size"], fill["liquidity_indicator"]) for fill in fills] == [("1.5", "MAKER"), ("0.5", "MAKER")]
    assert sum(D(fill["commission"]) for fill in fills) == D(order["total_fees"])


async def test_a_price_that_falls_through_a_resting_buy_fills_it(trader: Trader, control: Control) -> None:
    order_id = await trader.placed("BUY", gtc("1", "2450"))
    await control.tell("POST", "/prices", {"product_id": "ETH-USD", "price": "2400"})
    order = await trader.order(order_id)
    assert (order["status"], order["average_filled_price"]) == ("FILLED", "2450")
    assert (await trader.get("/products/ETH-USD/ticker"))["best_bid"] == "2399.99"


async def test_cancelling_tells_why_it_cannot_be_done(trader: Trader, control: Control) -> None:
    filled = await trader.placed("BUY", market_buy("10"))
    cancelled, failed = [await trader.placed("BUY", gtc("1", "2000")) for _ in range(2)]
    await control.tell("POST", f"/orders/{failed}/end", {"status": "FAILED", "reject_reason": "HOLD_FAILURE"})
    results = await trader.cancel(cancelled, cancelled, filled, failed, "never-heard-of")
    assert [result["failure_reason"] for result in results] == [
        "UNKNOWN_CANCEL_FAILURE_REASON",
        "DUPLICATE_CANCEL_REQUEST",
        "ORDER_IS_FULLY_FILLED",
        "INVALID_CANCEL_REQUEST",
        "UNKNOWN_CANCEL_ORDER",
    ]
    assert [result["success"] for result in results] == [True, False, False, False, False]
    assert len((await control.get("/audit"))["cancels"]) == 5
    assert (await trader.order(failed))["reject_reason"] == "HOLD_FAILURE"


async def test_an_order_with_an_end_time_expires_by_the_venues_clock(trader: Trader, control: Control) -> None:
    gtd = {"base_size": "1", "limit_price": "2000", "end_time": "2999-01-01T00:00:00Z"}
    order_id = await trader.placed("BUY", {"limit_limit_gtd": gtd})
    assert (await trader.order(order_id))["time_in_force"] == "GOOD_UNTIL_DATE_TIME"
    await control.tell("PATCH", "/settings", {"clock_offset_s": 31_000_000_000})
    assert (await _order_by_the_venues_clock(trader, order_id))["status"] == "EXPIRED"
    assert (await control.get("/balances"))["USD"] == {"available": "100000", "hold": "0"}


async def _order_by_the_venues_clock(trader: Trader, order_id: str) -> dict[str, object]:
    path = f"/api/v3/brokerage/orders/historical/{order_id}"
    now = int((await trader.http.get("/api/v3/brokerage/time")).json()["epochSeconds"])
    answer = await trader.http.get(path, headers=trader.headers("GET", path, nbf=now - 1, exp=now + 60))
    order: dict[str, object] = answer.json()["order"]
    return order


async def test_an_order_may_not_end_in_the_past(trader: Trader) -> None:
    gtd = {"base_size": "1", "limit_price": "2000", "end_time": "2020-01-01T00:00:00Z"}
    assert (await trader.refusal("BUY", {"limit_limit_gtd": gtd}))["error"] == "END_TIME_IS_IN_THE_PAST"


async def test_an_order_is_seen_only_after_the_visibility_delay(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"visibility_delay_ms": 3_600_000})
    order_id = await trader.placed("BUY", market_buy("10"), client_order_id=CID)
    assert (await trader.call("GET", f"/orders/historical/{order_id}")).status_code == 404
    assert (await trader.get("/orders/historical/batch"))["orders"] == []
    assert await trader.fills(order_id) == []
    assert (await trader.cancel(order_id))[0]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"
    assert await trader.placed("BUY", market_buy("10"), client_order_id=CID) == order_id
    await control.tell("PATCH", "/settings", {"visibility_delay_ms": 0})
    assert (await trader.order(order_id))["status"] == "FILLED"
    assert len(await trader.fills(order_id)) == 1


async def test_a_young_order_may_look_pending(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"pending_ms": 3_600_000})
    order_id = await trader.placed("BUY", gtc("1", "2000"))
    order = await trader.order(order_id)
    assert (order["status"], order["settled"]) == ("PENDING", False)
    assert (await trader.get("/orders/historical/batch", order_status="OPEN"))["orders"] == []
    assert len((await trader.get("/orders/historical/batch", order_status="PENDING"))["orders"]) == 1
    assert (await trader.cancel(order_id))[0]["success"] is True


async def test_a_preview_tells_the_cost_and_changes_nothing(trader: Trader, control: Control) -> None:
    body = {"product_id": "ETH-USD", "side": "BUY", "order_configuration": gtc("1", "2000")}
    preview = (await trader.call("POST", "/orders/preview", body=body)).json()
    assert (preview["errs"], preview["order_total"], preview["commission_total"]) == ([], "2012", "12")
    body["order_configuration"] = gtc("1000", "2000")
    assert (await trader.call("POST", "/orders/preview", body=body)).json()["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    assert (await control.get("/audit"))["posts"] == (await control.get("/audit"))["orders"] == []


async def test_the_audit_knows_every_post(trader: Trader, control: Control, house: House) -> None:
    await trader.placed("BUY", market_buy("10"), client_order_id=CID)
    (post,) = (await control.get("/audit", client_order_id=CID))["posts"]
    order = (await control.orders(CID))[0]
    assert post.pop("received_at") <= house.exchange.now().isoformat()
    assert post == {
        "seq": 1,
        "client_order_id": CID,
        "product_id": "ETH-USD",
        "side": "BUY",
        "order_configuration": market_buy("10"),
        "authorised": True,
        "result": "created",
        "order_id": order["order_id"],
    }
