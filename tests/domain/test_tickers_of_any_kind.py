"""A ticker is read for what it says, or refused: no text at all becomes a pair that it does not spell."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from domain.pairs import Pair, parse_pair
from tests.fuzzing import tried

ASSETS = st.from_regex(r"[A-Z0-9]{1,15}", fullmatch=True)
PIECES = st.sampled_from(
    [
        *("BTC", "ETH", "USD", "USDC", "usdt", "EUR", "1INCH", "PERP", ".P", "COINBASE:", "BINANCE:", "_DL"),
        *("-", "/", "_", ":", " ", ".", "!", "\t", "\n", "\0", "\ufeff", "\u200b", "\u200d", "\u202e", "\u2010"),
        *("\ud800", "\u0430", "\u0131", "\u017f", "\uff21", "\U0001d400", "\u00df", "\ufb01", "%", "{{ticker}}"),
    ]
)
TICKERS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=7).map("".join))


def spelt(ticker: str) -> str:
    """The letters and digits of a ticker, without its exchange."""
    return re.sub(r"[-/_]", "", ticker.strip().upper().rpartition(":")[2])


def read(ticker: str) -> Pair | str:
    """The pair, or why it is none."""
    try:
        return parse_pair(ticker)
    except ValueError as refusal:
        return str(refusal)


@given(ticker=TICKERS)
@tried(1000)
@example(ticker="\u0131NJ-USD")
@example(ticker="BTC-USD\n")
@example(ticker="A:B:ETH-USD")
def test_a_ticker_becomes_what_it_spells_or_nothing(ticker: str) -> None:
    pair = read(ticker)
    if isinstance(pair, str):
        assert "; " in pair
        return
    assert ticker.isascii()
    assert pair.base + pair.quote == spelt(ticker)
    assert pair.base != pair.quote
    assert parse_pair(str(pair)) == pair


@given(base=ASSETS, quote=ASSETS, separator=st.sampled_from("-/_"), exchange=st.sampled_from(["", "X:", "COINBASE:"]))
@tried(300)
def test_a_pair_that_is_separated_is_read_as_it_stands(base: str, quote: str, separator: str, exchange: str) -> None:
    ticker = f"{exchange}{base}{separator}{quote}"
    pair = read(ticker)
    if base == quote or quote.endswith("PERP"):
        assert isinstance(pair, str)
    else:
        assert pair == Pair(base=base, quote=quote)
