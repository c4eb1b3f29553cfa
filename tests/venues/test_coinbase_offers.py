"""What is on offer, as odd as it may be put: wallets of other kinds, closed products, books without sense."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import VenueDown
from tests.simulators.clients import Json
from tests.venues.coinbase import ACCOUNTS, API, Script
from tests.worlds import ETH_USD
from venues.coinbase import adapter

pytestmark = pytest.mark.anyio

PRODUCT, BOOK = f"{API}/products/{ETH_USD}", f"{API}/product_book"


def a_wallet(value: str, **changes: Any) -> Json:
    wallet = {"currency": "ETH", "active": True, "type": "ACCOUNT_TYPE_CRYPTO"}
    return {**wallet, "available_balance": {"value": value, "currency": "ETH"}, **changes}


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([[a_wallet("9", type="ACCOUNT_TYPE_VAULT"), a_wallet("2")]], id="behind a vault"),
        pytest.param([[a_wallet("9", type="ACCOUNT_TYPE_PERP_FUTURES"), a_wallet("2")]], id="behind a margin"),
        pytest.param([[a_wallet("9", active=False), a_wallet("2")]], id="behind a closed one"),
        pytest.param([[a_wallet("9", currency="BTC")], [a_wallet("2")]], id="on the next page"),
    ],
)
async def test_what_can_be_sold_is_in_the_wallet_for_trading(script: Script, pages: list[list[Json]]) -> None:
    script.pages(ACCOUNTS, "accounts", *pages)
    script.says[PRODUCT] = lambda _: a_product()
    script.says[BOOK] = lambda _: {"pricebook": {"bids": [], "asks": []}}
    assert (await script.venue.quote(ETH_USD, "SELL")).sellable == 2


def a_product(**changes: Any) -> Json:
    sizes = {"base_min_size": "0.001", "base_max_size": "10", "quote_min_size": "1", "quote_max_size": "1000"}
    return {"product_id": "ETH-USD", "base_increment": "1E-8", "price_increment": "0.01", **sizes, **changes}


@pytest.mark.parametrize(
    "closed",
    [
        *({"status": "offline"}, {"trading_disabled": True}, {"is_disabled": True}, {"cancel_only": True}),
        *({"post_only": True}, {"view_only": True}),
    ],
)
async def test_a_product_is_closed_however_the_venue_puts_it(script: Script, closed: Json) -> None:
    script.says[BOOK] = lambda _: {"pricebook": {"bids": [], "asks": []}}
    script.says[PRODUCT] = lambda _: a_product(**closed)
    assert not (await script.venue.quote(ETH_USD, "BUY")).instrument.open_for_trading


@pytest.mark.parametrize(
    ("product", "level"),
    [
        ({"base_increment": ""}, {"price": "1", "size": "1"}),
        ({"base_increment": "0"}, {"price": "1", "size": "1"}),
        ({"product_id": "?"}, {"price": "1", "size": "1"}),
        ({}, {"price": "0", "size": "1"}),
        ({}, {"price": "NaN", "size": "1"}),
        ({}, {"price": "1", "size": "-1"}),
    ],
)
async def test_an_offer_that_makes_no_sense_is_no_quote(script: Script, product: Json, level: Json) -> None:
    script.says[PRODUCT] = lambda _: a_product(**product)
    script.says[BOOK] = lambda _: {"pricebook": {"bids": [], "asks": [level]}}
    with pytest.raises(VenueDown):
        await script.venue.quote(ETH_USD, "BUY")


async def test_the_rules_of_a_pair_are_asked_for_once_in_a_while(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.says[BOOK] = lambda _: {"pricebook": {"bids": [], "asks": []}}
    script.says[PRODUCT] = lambda _: a_product()
    assert (await script.venue.quote(ETH_USD, "BUY")).instrument.open_for_trading
    script.says[PRODUCT] = lambda _: a_product(trading_disabled=True)
    assert (await script.venue.quote(ETH_USD, "BUY")).instrument.open_for_trading
    monkeypatch.setattr(adapter, "_PRODUCT_LIFE", timedelta(0))
    assert not (await script.venue.quote(ETH_USD, "BUY")).instrument.open_for_trading
