"""How the venue shows what it keeps: the field names and notations of Coinbase Advanced Trade."""

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

from simulators.exchange.books import Book, Level, mid_of
from simulators.exchange.decimals import ZERO, exact, finest, plain, quotient
from simulators.exchange.exchange import Exchange
from simulators.exchange.markets import Market, Trade
from simulators.exchange.orders import Account, Fill, Order
from simulators.exchange.products import CATALOGUE, CURRENCY_NAMES, FIAT, Product

View = dict[str, object]

TIME_IN_FORCE = {
    "market_market_ioc": "IMMEDIATE_OR_CANCEL",
    "sor_limit_ioc": "IMMEDIATE_OR_CANCEL",
    "limit_limit_gtc": "GOOD_UNTIL_CANCELLED",
    "limit_limit_gtd": "GOOD_UNTIL_DATE_TIME",
    "limit_limit_fok": "FILL_OR_KILL",
}


SAME_FOR_EVERY_ORDER: View = {
    "fee": "",
    "pending_cancel": False,
    "trigger_status": "INVALID_ORDER_TYPE",
    "product_type": "SPOT",
    "order_placement_source": "RETAIL_ADVANCED",
    "is_liquidation": False,
    "edit_history": [],
    "leverage": "",
    "margin_type": "UNKNOWN_MARGIN_TYPE",
    "originating_order_id": "",
    "attached_order_id": "",
}

SAME_FOR_EVERY_PRODUCT: View = {
    "price_percentage_change_24h": "0",
    "volume_24h": "0",
    "volume_percentage_change_24h": "0",
    "watched": False,
    "is_disabled": False,
    "new": False,
    "status": "online",
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "auction_mode": False,
    "product_type": "SPOT",
    "fcm_trading_session_details": None,
    "mid_market_price": "",
    "view_only": False,
    "product_venue": "CBE",
}


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pending(order: Order) -> Order:
    """`order` as it looks while the venue has not worked on it yet."""
    progress = {"filled_size": ZERO, "filled_value": ZERO, "total_fees": ZERO, "number_of_fills": 0}
    return order.model_copy(update={"status": "PENDING", "last_fill_at": None, "cancel_message": "", **progress})


def order_view(order: Order, exchange: Exchange) -> View:
    by_quote = order.quote_size is not None
    return {
        "order_id": order.order_id,
        "product_id": order.product_id,
        "user_id": exchange.user_id,
        "order_configuration": json.loads(order.configuration),
        "side": order.side,
        "client_order_id": order.client_order_id,
        "status": order.status,
        "time_in_force": TIME_IN_FORCE[order.kind],
        "created_time": instant(order.created_at),
        **progress_view(order),
        "size_in_quote": by_quote,
        "size_inclusive_of_fees": by_quote,
        "order_type": "MARKET" if order.kind == "market_market_ioc" else "LIMIT",
        "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
        "settled": order.status not in ("PENDING", "OPEN"),
        "reject_message": order.reject_message,
        "cancel_message": order.cancel_message,
        "last_fill_time": None if order.last_fill_at is None else instant(order.last_fill_at),
        "retail_portfolio_id": exchange.portfolio_id,
        **SAME_FOR_EVERY_ORDER,
    }


@exact
def progress_view(order: Order) -> View:
    fees = order.total_fees if order.side == "BUY" else -order.total_fees
    return {
        "completion_percentage": plain(_completion(order)),
        "filled_size": plain(order.filled_size),
        "average_filled_price": plain(quotient(order.filled_value, order.filled_size)),
        "number_of_fills": str(order.number_of_fills),
        "filled_value": plain(order.filled_value),
        "total_fees": plain(order.total_fees),
        "total_value_after_fees": plain(order.filled_value + fees),
        "outstanding_hold_amount": plain(order.hold),
    }


def _completion(order: Order) -> Decimal:
    if order.status == "FILLED":
        return Decimal(100)
    done, wanted = (order.filled_size, order.base_size)
    if wanted is None:
        done, wanted = order.filled_value + order.total_fees, order.quote_size
    return quotient(done * 100, wanted or ZERO).quantize(Decimal("0.01"))


NO_PREVIEW: View = {
    "order_total": "0",
    "commission_total": "0",
    "quote_size": "0",
    "base_size": "0",
    "warning": [],
    "is_max": False,
    "order_margin_total": "0",
    "leverage": "",
    "slippage": "0",
    "preview_id": "",
    "average_filled_price": "0",
}


@exact
def preview_view(order: Order, exchange: Exchange) -> View:
    """What `order` would come to: what it takes at once, and what is left standing at its limit."""
    left = ZERO
    if order.status == "OPEN" and order.base_size is not None:
        left = order.base_size - order.filled_size
    value = left * (order.limit_price or ZERO)
    commission = order.total_fees + finest(value * exchange.rates.maker)
    value += order.filled_value
    amounts = {
        "order_total": value + commission if order.side == "BUY" else value - commission,
        "commission_total": commission,
        "quote_size": value,
        "base_size": order.filled_size + left,
        "average_filled_price": quotient(order.filled_value, order.filled_size),
    }
    written = {name: plain(amount) for name, amount in amounts.items()}
    return {**NO_PREVIEW, **written, "preview_id": order.order_id}


