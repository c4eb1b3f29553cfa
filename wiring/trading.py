"""Accounts, venues and rules, as the settings have them."""

from collections.abc import Mapping
from pathlib import Path

import httpx

from activities import policies
from config.settings import Settings
from domain.rules import Limits, Rules
from ledger.trades import Account
from venues.coinbase.adapter import Coinbase
from venues.coinbase.keys import ApiKey
from venues.venue import Venue

PAPER = Account(name="coinbase-paper", venue="coinbase", mode="paper")
LIVE = Account(name="coinbase-live", venue="coinbase", mode="live")

# Enough for a burst, and far below what a venue would call abuse.
_CONNECTIONS = httpx.Limits(max_connections=40, max_keepalive_connections=40, keepalive_expiry=60)


def account_in_use(settings: Settings) -> Account:
    """The account on which new trades open."""
    return LIVE if settings.is_live else PAPER


def open_venues(settings: Settings) -> Mapping[Account, Venue]:
    """Every account that this process has keys for. Raises KeyUnusable.

    The paper account stays open beside the live one: its trades may not have ended when live trading began.
    """
    venues: dict[Account, Venue] = {}
    if not settings.is_live or settings.paper_key_file.exists():
        venues[PAPER] = _coinbase(settings.paper_exchange_url, ApiKey.from_file(settings.paper_key_file), PAPER)
    if settings.is_live:
        venues[LIVE] = _coinbase(settings.coinbase_url, _live_key(settings), LIVE)
    return venues


def rules_of(settings: Settings) -> Rules:
    """The rules under which trades open from now on."""
    return Rules(
        account=account_in_use(settings).name,
        tradable_pairs=settings.tradable_pairs,
        trade_amount_usd=settings.trade_amount_usd,
        sell_percentage=settings.sell_percentage,
        sellable_fraction=settings.dust_factor,
        min_sell_base=settings.min_sell_amount_base,
        min_order_usd=settings.cex_min_order_size_usd,
        max_order_usd=settings.cex_max_order_size_usd,
        slippage_percent=settings.slippage_tolerance_percent,
        max_price_move_percent=settings.max_price_move_percent,
        max_quote_age_s=settings.max_quote_age_s,
        max_signal_age_s=settings.max_signal_age_s,
        cancel_after_s=settings.cancel_after_s,
        unresolved_alert_s=settings.unresolved_alert_s,
        limits=Limits(
            daily_trades=settings.max_daily_trades,
            daily_usd=settings.max_daily_volume_usd,
            daily_cex_usd=settings.cex_daily_limit_usd,
            day_timezone=settings.day_timezone,
        ),
    )


def _coinbase(url: str, key: ApiKey, account: Account) -> Venue:
    http = httpx.AsyncClient(
        base_url=url, timeout=policies.VENUE_CALL_S, limits=_CONNECTIONS, trust_env=account.mode == "live"
    )
    return Coinbase(http, key, account.name, policies.ATTEMPT_LIFE)


def _live_key(settings: Settings) -> ApiKey:
    if settings.coinbase_key_file is not None:
        return ApiKey.from_file(Path(settings.coinbase_key_file))
    return ApiKey(settings.coinbase_key_name, settings.coinbase_private_key.get_secret_value())
