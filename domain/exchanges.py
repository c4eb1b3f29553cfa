"""The exchanges that alerts name, and which of them surefill reaches."""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from domain.bodies import AlertRefused

_BUILT = ("coinbase", "coinbase_advanced_trade")
_NOT_BUILT = (
    *("uniswap", "pancakeswap", "pancakeswap-sol", "sushiswap", "quickswap", "traderjoe", "0x", "1inch"),
    *("jupiter", "raydium", "meteora", "orca"),
    *("binance", "binance_us", "bitstamp", "bybit", "gate_io", "gemini", "kraken", "kucoin", "okx"),
)
_CANONICAL = {"coinbase_advanced_trade": "coinbase"}
_BUILT_NAMES = sorted({_CANONICAL.get(name, name) for name in _BUILT})
# TradingView's `{{exchange}}` for delayed data.
_DELAYED = re.compile(r"_DLY?$", re.IGNORECASE)

# Whether each known exchange is built.
KNOWN_EXCHANGES: Mapping[str, bool] = MappingProxyType(
    {**dict.fromkeys(_BUILT, True), **dict.fromkeys(_NOT_BUILT, False)}
)


def canonical_exchange(name: str) -> str:
    """The one name that we use for the exchange `name`."""
    plain_name = name.strip().lower()
    return _CANONICAL.get(plain_name, plain_name)


def find_exchange(named: str) -> str:
    """The canonical name of the built exchange that is meant by `named`, in whatever spelling. Raises AlertRefused."""
    known = {_loose(name): name for name in KNOWN_EXCHANGES}
    name = known.get(_loose(named)) or known.get(_loose(_DELAYED.sub("", named)))
    if name is None:
        nearest = difflib.get_close_matches(named.lower(), list(KNOWN_EXCHANGES), n=3, cutoff=0.6) or _BUILT_NAMES
        raise AlertRefused(
            "venue_unknown",
            f"the exchange {named!r:.60} is unknown",
            fix=f"write {' or '.join(nearest)}, or leave 'exchange' out",
            field="exchange",
        )
    if not KNOWN_EXCHANGES[name]:
        raise AlertRefused(
            "venue_not_built",
            f"surefill does not trade on {name} yet",
            fix=f"write {' or '.join(_BUILT_NAMES)}, or leave 'exchange' out",
            field="exchange",
        )
    return canonical_exchange(name)


def is_delayed(named: str) -> bool:
    """Whether TradingView marks its data of this exchange as delayed."""
    return _DELAYED.search(named) is not None


def _loose(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())
