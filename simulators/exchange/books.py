"""Order books of what others offer: price levels, best first. Our client's resting orders are not in them."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from simulators.exchange.decimals import ZERO, ceil_to, exact, finest, floor_to, on_grid, quotient
from simulators.exchange.products import Product

Side = Literal["BUY", "SELL"]

DEPTH = 20


class Level(NamedTuple):
    price: Decimal
    size: Decimal


class Book(NamedTuple):
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def facing(self, side: Side) -> tuple[Level, ...]:
        """The levels that an order of `side` would trade against."""
        return self.asks if side == "BUY" else self.bids

    def beside(self, side: Side) -> tuple[Level, ...]:
        """The levels that an order of `side` would queue with."""
        return self.bids if side == "BUY" else self.asks

    def with_facing(self, side: Side, levels: tuple[Level, ...]) -> "Book":
        return Book(self.bids, levels) if side == "BUY" else Book(levels, self.asks)


class Take(NamedTuple):
    """A bite out of one level: `value` is what is paid for `size`."""

    price: Decimal
    size: Decimal
    value: Decimal


def reaches(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Whether an order of `side`, bound by `limit`, would trade at `price`."""
    if limit is None:
        return True
    return price <= limit if side == "BUY" else price >= limit


def size_at(levels: Sequence[Level], price: Decimal) -> Decimal:
    return next((level.size for level in levels if level.price == price), ZERO)


@exact
def take_base(levels: Sequence[Level], wanted: Decimal) -> list[Take]:
    """The bites that collect `wanted` base units, as far as the levels last."""
    takes: list[Take] = []
    for price, size in levels:
        if wanted <= 0:
            break
        bite = min(size, wanted)
        takes.append(Take(price, bite, bite * price))
        wanted -= bite
    return takes


@exact
def take_quote(levels: Sequence[Level], budget: Decimal) -> list[Take]:
    """The bites that spend `budget` quote units, as far as the levels last. The last is cut to sixteen decimals."""
    takes: list[Take] = []
    for price, size in levels:
        if budget <= 0:
            break
        if price * size <= budget:
            takes.append(Take(price, size, price * size))
        else:
            takes.append(Take(price, finest(budget / price), budget))
        budget -= takes[-1].value
    return [take for take in takes if take.size > 0]


@exact
def consume(levels: Sequence[Level], takes: Sequence[Take], step: Decimal) -> tuple[Level, ...]:
    """`levels` without what was taken; a level that loses a fraction of a step loses the whole step."""
    taken = {take.price: take.size for take in takes}
    left = (Level(price, floor_to(size - taken.get(price, ZERO), step)) for price, size in levels)
    return tuple(level for level in left if level.size > 0)


@exact
def synthetic(product: Product, mid: Decimal, seed: str) -> Book:
    """A plausible book around `mid`; the same for the same seed. The best prices lie one tick from `mid`."""
    rng = Random(f"{seed}:{product.product_id}")
    return Book(_ladder(product, mid, -1, rng), _ladder(product, mid, 1, rng))


def _ladder(product: Product, mid: Decimal, direction: int, rng: Random) -> tuple[Level, ...]:
    tick = product.price_increment
    price = floor_to(mid, tick) if direction < 0 else ceil_to(mid, tick)
    levels = []
    for depth in range(DEPTH):
        gap = tick if depth == 0 else max(tick, floor_to(mid * rng.randint(2, 40) / 1_000_000, tick))
        price += direction * gap
        if price <= 0:
            break
        worth = Decimal(rng.randint(1_500, 30_000) * (4 + depth)) / 4
        size = max(product.base_increment, floor_to(worth / price, product.base_increment))
        levels.append(Level(price, size))
    return tuple(levels)


@exact
def stepped(mid: Decimal, tick: Decimal, seed: str) -> Decimal:
    """The next price of a random walk: at most four hundredths of a per mille away, on the tick, never below it."""
    step = mid * Random(seed).randint(-40, 40) / 1_000_000
    return max(tick * 2, floor_to(mid + step + tick / 2, tick))


def mid_of(book: Book) -> Decimal | None:
    if not book.bids or not book.asks:
        return None
    return quotient(book.bids[0].price + book.asks[0].price, Decimal(2))


def book_faults(product: Product, book: Book) -> str | None:
    """Why `book` cannot be a book of `product`, or None."""
    levels = [*book.bids, *book.asks]
    if any(level.price <= 0 or level.size <= 0 for level in levels):
        return "prices and sizes must be positive"
    if not all(on_grid(level.price, product.price_increment) for level in levels):
        return f"prices must be multiples of {product.price_increment}"
    if not all(on_grid(level.size, product.base_increment) for level in levels):
        return f"sizes must be multiples of {product.base_increment}"
    if len({level.price for level in book.bids}) + len({level.price for level in book.asks}) < len(levels):
        return "one level per price"
    if book.bids and book.asks and book.bids[0].price >= book.asks[0].price:
        return "the best bid must lie below the best ask"
    return None


def sorted_book(bids: Sequence[Level], asks: Sequence[Level]) -> Book:
    return Book(tuple(sorted(bids, reverse=True)), tuple(sorted(asks)))
