"""The older Coinbase App API (/v2), of which clients of Advanced Trade still ask the time, currencies and wallets."""

import uuid
from decimal import Decimal

from simulators.exchange.decimals import ZERO, exact, plain, quotient
from simulators.exchange.exchange import Exchange
from simulators.exchange.orders import Account
from simulators.exchange.products import CURRENCY_NAMES, FIAT
from simulators.exchange.views import View, account_uuid, instant


def tell_time(exchange: Exchange) -> View:
    now = exchange.now()
    return {"data": {"iso": instant(now), "epoch": int(now.timestamp())}}


def list_fiat() -> View:
    named = ((code, name) for code, name in CURRENCY_NAMES.items() if code in FIAT)
    return {"data": [{"id": code, "name": name, "min_size": "0.01"} for code, name in named]}


def list_crypto() -> View:
    return {"data": [_currency_view(code) for code in CURRENCY_NAMES if code not in FIAT]}


def list_rates(exchange: Exchange) -> View:
    """What one US dollar is worth in every currency."""
    return {"data": {"currency": "USD", "rates": {code: plain(_rate(exchange, code)) for code in CURRENCY_NAMES}}}


def _rate(exchange: Exchange, code: str) -> Decimal:
    market = exchange.markets.get(f"{code}-USD")
    # Dollars, and the coins that are kept at one.
    return Decimal(1) if market is None else quotient(Decimal(1), market.row.mid or ZERO)


def list_wallets(exchange: Exchange) -> View:
    """Every account on one page. Its balance counts what is held, and does not say how much that is."""
    names = ("ending_before", "starting_after", "next_starting_after", "previous_uri", "next_uri")
    views = [_wallet_view(account, exchange) for account in exchange.store.accounts().values()]
    return {"pagination": {**dict.fromkeys(names), "limit": 250, "order": "desc"}, "data": views}


@exact
def _wallet_view(account: Account, exchange: Exchange) -> View:
    wallet_id, opened = account_uuid(account, exchange), instant(exchange.opened_at)
    return {
        "id": wallet_id,
        "name": f"{account.currency} Wallet",
        "primary": True,
        "type": "fiat" if account.currency in FIAT else "wallet",
        "currency": _currency_view(account.currency),
        "balance": {"amount": plain(account.available + account.hold), "currency": account.currency},
        "created_at": opened,
        "updated_at": opened,
        "resource": "account",
        "resource_path": f"/v2/accounts/{wallet_id}",
        "allow_deposits": True,
        "allow_withdrawals": True,
    }


def _currency_view(code: str) -> View:
    return {
        "asset_id": str(uuid.uuid5(uuid.NAMESPACE_OID, code)),
        "code": code,
        "name": CURRENCY_NAMES.get(code, code),
        "color": "#0052FF",
        "sort_index": 0 if code in FIAT else 100,
        "exponent": 2 if code in FIAT else 8,
        "type": "fiat" if code in FIAT else "crypto",
        "address_regex": "",
    }
