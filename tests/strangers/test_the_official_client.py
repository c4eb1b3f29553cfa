"""coinbase-advanced-py, unchanged, trades on the simulated exchange."""

import json
import uuid
from typing import Any

import pytest

from tests.simulators.clients import Control, Json
from tests.strangers.stranger import Stranger

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def placed(official: Stranger, method: str, *args: Any, **options: Any) -> str:
    """The id of an order on ETH-USD that must be taken."""
    answer = official.call(f"rest.{method}", str(uuid.uuid4()), "ETH-USD", *args, **options)
    assert answer["success"], answer
    return str(answer["success_response"]["order_id"])


def refused(official: Stranger, method: str, product_id: str, *args: Any, **options: Any) -> Json:
    answer = official.call(f"rest.{method}", str(uuid.uuid4()), product_id, *args, **options)
    assert answer["success"] is False, answer
    error: Json = answer["error_response"]
    return error


def order(official: Stranger, order_id: str, *fields: str) -> tuple[Any, ...]:
    found = official.call("rest.get_order", order_id)["order"]
    return tuple(found[field] for field in fields)


def wallet(official: Stranger, currency: str) -> tuple[str, str]:
    accounts = {account["currency"]: account for account in official.call("rest.get_accounts")["accounts"]}
    return accounts[currency]["available_balance"]["value"], accounts[currency]["hold"]["value"]


async def test_it_reads_products_and_prices(control: Control, official: Stranger) -> None:
    listed = official.call("rest.get_products", product_type="SPOT")
    assert {"ETH-USD", "BTC-USD", "SOL-USD"} <= {product["product_id"] for product in listed["products"]}
    assert official.call("rest.get_public_products")["num_products"] == listed["num_products"] == 8
    product = official.call("rest.get_product", "ETH-USD")
    assert (product["base_increment"], product["quote_increment"], product["quote_min_size"]) == (
        "0.00000001",
        "0.01",
        "1",
    )
    book = official.call("rest.get_product_book", "ETH-USD", limit=1)["pricebook"]
    assert (book["bids"], book["asks"]) == ([{"price": "2499", "size": "1"}], [{"price": "2500", "size": "1"}])
    (best,) = official.call("rest.get_best_bid_ask", ["ETH-USD"])["pricebooks"]
    assert (best["bids"][0]["price"], best["asks"][0]["price"]) == ("2499", "2500")
    ticker = official.call("rest.get_market_trades", "ETH-USD", 1)
    assert (len(ticker["trades"]), ticker["best_bid"], ticker["best_ask"]) == (1, "2499", "2500")
    assert official.call("rest.get_unix_time")["epoch_seconds"].isdigit()


async def test_it_reads_accounts_and_fees(control: Control, official: Stranger) -> None:
    assert (wallet(official, "USD"), wallet(official, "ETH")) == (("100000", "0"), ("10", "0"))
    account = official.call("rest.get_accounts")["accounts"][0]
    assert official.call("rest.get_account", account["uuid"])["account"] == account
    tier = official.call("rest.get_transaction_summary")["fee_tier"]
    assert (tier["maker_fee_rate"], tier["taker_fee_rate"]) == ("0.006", "0.012")


async def test_a_market_order_is_filled_and_its_fills_are_told(control: Control, official: Stranger) -> None:
    bought = placed(official, "market_order_buy", quote_size="1012")
    amounts = ("status", "filled_size", "filled_value", "total_fees", "average_filled_price", "total_value_after_fees")
    assert order(official, bought, *amounts) == ("FILLED", "0.4", "1000", "12", "2500", "1012")
    sold = placed(official, "market_order_sell", base_size="1.5")
    assert order(official, sold, *amounts[:4]) == ("FILLED", "1.5", "3748", "44.976")
    fills = official.call("rest.get_fills", order_ids=[sold])["fills"]
    told = [(fill["price"], fill["size"], fill["commission"], fill["liquidity_indicator"]) for fill in fills]
    assert sorted(told) == [("2498", "0.5", "14.988", "TAKER"), ("2499", "1", "29.988", "TAKER")]
    assert (wallet(official, "USD"), wallet(official, "ETH")) == (("102691.024", "0"), ("8.9", "0"))


