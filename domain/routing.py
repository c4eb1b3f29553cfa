"""Which pair is traded for a signal, and where."""

from domain.errors import PairUnknown
from domain.pairs import Pair
from domain.rules import Rules


def traded_pair(asked: Pair, rules: Rules) -> Pair:
    """The listed pair for `asked`. Dollars and USDC stand for each other when only one of the two is listed.

    Raises PairUnknown that names what is listed.
    """
    if asked in rules.tradable_pairs:
        return asked
    siblings = [pair for pair in rules.tradable_pairs if pair.base == asked.base and pair.counts_in_usd]
    if asked.counts_in_usd and siblings:
        return siblings[0]
    listed = ", ".join(str(pair) for pair in rules.tradable_pairs)
    raise PairUnknown(f"{asked} is not among the pairs that may be traded: {listed}")
