"""What may be read over the wire: markets, accounts, orders, fills; filters and pages."""

from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from simulators.exchange.exchange import Exchange
from simulators.exchange.server import House
from simulators.exchange.settings import Settings
from simulators.exchange.store import Store
from tests.simulators.clients import Control, Json, Trader, gtc, market, market_buy

pytestmark = pytest.mark.anyio

D = Decimal
API = "/api/v3/brokerage"


async def test_the_time_comes_in_both_spellings(trader: Trader) -> None:
    time = (await trader.http.get(f"{API}/time")).json()
    assert set(time) == {"iso", "epochSeconds", "epochMillis", "epoch_seconds", "epoch_millis"}
    assert time["epochMillis"].startswith(time["epoch_seconds"])


async def test_every_answer_is_dated_by_the_venues_clock(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"clock_offset_s": 86_400 * 365})
    answer = await trader.http.get(f"{API}/time")
    shown = answer.headers["date"]
    assert shown.endswith("GMT")
    assert answer.json()["iso"][:4] in shown


async def test_the_catalogue_is_listed_in_public_and_in_private(trader: Trader) -> None:
    public = (await trader.http.get(f"{API}/market/products")).json()
    private = await trader.get("/products")
    assert public == private
    assert public["num_products"] == len(public["products"]) == 8
    assert (await trader.http.get(f"{API}/market/products", params={"product_type": "FUTURE"})).json()["products"] == []


async def test_an_unknown_product_is_not_found(trader: Trader) -> None:
    for path in ("/market/products/NO-USD", "/market/product_book?product_id=NO-USD"):
        answer = await trader.http.get(API + path)
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


async def test_an_unknown_path_is_not_found(trader: Trader) -> None:
    for method, path in (("GET", "/nonsense"), ("DELETE", f"{API}/orders"), ("GET", f"{API}/orders/historical")):
        answer = await trader.http.request(method, path)
        assert (answer.status_code, set(answer.json())) == (404, {"error", "error_details", "message"})


async def test_the_book_shows_as_many_levels_as_asked(trader: Trader) -> None:
    book = (await trader.http.get(f"{API}/market/product_book", params={"product_id": "ETH-USD", "limit": 3})).json()
    prices = [[D(level["price"]) for level in book["pricebook"][side]] for side in ("bids", "asks")]
    assert [len(side) for side in prices] == [3, 3]
    assert (prices[0], prices[1]) == (sorted(prices[0], reverse=True), sorted(prices[1]))
    assert (book["mid_market"], book["spread_absolute"]) == ("2500.1", "0.02")
    assert (await trader.get("/product_book", product_id="ETH-USD"))["pricebook"]["bids"][0]["price"] == "2500.09"


async def test_best_prices_may_be_asked_for_several_products(trader: Trader) -> None:
    both = await trader.get("/best_bid_ask", product_ids=["BTC-USD", "ETH-USD"])
    assert [book["product_id"] for book in both["pricebooks"]] == ["BTC-USD", "ETH-USD"]
    assert [len(book["bids"]) for book in both["pricebooks"]] == [1, 1]
    commas = await trader.get("/best_bid_ask", product_ids="BTC-USD,ETH-USD")
    assert [book["product_id"] for book in commas["pricebooks"]] == ["BTC-USD", "ETH-USD"]


async def test_the_older_api_tells_time_currencies_rates_and_wallets(trader: Trader) -> None:
    await trader.placed("BUY", gtc("0.5", "2400"))
    time, fiat, crypto, rates = [
        (await trader.http.get(f"/v2/{path}")).json()["data"]
        for path in ("time", "currencies", "currencies/crypto", "exchange-rates")
    ]
    assert time["iso"][:4] >= "2026"
    assert [currency["id"] for currency in fiat] == ["USD"]
    assert {"BTC", "ETH", "USDC"} <= {currency["code"] for currency in crypto}
    assert (rates["currency"], rates["rates"]["USD"], rates["rates"]["SOL"]) == ("USD", "1", "0.0066666666666667")
    path = "/v2/accounts"
    wallets = (await trader.http.get(path, headers=trader.headers("GET", path))).json()["data"]
    assert {wallet["balance"]["currency"]: wallet["balance"]["amount"] for wallet in wallets}["USD"] == "100000"
    assert (await trader.http.get(path)).status_code == 401


