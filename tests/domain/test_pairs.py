"""Tickers are read for certain or not at all."""

import pytest

from domain.pairs import Pair, parse_pair


@pytest.mark.parametrize(
    ("ticker", "pair"),
    [
        ("ETH-USD", "ETH-USD"),
        ("eth/usd", "ETH-USD"),
        ("ETH_USD", "ETH-USD"),
        (" WBTC-USDC ", "WBTC-USDC"),
        ("ETHUSDC", "ETH-USDC"),
        ("BTCUSD", "BTC-USD"),
        ("COINBASE:BTCUSD", "BTC-USD"),
        ("BINANCE:ETHUSDT", "ETH-USDT"),
        ("1INCHUSD", "1INCH-USD"),
        ("EURUSD", "EUR-USD"),
        ("ETHBTC", "ETH-BTC"),
        ("PERP-USD", "PERP-USD"),
    ],
)
def test_every_accepted_spelling_gives_the_pair(ticker: str, pair: str) -> None:
    assert str(parse_pair(ticker)) == pair


@pytest.mark.parametrize("base", ["ARB", "DOT", "APT", "BAT", "GRT", "SHIB", "STG", "USDT", "USDC", "GUSD", "PYUSD"])
def test_the_end_of_a_base_asset_is_never_taken_for_the_beginning_of_a_quote(base: str) -> None:
    assert parse_pair(f"{base}USD") == Pair(base=base, quote="USD")


@pytest.mark.parametrize("ticker", ["ETHUSDT.P", "COINBASE:ETHUSDC.P", "ETH-PERP", "ETHPERP", "ETHUSD_PERP"])
def test_perpetual_futures_are_refused_by_name(ticker: str) -> None:
    with pytest.raises(ValueError, match="perpetual"):
        parse_pair(ticker)


@pytest.mark.parametrize(
    "ticker",
    [
        *("", " ", "-", ":", "ETH", "USD", "USDUSD", "-USD", "ETH-", "ETH--USD", "ETH-USD-SWAP", "BTC1!", "ETH USD"),
        *("ETH/USDT:USDT", "ETHUSD:ETH", "BTC-BTC", "{{ticker}}", "ETH-USD\nBTC", "ETHUSD\x00", "ETH,USD", "$ETH-USD"),
        *("\u017fOL-USD", "\u0131NJUSD", "\uff22\uff34\uff23-USD", "\u0412TC-USD", "ETH\u2010USD", "A" * 16 + "-USD"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused_with_the_fix(ticker: str) -> None:
    with pytest.raises(ValueError, match="BASE-QUOTE, like ETH-USD"):
        parse_pair(ticker)
