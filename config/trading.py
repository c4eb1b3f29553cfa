"""Settings of what is traded: sizes, limits, deadlines, the choice of a venue."""

import difflib
import zoneinfo
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.declaring import LOWER, Count, Fraction, Group, Names, Seconds, Switch, setting
from domain.alerts import AlertRefused
from domain.exchanges import find_exchange
from domain.money import BaseQty, Percent, Usd
from domain.pairs import parse_pair

_DEX, _ROUTING = "the DEX venues come", "routing between CEX and DEX comes"
_PREDICTIVE, _PREVIEWS = "predictive selling comes", "previews and cached balances come"


def _timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, sorted(zoneinfo.available_timezones()), n=1)
        raise ValueError(f"write a time zone like UTC or {near[0] if near else 'Europe/Berlin'}") from None
    return name


def _pairs(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("name at least one pair, like ETH-USD")
    return tuple(dict.fromkeys(str(parse_pair(name)) for name in names))


def _built_exchange(name: str) -> str:
    try:
        find_exchange(name)
    except AlertRefused as error:
        raise ValueError(error.message) from None
    return name


PositiveUsd = Annotated[Usd, Field(gt=0)]
Tolerance = Annotated[Percent, Field(lt=100)]
Share = Annotated[Percent, Field(gt=0, le=100)]


class TradingSettings(Group):
    """Trading"""

    trade_amount_usd: PositiveUsd = setting(
        Decimal("10.0"), "what a BUY spends when its alert names no size", unit="USD", legacy="TRADE_AMOUNT"
    )
    sell_percentage: Share = setting(
        Decimal("99.999"),
        "what a SELL sells when its alert names no size",
        unit="% of the balance",
        legacy="SELL_PERCENTAGE",
    )
    slippage_tolerance_percent: Tolerance = setting(
        Decimal("1.0"), "how far past the best price a market order may go", unit="%", legacy="SLIPPAGE_TOLERANCE"
    )
    trading_mode: Annotated[Literal["paper", "live"], LOWER] = setting(
        "paper", "where orders go: paper (the paper exchange, no real money) or live"
    )
    max_signal_age_s: Seconds = setting(120, "an older signal is not traded", unit="s")
    duplicate_window_s: Count = setting(30, "the same alert without an id within this time is a duplicate", unit="s")
    max_quote_age_s: Seconds = setting(10, "an older price is not traded on", unit="s")
    max_price_move_percent: Percent = setting(
        Decimal("2.0"), "how far the price may have left the price in the alert", unit="%"
    )
    cancel_after_s: Seconds = setting(3600, "how long a limit order may rest", unit="s")
    unresolved_alert_s: Seconds = setting(
        300, "after this time an order whose fate is unknown calls a person", unit="s"
    )
    dust_factor: Fraction = setting(
        Decimal("0.999"), "the most of a balance that is ever sold", unit="fraction of the balance"
    )


class RiskSettings(Group):
    """Risk"""

    max_daily_trades: Count = setting(
        50, "trades that may be opened in one day", unit="trades", legacy="MAX_DAILY_TRADES"
    )
    max_daily_volume_usd: Usd = setting(
        Decimal("10000.0"),
        "what may change hands in one day, sales counted; no sale is refused for it",
        unit="USD",
        legacy="MAX_DAILY_VOLUME",
    )
    day_timezone: Annotated[str, AfterValidator(_timezone)] = setting(
        "UTC", "where the day of the limits begins", unit="IANA name"
    )
    min_sol_balance_sol: BaseQty = setting(
        Decimal("0.02"), "SOL that is kept for gas", unit="SOL", legacy="MIN_SOL_BALANCE", later=_DEX
    )
    min_sell_amount_base: BaseQty = setting(
        Decimal("0.001"), "the smallest sale", unit="units of the base asset", legacy="MIN_SELL_AMOUNT"
    )
    balance_cache_ttl_s: Count = setting(
        10,
        "how old a balance may be on pages and in previews; orders are never sized with it",
        unit="s",
        legacy="BALANCE_CACHE_TTL",
        later=_PREVIEWS,
    )


class CexSettings(Group):
    """Centralised exchanges"""

    cex_enabled: Switch = setting(True, "whether centralised exchanges are traded on", legacy="CEX_ENABLED")
    cex_default_exchange: Annotated[str, LOWER, AfterValidator(_built_exchange)] = setting(
        "coinbase_advanced_trade",
        "where an alert trades that names no exchange",
        legacy="CEX_DEFAULT_EXCHANGE",
        later=_ROUTING,
    )
    cex_trading_pairs: Annotated[Names, AfterValidator(_pairs)] = setting(
        ("ETH-USD", "BTC-USD", "SOL-USD", "ADA-USD", "MATIC-USD", "LINK-USD"),
        "the pairs that may be traded",
        unit="comma-separated",
        legacy="CEX_TRADING_PAIRS",
    )
    cex_preferred_tokens: Names = setting(
        ("ETH", "BTC"),
        "base assets that go to a CEX",
        unit="comma-separated",
        legacy="CEX_PREFERRED_TOKENS",
        later=_ROUTING,
    )
    cex_min_order_size_usd: Usd = setting(Decimal("1.2"), "the smallest order", unit="USD", legacy="CEX_MIN_ORDER_SIZE")
    cex_max_order_size_usd: PositiveUsd = setting(
        Decimal("100.0"), "the largest order", unit="USD", legacy="CEX_MAX_ORDER_SIZE"
    )
    cex_daily_limit_usd: Usd = setting(
        Decimal("1000.0"),
        "what may change hands on centralised exchanges in one day, sales counted",
        unit="USD",
        legacy="CEX_DAILY_LIMIT",
    )
    use_cex_for_large_orders: Switch = setting(
        True, "whether large orders go to a CEX", legacy="USE_CEX_FOR_LARGE_ORDERS", later=_ROUTING
    )
    cex_threshold_amount_usd: Usd = setting(
        Decimal("50.0"), "from here an order is large", unit="USD", legacy="CEX_THRESHOLD_AMOUNT", later=_ROUTING
    )
    cex_ready_wait_s: Count = setting(10, "how long to wait for a CEX to be ready", unit="s", later=_ROUTING)


class PredictiveSettings(Group):
    """Predictive selling: what was just bought, before its balance shows"""

    cex_predictive_sell: Switch = setting(True, "whether it is done", legacy="CEX_PREDICTIVE_SELL", later=_PREDICTIVE)
    cex_predictive_window_s: Seconds = setting(
        60, "how long after the BUY", unit="s", legacy="CEX_PREDICTIVE_WINDOW", later=_PREDICTIVE
    )
    cex_fee_estimate_percent: Tolerance = setting(
        Decimal("1.5"), "the fee that is expected", unit="%", legacy="CEX_FEE_ESTIMATE", later=_PREDICTIVE
    )
    cex_predictive_safety_factor: Fraction = setting(
        Decimal("0.995"), "how much of the expected amount is sold", unit="fraction", later=_PREDICTIVE
    )