async def test_the_tape_shows_our_own_trades_first(trader: Trader) -> None:
    await trader.placed("BUY", market("0.5"))
    tape = (await trader.http.get(f"{API}/market/products/ETH-USD/ticker", params={"limit": 1})).json()
    assert [(trade["size"], trade["side"]) for trade in tape["trades"]] == [("0.5", "BUY")]


async def test_accounts_come_in_pages(trader: Trader) -> None:
    currencies, cursor = [], ""
    for _ in range(3):
        page = await trader.get("/accounts", limit=3, cursor=cursor)
        currencies += [account["currency"] for account in page["accounts"]]
        cursor = page["cursor"]
    assert currencies == sorted(["USD", "ETH", "BTC", "SOL", "LINK", "ADA", "MATIC", "USDC"])
    assert (page["has_next"], page["cursor"], page["size"]) == (False, "", 2)


async def test_one_account_is_found_by_its_uuid(trader: Trader) -> None:
    listed = (await trader.get("/accounts"))["accounts"][0]
    assert (await trader.get(f"/accounts/{listed['uuid']}"))["account"] == listed
    assert (await trader.call("GET", "/accounts/nobody")).status_code == 404


async def test_amounts_never_come_in_exponents(trader: Trader, control: Control) -> None:
    await control.tell("POST", "/balances", {"currency": "BTC", "available": "0.0000000000000001"})
    assert (await trader.balance("BTC"))[0] == D("1E-16")
    assert "E-" not in (await trader.call("GET", "/accounts")).text


async def test_the_fee_tier_is_told(trader: Trader) -> None:
    tier = (await trader.get("/transaction_summary"))["fee_tier"]
    assert (tier["maker_fee_rate"], tier["taker_fee_rate"]) == ("0.006", "0.012")


async def test_an_unknown_order_is_not_found(trader: Trader) -> None:
    answer = await trader.call("GET", "/orders/historical/52cf")
    assert answer.status_code == 404
    assert answer.json()["message"] == "order with this orderID was not found"


async def listed(trader: Trader, **params: object) -> list[str]:
    return [order["order_id"] for order in (await trader.get("/orders/historical/batch", **params))["orders"]]


async def test_orders_are_listed_newest_first_and_by_every_filter(trader: Trader) -> None:
    old = await trader.placed("BUY", market_buy("10"))
    bitcoin = await trader.placed("SELL", market("0.001"), product_id="BTC-USD")
    open_ = await trader.placed("BUY", gtc("1", "2000"))
    assert await listed(trader) == [open_, bitcoin, old]
    assert await listed(trader, order_status="OPEN") == [open_]
    assert await listed(trader, order_status=["FILLED", "CANCELLED"]) == [bitcoin, old]
    assert await listed(trader, product_ids="BTC-USD") == await listed(trader, product_id="BTC-USD") == [bitcoin]
    assert await listed(trader, product_ids=["BTC-USD", "SOL-USD"]) == [bitcoin]
    assert await listed(trader, order_ids=f"{old},{open_}") == [open_, old]
    assert await listed(trader, order_side="SELL") == [bitcoin]
    assert await listed(trader, product_type="FUTURE") == []


async def test_dates_bound_the_list_but_not_its_open_orders(trader: Trader) -> None:
    closed, open_ = await trader.placed("BUY", market_buy("10")), await trader.placed("BUY", gtc("1", "2000"))
    created = (await trader.order(closed))["created_time"]
    assert await listed(trader, start_date=created, product_id="ETH-USD") == [open_, closed]
    assert await listed(trader, start_date="2999-01-01T00:00:00Z") == [open_]
    assert await listed(trader, end_date=created) == [open_]
    assert await listed(trader, end_date="2999-01-01T00:00:00.000Z") == [open_, closed]


