"""The fields of every answer, against the shapes that real clients were seen to receive."""

import pytest

from tests.simulators.clients import Json, Trader, gtc, market

pytestmark = pytest.mark.anyio

API = "/api/v3/brokerage"

ORDER = """order_id product_id user_id order_configuration side client_order_id status time_in_force created_time
completion_percentage filled_size average_filled_price fee number_of_fills filled_value pending_cancel size_in_quote
total_fees size_inclusive_of_fees total_value_after_fees trigger_status order_type reject_reason settled product_type
reject_message cancel_message order_placement_source outstanding_hold_amount is_liquidation last_fill_time edit_history
leverage margin_type retail_portfolio_id originating_order_id attached_order_id"""

FILL = """entry_id trade_id order_id trade_time trade_type price size commission product_id sequence_timestamp
liquidity_indicator size_in_quote user_id side retail_portfolio_id"""

ACCOUNT = """uuid name currency available_balance default active created_at updated_at deleted_at type ready hold
retail_portfolio_id"""

PRODUCT = """product_id price price_percentage_change_24h volume_24h volume_percentage_change_24h base_increment
quote_increment quote_min_size quote_max_size base_min_size base_max_size base_name quote_name watched is_disabled new
status cancel_only limit_only post_only trading_disabled auction_mode product_type quote_currency_id base_currency_id
fcm_trading_session_details mid_market_price alias alias_to base_display_symbol quote_display_symbol view_only
price_increment display_name product_venue"""

TRADE = "trade_id product_id price size time side bid ask exchange"

SUMMARY = """total_volume total_fees fee_tier margin_rate goods_and_services_tax advanced_trade_only_volume
advanced_trade_only_fees coinbase_pro_volume coinbase_pro_fees total_balance has_promo_fee"""


def fields(view: Json) -> set[str]:
    return set(view)


async def test_orders_and_fills_have_the_venues_fields(trader: Trader) -> None:
    order_id = await trader.placed("SELL", market("1"))
    order = await trader.order(order_id)
    assert fields(order) == set(ORDER.split())
    assert (order["order_type"], order["reject_reason"]) == ("MARKET", "REJECT_REASON_UNSPECIFIED")
    assert order["trigger_status"] == "INVALID_ORDER_TYPE"
    assert order["order_configuration"] == market("1")
    assert fields((await trader.fills(order_id))[0]) == set(FILL.split())


async def test_lists_have_the_venues_fields(trader: Trader) -> None:
    await trader.placed("BUY", gtc("1", "2000"))
    assert fields(await trader.get("/orders/historical/batch")) == {"orders", "sequence", "has_next", "cursor"}
    assert fields(await trader.get("/orders/historical/fills")) == {"fills", "cursor"}
    accounts = await trader.get("/accounts")
    assert fields(accounts) == {"accounts", "has_next", "cursor", "size"}
    assert fields(accounts["accounts"][0]) == set(ACCOUNT.split())
    types = {account["currency"]: account["type"] for account in accounts["accounts"]}
    assert (types["USD"], types["ETH"]) == ("ACCOUNT_TYPE_FIAT", "ACCOUNT_TYPE_CRYPTO")


async def test_markets_have_the_venues_fields(trader: Trader) -> None:
    assert fields(await trader.get("/products/BTC-USD")) == set(PRODUCT.split())
    ticker = await trader.get("/products/BTC-USD/ticker", limit=1)
    assert fields(ticker) == {"trades", "best_bid", "best_ask"}
    assert fields(ticker["trades"][0]) == set(TRADE.split())
    book = await trader.get("/product_book", product_id="BTC-USD", limit=1)
    assert fields(book) == {"pricebook", "last", "mid_market", "spread_bps", "spread_absolute"}
    assert fields(book["pricebook"]) == {"product_id", "bids", "asks", "time"}
    assert fields(book["pricebook"]["bids"][0]) == {"price", "size"}
    assert fields(await trader.get("/transaction_summary")) == set(SUMMARY.split())


async def test_increments_are_the_venues(trader: Trader) -> None:
    bitcoin = await trader.get("/products/BTC-USD")
    names = ("base_increment", "price_increment", "quote_increment", "quote_min_size", "base_max_size", "alias_to")
    assert [bitcoin[name] for name in names] == ["0.00000001", "0.01", "0.01", "1", "3400", ["BTC-USDC"]]
