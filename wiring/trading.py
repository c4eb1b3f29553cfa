"""Accounts, venues and rules, as the settings have them."""

from collections.abc import Mapping
from pathlib import Path

import httpx

from activities import policies
from config.settings import Settings
from domain.rules import Limits, Rules
from ledger.trades import Account
from venues.coinbase.adapter import Coinbase
from venues.coinbase.channel import UserChannel
from venues.coinbase.keys import ApiKey
from venues.venue import Channel, Venue

PAPER = Account(name="coinbase-paper", venue="coinbase", mode="paper")
LIVE = Account(name="coinbase-live", venue="coinbase", mode="live")

# Enough for a burst, and far below what a venue would call abuse.
_CONNECTIONS = httpx.Limits(max_connections=40, max_keepalive_connections=40, keepalive_expiry=60)


def account_in_use(settings: Settings) -> Account:
    """The account on which new trades open."""
    return LIVE if settings.is_live else PAPER


def open_venues(settings: Settings) -> Mapping[Account, Venue]:
    """The venue of every account that this process has keys for. Raises KeyUnusable."""
    urls = {PAPER: settings.paper_exchange_url, LIVE: settings.coinbase_url}
    return {account: _coinbase(urls[account], key, account) for account, key in _keys(settings).items()}


def open_channels(settings: Settings) -> Mapping[Account, Channel]:
    """What tells by itself of each of these accounts; nothing is connected yet. Raises KeyUnusable."""
    urls = {PAPER: settings.paper_exchange_url, LIVE: settings.coinbase_user_channel_url}
    return {account: _user_channel(urls[account], key, account) for account, key in _keys(settings).items()}


def _keys(settings: Settings) -> Mapping[Account, ApiKey]:
    """The paper account stays open beside the live one: its trades may not have ended when live trading began."""
    keys: dict[Account, ApiKey] = {}
    if not settings.is_live or settings.paper_key_file.exists():
        keys[PAPER] = ApiKey.from_file(settings.paper_key_file)
    if settings.is_live:
        keys[LIVE] = _live_key(settings)
    return keys


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


def _user_channel(url: str, key: ApiKey, account: Account) -> Channel:
    return UserChannel(url, key, policies.VENUE_CALL_S, trust_env=account.mode == "live")


def _live_key(settings: Settings) -> ApiKey:
    if settings.coinbase_key_file is not None:
        return ApiKey.from_file(Path(settings.coinbase_key_file))
    return ApiKey(settings.coinbase_key_name, settings.coinbase_private_key.get_secret_value())