def fill_view(fill: Fill, exchange: Exchange) -> View:
    """Of an order that was sized in quote units, the fills are told in quote units too."""
    return {
        "entry_id": fill.entry_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "trade_time": instant(fill.traded_at),
        "trade_type": "FILL",
        "price": plain(fill.price),
        "size": plain(fill.value if fill.size_in_quote else fill.size),
        "commission": plain(fill.commission),
        "product_id": fill.product_id,
        "sequence_timestamp": instant(fill.traded_at),
        "liquidity_indicator": fill.liquidity,
        "size_in_quote": fill.size_in_quote,
        "user_id": exchange.user_id,
        "side": fill.side,
        "retail_portfolio_id": exchange.portfolio_id,
    }


def account_uuid(account: Account, exchange: Exchange) -> str:
    return str(uuid.uuid5(uuid.UUID(exchange.portfolio_id), account.currency))


def account_view(account: Account, exchange: Exchange) -> View:
    opened = instant(exchange.opened_at)
    return {
        "uuid": account_uuid(account, exchange),
        "name": f"{account.currency} Wallet",
        "currency": account.currency,
        "available_balance": {"value": plain(account.available), "currency": account.currency},
        "default": True,
        "active": True,
        "created_at": opened,
        "updated_at": opened,
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if account.currency in FIAT else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": plain(account.hold), "currency": account.currency},
        "retail_portfolio_id": exchange.portfolio_id,
    }


def product_view(market: Market) -> View:
    product = market.product
    return {
        "product_id": product.product_id,
        "price": plain(market.row.last),
        **_sizes_view(product),
        "base_name": CURRENCY_NAMES[product.base],
        "quote_name": CURRENCY_NAMES[product.quote],
        "trading_disabled": product.trading_disabled,
        "quote_currency_id": product.quote,
        "base_currency_id": product.base,
        **_alias_view(product),
        "base_display_symbol": product.base,
        "quote_display_symbol": "USD",
        "price_increment": plain(product.price_increment),
        "display_name": product.product_id,
        **SAME_FOR_EVERY_PRODUCT,
    }


def _sizes_view(product: Product) -> View:
    names = ("base_increment", "quote_increment", "quote_min_size", "quote_max_size", "base_min_size", "base_max_size")
    return {name: plain(getattr(product, name)) for name in names}


def _alias_view(product: Product) -> View:
    twin = f"{product.base}-{'USDC' if product.quote == 'USD' else 'USD'}"
    known = twin in CATALOGUE
    if product.quote == "USD":
        return {"alias": "", "alias_to": [twin] if known else []}
    return {"alias": twin if known else "", "alias_to": []}


def levels_view(levels: tuple[Level, ...], limit: int | None = None) -> list[View]:
    return [{"price": plain(price), "size": plain(size)} for price, size in levels[:limit]]


def pricebook_view(market: Market, at: datetime, limit: int | None) -> View:
    book = market.book
    sides: View = {"bids": levels_view(book.bids, limit), "asks": levels_view(book.asks, limit)}
    return {"product_id": market.product.product_id, **sides, "time": instant(at)}


@exact
def product_book_view(market: Market, at: datetime, limit: int | None) -> View:
    book, mid = market.book, mid_of(market.book)
    view: View = {"pricebook": pricebook_view(market, at, limit), "last": plain(market.row.last)}
    if mid is None:
        return {**view, "mid_market": "", "spread_bps": "", "spread_absolute": ""}
    spread = book.asks[0].price - book.bids[0].price
    bps = quotient(spread * 10_000, mid)
    return {**view, "mid_market": plain(mid), "spread_bps": plain(bps), "spread_absolute": plain(spread)}


def ticker_view(market: Market, limit: int) -> View:
    trades = [trade_view(trade, market.product.product_id) for trade in list(market.tape)[:limit]]
    return {"trades": trades, **best_view(market.book)}


def best_view(book: Book) -> View:
    sides = {"best_bid": book.bids, "best_ask": book.asks}
    return {name: plain(levels[0].price) if levels else "" for name, levels in sides.items()}


def trade_view(trade: Trade, product_id: str) -> View:
    return {
        "trade_id": str(trade.trade_id),
        "product_id": product_id,
        "price": plain(trade.price),
        "size": plain(trade.size),
        "time": instant(trade.at),
        "side": trade.side,
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def summary_view(exchange: Exchange) -> View:
    volume, fees = (int(exchange.total(name)) for name in ("volume", "fees"))
    tier = {"pricing_tier": "Advanced 1", "usd_from": "0", "usd_to": "1000"}
    rates = {"taker_fee_rate": plain(exchange.rates.taker), "maker_fee_rate": plain(exchange.rates.maker)}
    return {
        "total_volume": volume,
        "total_fees": fees,
        "fee_tier": {**tier, **rates},
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": volume,
        "advanced_trade_only_fees": fees,
        "coinbase_pro_volume": 0,
        "coinbase_pro_fees": 0,
        "total_balance": "",
        "has_promo_fee": False,
    }