async def test_a_limit_order_rests_is_listed_and_cancelled(control: Control, official: Stranger) -> None:
    rests = placed(official, "limit_order_gtc_buy", "0.5", "2400")
    until = placed(official, "limit_order_gtd_sell", "2", "2600", "2099-01-01T00:00:00Z", post_only=True)
    assert (wallet(official, "USD"), wallet(official, "ETH")) == (("98785.6", "1214.4"), ("8", "2"))
    listed = official.call("rest.list_orders", order_status=["OPEN"], product_ids=["ETH-USD"])["orders"]
    assert [found["order_id"] for found in listed] == [until, rests]
    results = official.call("rest.cancel_orders", [rests, until])["results"]
    assert [result["success"] for result in results] == [True, True]
    assert order(official, rests, "status", "filled_size", "time_in_force") == (
        "CANCELLED",
        "0",
        "GOOD_UNTIL_CANCELLED",
    )
    assert order(official, until, "status", "time_in_force") == ("CANCELLED", "GOOD_UNTIL_DATE_TIME")
    closed = official.call("rest.list_orders", order_status=["CANCELLED"], limit=2)["orders"]
    assert [found["order_id"] for found in closed] == [until, rests]
    assert wallet(official, "USD") == ("100000", "0")


async def test_a_resting_order_is_met_as_a_maker(control: Control, official: Stranger) -> None:
    rests = placed(official, "limit_order_gtc_buy", "0.5", "2499.5", post_only=True)
    trade = {"product_id": "ETH-USD", "side": "SELL", "price": "2499.5", "size": "0.2"}
    await control.tell("POST", "/trades", trade)
    assert order(official, rests, "status", "filled_size", "total_fees") == ("OPEN", "0.2", "2.9994")
    (fill,) = official.call("rest.get_fills", order_ids=[rests])["fills"]
    assert (fill["liquidity_indicator"], fill["price"], fill["size"]) == ("MAKER", "2499.5", "0.2")


async def test_an_ioc_order_takes_what_there_is_and_ends(control: Control, official: Stranger) -> None:
    taken = placed(official, "limit_order_ioc_buy", "2", "2500")
    assert order(official, taken, "status", "filled_size", "total_fees") == ("CANCELLED", "1", "30")
    killed = placed(official, "limit_order_fok_buy", "9", "2500")
    assert order(official, killed, "status", "filled_size") == ("CANCELLED", "0")


async def test_a_repeated_client_order_id_is_the_same_order(control: Control, official: Stranger) -> None:
    cid = str(uuid.uuid4())
    answers = [official.call("rest.limit_order_gtc_buy", cid, "ETH-USD", "0.5", "2400") for _ in range(2)]
    assert len({answer["success_response"]["order_id"] for answer in answers}) == 1
    assert len(await control.orders(cid)) == 1


async def test_a_preview_says_what_an_order_would_come_to(control: Control, official: Stranger) -> None:
    preview = official.call("rest.preview_market_order_buy", "ETH-USD", quote_size="1012")
    assert (preview["errs"], preview["order_total"], preview["commission_total"]) == ([], "1012", "12")


async def test_refusals_are_told_in_the_venues_words(control: Control, official: Stranger) -> None:
    small = refused(official, "market_order_buy", "ETH-USD", quote_size="0.5")
    assert small["preview_failure_reason"] == "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"
    poor = refused(official, "limit_order_gtc_buy", "ETH-USD", "100", "2400")
    assert (poor["error"], poor["preview_failure_reason"]) == ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND")
    assert refused(official, "limit_order_gtc_buy", "NO-USD", "1", "2400")["error"] == "INVALID_PRODUCT_ID"
    crossing = refused(official, "limit_order_gtc_buy", "ETH-USD", "1", "2600", post_only=True)
    assert crossing["error"] == "INVALID_LIMIT_PRICE_POST_ONLY"


async def test_what_is_not_there_is_not_found(control: Control, official: Stranger) -> None:
    for call, unknown in (("rest.get_order", str(uuid.uuid4())), ("rest.get_product", "NO-USD")):
        complaint = official.complaint(call, unknown)
        assert (complaint.kind, complaint.text[:28]) == ("HTTPError", "404 Client Error: Not Found ")
        assert json.loads(complaint.text[28:])["error"] == "NOT_FOUND"
    (result,) = official.call("rest.cancel_orders", ["nothing"])["results"]
    assert (result["success"], result["failure_reason"]) == (False, "UNKNOWN_CANCEL_ORDER")


async def test_a_wrong_key_is_turned_away(control: Control, official: Stranger) -> None:
    own_name = official.call("rename_key", "organizations/o/apiKeys/nobody")
    complaint = official.complaint("rest.get_accounts")
    official.call("rename_key", own_name)
    assert complaint.kind == "HTTPError"
    assert complaint.text.startswith("401 Client Error")