async def test_orders_come_in_pages(trader: Trader) -> None:
    placed = [await trader.placed("BUY", market_buy("10")) for _ in range(3)]
    first = await trader.get("/orders/historical/batch", limit=2)
    second = await trader.get("/orders/historical/batch", limit=2, cursor=first["cursor"])
    assert (first["has_next"], second["has_next"], second["cursor"]) == (True, False, "")
    assert [order["order_id"] for order in first["orders"] + second["orders"]] == placed[::-1]


@pytest.mark.parametrize(
    "params",
    [
        {"order_status": ["OPEN", "PENDING"]},
        {"order_status": "DONE"},
        {"limit": "many"},
        {"cursor": "x"},
        {"start_date": "yesterday"},
    ],
)
async def test_a_filter_that_means_nothing_is_an_invalid_argument(trader: Trader, params: Json) -> None:
    answer = await trader.call("GET", "/orders/historical/batch", **params)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")


async def test_fills_are_listed_by_every_filter(trader: Trader) -> None:
    eth, btc = (
        await trader.placed("BUY", market("1")),
        await trader.placed("SELL", market("0.001"), product_id="BTC-USD"),
    )
    path = "/orders/historical/fills"
    (fill,) = (await trader.get(path, order_ids=eth))["fills"]
    assert (await trader.get(path, order_id=eth))["fills"] == [fill]
    assert (await trader.get(path, order_ids=[eth, btc], product_id="ETH-USD"))["fills"] == [fill]
    assert (await trader.get(path, trade_ids=fill["trade_id"]))["fills"] == [fill]
    assert (await trader.get(path, start_sequence_timestamp="2999-01-01T00:00:00Z"))["fills"] == []
    newest = await trader.get(path, limit=1, end_sequence_timestamp="2999-01-01T00:00:00Z")
    assert newest["fills"][0]["order_id"] == btc
    assert (await trader.get(path, cursor=newest["cursor"]))["fills"] == [fill]


async def test_a_get_may_carry_a_body(trader: Trader) -> None:
    answer = await trader.call("GET", "/orders/historical/batch", body={}, product_ids="ETH-USD")
    assert answer.json()["orders"] == []


async def test_arrivals_are_counted_by_method_and_path(trader: Trader, control: Control) -> None:
    await control.tell("DELETE", "/audit/requests")
    order_id = await trader.placed("BUY", market_buy("10"))
    for _ in range(2):
        await trader.order(order_id)
    assert await control.get("/audit/requests") == {
        f"POST {API}/orders": 1,
        f"GET {API}/orders/historical/{{order_id}}": 2,
    }


async def test_synthetic_prices_move_and_the_same_way_for_the_same_seed(house: House, settings: Settings) -> None:
    house.exchange.turn({"prices": "synthetic"})
    with closing(Store(settings.database_path.with_name("twin.db"))) as store:
        twin = Exchange(settings.model_copy(update={"prices": "synthetic"}), store, lambda: datetime.now(UTC))
        walks = [[_bitcoin_after_a_beat(exchange) for _ in range(5)] for exchange in (house.exchange, twin)]
    assert walks[0] == walks[1]
    assert len(set(walks[0])) > 1


def _bitcoin_after_a_beat(exchange: Exchange) -> Decimal:
    exchange.step()
    prices = {exchange.markets[name].row.mid for name in ("BTC-USD", "BTC-USDC")}
    assert len(prices) == 1
    return prices.pop()


async def test_fixed_prices_stay_where_they_are(house: House) -> None:
    before = house.exchange.markets["BTC-USD"].row
    house.exchange.step()
    assert house.exchange.markets["BTC-USD"].row == before
