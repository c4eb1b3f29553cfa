"""Quotes, and the choice between them."""

from datetime import datetime
from decimal import Decimal

from domain.errors import PairUnknown
from domain.money import BaseQty, Price, QuoteQty, plain
from domain.pairs import Pair
from domain.signals import Action
from domain.values import Value


class Instrument(Value):
    """How a venue wants a pair to be traded: steps, minimums, maximums."""

    pair: Pair
    base_step: Price
    price_step: Price
    min_base: BaseQty
    max_base: BaseQty
    min_quote: QuoteQty
    max_quote: QuoteQty
    open_for_trading: bool


class Level(Value):
    """Some base quantity on offer at one price."""

    price: Price
    base_qty: BaseQty


class Quote(Value):
    """What one venue offers one account now, for one action.

    `levels`: the side of the book that fills the action, best first. `sellable`: the free balance of the base asset,
    asked for sales only. `quoted_at`: when the venue knew this.
    """

    account: str
    venue: str
    action: Action
    instrument: Instrument
    levels: tuple[Level, ...]
    sellable: BaseQty | None = None
    quoted_at: datetime

    @property
    def price(self) -> Decimal:
        """The best price for the action."""
        return self.levels[0].price


class Quotes(Value):
    """What the candidate venues answered, and why some did not."""

    quotes: tuple[Quote, ...]
    failures: tuple[str, ...] = ()


class Route(Value):
    """The quote that was chosen, and why."""

    quote: Quote
    reason: str


def best_route(quotes: Quotes) -> Route:
    """The cheapest way to buy, the dearest way to sell. Raises PairUnknown when nobody offers anything."""
    offers = [quote for quote in quotes.quotes if quote.levels]
    if not offers:
        why = "; ".join(quotes.failures) or "nobody offers any"
        raise PairUnknown(f"no venue has a price: {why}")
    best = min(offers, key=lambda quote: quote.price if quote.action == "BUY" else -quote.price)
    side = "ask" if best.action == "BUY" else "bid"
    compared = f"the best of {len(offers)}" if len(offers) > 1 else "the only venue asked"
    return Route(quote=best, reason=f"{best.venue} {side} {plain(best.price)}, {compared}")
