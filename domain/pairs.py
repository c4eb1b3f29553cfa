"""Trading pairs, and the many ways in which people write them."""

import re
from typing import Annotated

from pydantic import Field

from domain.values import Value

Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,15}$")]

# A quote currency that is not listed is never guessed from a ticker without a separator. BUSD, TUSD and GUSD are not:
# ARBUSD, DOTUSD and STGUSD would be read as AR-BUSD, DO-TUSD and ST-GUSD.
_QUOTES = (
    *("FDUSD", "PYUSD", "USDC", "USDT", "USDP", "USDS", "USDD", "USDE", "DAI"),
    *("USD", "EUR", "GBP", "BTC", "ETH", "SOL", "BNB"),
)
_SEPARATED = re.compile(r"^([A-Z0-9]{1,15})[-/_]([A-Z0-9]{1,15})$")
_PERPETUAL = re.compile(r"(\.P|[-_/]?PERP)$")
_DOLLARS = {"USD", "USDC"}


class Pair(Value):
    """A base asset priced in a quote asset."""

    base: Asset
    quote: Asset

    def __str__(self) -> str:
        return f"{self.base}-{self.quote}"

    @property
    def counts_in_usd(self) -> bool:
        """Whether an amount of the quote asset is an amount of US dollars (USDC counts as one dollar)."""
        return self.quote in _DOLLARS


def parse_pair(ticker: str) -> Pair:
    """The pair in `ticker`: `ETH-USD`, `ETH/USD`, `ETHUSDC`, `COINBASE:BTCUSD`. Raises ValueError with the fix."""
    # Upper case turns some foreign letters into ours: a look-alike must stay unreadable.
    text = ticker.strip().upper().rpartition(":")[2] if ticker.isascii() else ""
    if _PERPETUAL.search(text):
        raise ValueError(f"{ticker!r} is a perpetual future and only spot pairs are traded; send the spot ticker")
    if match := _SEPARATED.match(text):
        base, quote = match.groups()
    else:
        quote = next((known for known in _QUOTES if text.endswith(known)), "")
        base = text.removesuffix(quote) if quote else ""
    if not re.fullmatch(r"[A-Z0-9]{1,15}", base) or base == quote:
        raise ValueError(f"{ticker!r} is not a pair that can be read for certain; write it as BASE-QUOTE, like ETH-USD")
    return Pair(base=base, quote=quote)
