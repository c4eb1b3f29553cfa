"""CCXT, unchanged but for the address, trades on the simulated exchange."""

import uuid
from typing import Any

import pytest

from tests.simulators.clients import Control, Json
from tests.strangers.stranger import Stranger

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ETH = "ETH/USD"


def placed(via_ccxt: Stranger, kind: str, side: str, *amounts: Any, **params: Any) -> str:
    """The id of an order that must be taken. CCXT passes on only a client order id that is spelt as the venue does."""
    params = {"client_order_id": str(uuid.uuid4()), **params}
    answer = via_ccxt.call("venue.create_order", ETH, kind, side, *amounts, params=params)
    assert answer["id"], answer
    assert answer["clientOrderId"] == params["client_order_id"]
    return str(answer["id"])


def order(via_ccxt: Stranger, order_id: str, *fields: str) -> tuple[Any, ...]:
    found = via_ccxt.call("venue.fetch_order", order_id, ETH)
    return tuple(found[field] for field in fields)


def funds(via_ccxt: Stranger, currency: str) -> tuple[str, str, str]:
    balance = via_ccxt.call("venue.fetch_balance", {"v3": True})[currency]
    return balance["free"], balance["used"], balance["total"]


async def test_it_reads_markets_with_their_steps_limits_and_fees(control: Control, via_ccxt: Stranger) -> None:
    markets = via_ccxt.call("venue.load_markets")
    assert {market["id"] for market in markets.values()} >= {"BTC-USD", "ETH-USD", "MATIC-USD", "ETH-USDC"}
    market = markets[ETH]
    assert (market["spot"], market["active"], market["precision"]) == (
        True,
        True,
        {"amount": "0.00000001", "price": "0.01"},
    )
    assert market["limits"]["amount"] == {"min": "0.00000001", "max": "42000"}
    assert market["limits"]["cost"] == {"min": "1", "max": "150000000"}
    assert (market["maker"], market["taker"]) == ("0.006", "0.012")


async def test_it_reads_currencies_and_the_time(control: Control, via_ccxt: Stranger) -> None:
    currencies = via_ccxt.call("venue.fetch_currencies")
    assert {code: currencies[code]["type"] for code in ("USD", "BTC", "ETH")} == {
        "USD": "fiat",
        "BTC": "crypto",
        "ETH": "crypto",
    }
    assert via_ccxt.call("venue.fetch_time") > 1_700_000_000_000


async def test_it_reads_prices(control: Control, via_ccxt: Stranger) -> None:
    ticker = via_ccxt.call("venue.fetch_ticker", ETH)
    assert (ticker["bid"], ticker["ask"]) == ("2499", "2500")
    book = via_ccxt.call("venue.fetch_order_book", ETH, 2)
    assert (book["bids"], book["asks"]) == ([[2499, 1], [2498, 2]], [[2500, 1], [2501, 2]])
    assert via_ccxt.call("venue.fetch_bids_asks", [ETH])[ETH]["bid"] == "2499"
    assert via_ccxt.call("venue.fetch_trades", ETH)[0]["symbol"] == ETH


async def test_it_reads_balances_and_what_is_held(control: Control, via_ccxt: Stranger) -> None:
    placed(via_ccxt, "limit", "buy", "0.5", "2400")
    assert funds(via_ccxt, "USD") == ("98785.6", "1214.4", "100000")
    # As it asks when it is not told otherwise: of the older API, which knows no holds.
    assert via_ccxt.call("venue.fetch_balance")["USD"]["total"] == "100000"
    assert {account["code"] for account in via_ccxt.call("venue.fetch_accounts")} >= {"USD", "ETH"}


async def test_a_market_order_is_filled_and_its_trades_are_told(control: Control, via_ccxt: Stranger) -> None:
    bought = via_ccxt.call("venue.create_market_buy_order_with_cost", ETH, "1012")["id"]
    assert order(via_ccxt, bought, "status", "side", "filled", "average", "cost") == (
        "closed",
        "buy",
        "0.4",
        "2500",
        "1000",
    )
    sold = placed(via_ccxt, "market", "sell", "2")
    assert order(via_ccxt, sold, "status", "filled", "cost", "fee") == (
        "closed",
        "2",
        "4997",
        {"cost": "59.964", "currency": "USD"},
    )
    trades = via_ccxt.call("venue.fetch_my_trades", ETH, params={"order_ids": [sold]})
    told = [(trade["price"], trade["amount"], trade["fee"]["cost"], trade["takerOrMaker"]) for trade in trades]
    assert sorted(told) == [("2498", "1", "29.976", "taker"), ("2499", "1", "29.988", "taker")]
    assert funds(via_ccxt, "ETH") == ("8.4", "0", "8.4")


