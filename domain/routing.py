"""Which pair is traded for a signal, and where."""

from collections.abc import Sequence

from domain.errors import PairUnknown
from domain.pairs import Pair


def traded_pair(asked: Pair, listed: Sequence[Pair]) -> Pair:
    """The listed pair for `asked`. Dollars and USDC stand for each other when only one of the two is listed.

    Raises PairUnknown that names what is listed.
    """
    if asked in listed:
        return asked
    siblings = [pair for pair in listed if pair.base == asked.base and pair.counts_in_usd]
    if asked.counts_in_usd and siblings:
        return siblings[0]
    raise PairUnknown(f"{asked} is not among the pairs that may be traded: {', '.join(map(str, listed))}")