async def test_a_limit_order_rests_is_listed_and_cancelled(control: Control, via_ccxt: Stranger) -> None:
    rests = placed(via_ccxt, "limit", "buy", "0.5", "2400")
    until = placed(via_ccxt, "limit", "sell", "2", "2600", timeInForce="GTD", end_time="2099-01-01T00:00:00Z")
    fields = ("status", "type", "price", "amount", "filled", "remaining", "timeInForce")
    assert order(via_ccxt, rests, *fields) == ("open", "limit", "2400", "0.5", "0", "0.5", "GTC")
    assert order(via_ccxt, until, "status", "timeInForce") == ("open", "GTD")
    assert {found["id"] for found in via_ccxt.call("venue.fetch_open_orders", ETH)} == {rests, until}
    assert via_ccxt.call("venue.cancel_order", rests)["info"]["success"] is True
    assert [found["id"] for found in via_ccxt.call("venue.fetch_open_orders", ETH)] == [until]
    assert rests in {found["id"] for found in via_ccxt.call("venue.fetch_canceled_orders", ETH)}
    assert rests in {found["id"] for found in via_ccxt.call("venue.fetch_orders", ETH)}


async def test_a_resting_order_is_met_as_a_maker_and_is_closed(control: Control, via_ccxt: Stranger) -> None:
    rests = placed(via_ccxt, "limit", "buy", "0.5", "2499.5", postOnly=True)
    for size in ("0.2", "0.3"):
        await control.tell("POST", "/trades", sell("2499.5", size))
    assert order(via_ccxt, rests, "status", "filled", "remaining", "fee") == (
        "closed",
        "0.5",
        "0",
        {"cost": "7.4985", "currency": "USD"},
    )
    trades = via_ccxt.call("venue.fetch_my_trades", ETH, params={"order_ids": [rests]})
    assert sorted((trade["amount"], trade["takerOrMaker"]) for trade in trades) == [("0.2", "maker"), ("0.3", "maker")]
    assert rests in {found["id"] for found in via_ccxt.call("venue.fetch_closed_orders", ETH)}


async def test_an_ioc_order_takes_what_there_is_and_ends(control: Control, via_ccxt: Stranger) -> None:
    taken = placed(via_ccxt, "limit", "buy", "2", "2500", timeInForce="IOC")
    assert order(via_ccxt, taken, "status", "filled", "timeInForce") == ("canceled", "1", "IOC")


@pytest.mark.parametrize(
    ("kind", "amounts", "params", "words"),
    [
        ("limit", ("1", "2600"), {"postOnly": True}, "INVALID_LIMIT_PRICE_POST_ONLY"),
        ("limit", ("0.0001", "2400"), {}, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    ],
)
async def test_refusals_are_told_in_the_venues_words(
    control: Control, via_ccxt: Stranger, kind: str, amounts: tuple[str, ...], params: Json, words: str
) -> None:
    complaint = via_ccxt.complaint("venue.create_order", ETH, kind, "buy", *amounts, params=params)
    assert words in complaint.text


async def test_what_cannot_be_paid_is_insufficient_funds(control: Control, via_ccxt: Stranger) -> None:
    complaint = via_ccxt.complaint("venue.create_order", ETH, "limit", "buy", "100", "2400")
    assert complaint.kind == "InsufficientFunds"


async def test_what_is_not_there_is_not_found(control: Control, via_ccxt: Stranger) -> None:
    # CCXT knows no better name for it; its text says what the venue said.
    assert '"error":"NOT_FOUND"' in via_ccxt.complaint("venue.fetch_order", str(uuid.uuid4())).text
    assert via_ccxt.complaint("venue.fetch_ticker", "NO/USD").kind == "BadSymbol"
    assert via_ccxt.complaint("venue.cancel_order", "nothing").kind == "BadRequest"


async def test_a_wrong_key_is_turned_away(control: Control, via_ccxt: Stranger) -> None:
    own_name = via_ccxt.call("rename_key", "organizations/o/apiKeys/nobody")
    complaint = via_ccxt.complaint("venue.v3PrivateGetBrokerageAccounts")
    via_ccxt.call("rename_key", own_name)
    assert complaint.kind == "AuthenticationError"


def sell(price: str, size: str) -> Json:
    return {"product_id": "ETH-USD", "side": "SELL", "price": price, "size": size}
