"""Matching: how orders meet the book, the market's moves and the trades of others. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from simulators.exchange.bookkeeping import (
    Accounts,
    Part,
    Rates,
    Terms,
    book_fill,
    limit_of,
    maker_part,
    net_of_fee,
    release,
    reserve,
    standing_hold,
)
from simulators.exchange.books import Book, Side, Take, consume, reaches, size_at, take_base, take_quote
from simulators.exchange.decimals import ZERO, exact, finest
from simulators.exchange.orders import RESTING_KINDS, Ending, Fill, Order
from simulators.exchange.refusals import Reason, Refused


class Floor(NamedTuple):
    """A product's book and the accounts, and what one event has changed so far: orders touched, fills made."""

    book: Book
    accounts: Accounts
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()


class Print(NamedTuple):
    """A trade of others: a taker of `side` took `size` at `price`. `queue_ahead` replaces what each order has ahead."""

    side: Side
    price: Decimal
    size: Decimal
    queue_ahead: Decimal | None = None


@exact
def place(order: Order, floor: Floor, terms: Terms) -> Floor:
    """Take what `order` may take from the book and let the rest stand or lapse, as its kind says.

    Raises Refused when the order may not enter: no funds, no liquidity, or a post-only order that would trade.
    """
    takes = _takes(order, floor.book, terms.rates)
    _admit(order, takes)
    accounts = dict(floor.accounts)
    rate = terms.rates.maker if order.post_only else max(terms.rates)
    order = order.model_copy(update={"hold_rate": rate})
    order = reserve(order, terms.product, accounts, _needed(order, takes, terms.rates))
    fills: list[Fill] = []
    for take, commission in zip(takes, _commissions(order, takes, terms.rates), strict=True):
        order, fill = book_fill(order, accounts, Part(take, commission, "TAKER"), terms)
        fills.append(fill)
    order = _after_taking(order, floor.book, terms.rates)
    if order.status != "OPEN":
        order = release(order, terms.product, accounts)
    left = consume(floor.book.facing(order.side), takes, terms.product.base_increment)
    return Floor(floor.book.with_facing(order.side, left), accounts, (order,), tuple(fills))


def _takes(order: Order, book: Book, rates: Rates) -> list[Take]:
    levels = [level for level in book.facing(order.side) if reaches(order.side, order.limit_price, level.price)]
    if order.quote_size is not None:
        return take_quote(levels, net_of_fee(order.quote_size, rates))
    assert order.base_size is not None
    takes = take_base(levels, order.base_size)
    if order.kind == "limit_limit_fok" and sum((take.size for take in takes), ZERO) < order.base_size:
        return []
    return takes


def _admit(order: Order, takes: Sequence[Take]) -> None:
    if order.post_only and takes:
        raise Refused(Reason.INVALID_LIMIT_PRICE_POST_ONLY)
    if order.kind == "market_market_ioc" and not takes:
        raise Refused(Reason.INVALID_NO_LIQUIDITY)


def _needed(order: Order, takes: Sequence[Take], rates: Rates) -> Decimal:
    if order.quote_size is not None:
        return order.quote_size
    if order.side == "BUY" and order.limit_price is None:
        return sum((take.value for take in takes), ZERO) * (1 + rates.taker)
    return standing_hold(order)


def _commissions(order: Order, takes: Sequence[Take], rates: Rates) -> list[Decimal]:
    """The fee of each take. A quote-sized order that is spent to the end pays exactly what its size leaves for fees."""
    fees = [finest(take.value * rates.taker) for take in takes]
    if order.quote_size is not None and takes:
        net = net_of_fee(order.quote_size, rates)
        if sum((take.value for take in takes), ZERO) == net:
            fees[-1] = order.quote_size - net - sum(fees[:-1], ZERO)
    return fees


def _after_taking(order: Order, book: Book, rates: Rates) -> Order:
    if order.quote_size is not None:
        done = order.filled_value == net_of_fee(order.quote_size, rates)
    else:
        done = order.filled_size == order.base_size
    if done:
        return order.model_copy(update={"status": "FILLED"})
    if order.kind not in RESTING_KINDS:
        return order.model_copy(update={"status": "CANCELLED", "cancel_message": "The rest found no liquidity"})
    ahead = size_at(book.beside(order.side), limit_of(order))
    return order.model_copy(update={"status": "OPEN", "queue_ahead": ahead})


@exact
def end(order: Order, floor: Floor, terms: Terms, ending: Ending, messages: Mapping[str, str]) -> Floor:
    """Take `order` off the market and give back what it holds. `messages` go onto the order."""
    accounts = dict(floor.accounts)
    ended = release(order, terms.product, accounts).model_copy(update={"status": ending, **messages})
    return Floor(floor.book, accounts, (ended,))


@exact
def cross(resting: Sequence[Order], floor: Floor, terms: Terms) -> Floor:
    """The market has moved to `floor.book`: what it offers at or through a resting order's price trades against it.

    Best price first, then oldest. Where the market went through a price nobody queues there any more; where it only
    touches a price, the queue ahead is served first, once.
    """
    for side in _SIDES:
        served: dict[Decimal, Decimal] = {}
        for best in floor.book.facing(side)[:1]:
            for order in _by_priority(resting, side):
                if reaches(side, order.limit_price, best.price):
                    queue = order.queue_ahead if limit_of(order) == best.price else ZERO
                    floor = _cross_one(order.model_copy(update={"queue_ahead": queue}), floor, terms, served)
    return floor


_SIDES: tuple[Side, Side] = ("BUY", "SELL")


def _cross_one(order: Order, floor: Floor, terms: Terms, served: dict[Decimal, Decimal]) -> Floor:
    """Let `order` meet what the book offers it. `served` says how much of each price's queue was served already."""
    price, facing = limit_of(order), floor.book.facing(order.side)
    volume = sum((level.size for level in facing if reaches(order.side, price, level.price)), ZERO)
    ahead = max(ZERO, order.queue_ahead - served.get(price, ZERO))
    passed = min(volume, ahead)
    served[price] = served.get(price, ZERO) + passed
    floor, used = _hit(order.model_copy(update={"queue_ahead": ahead - passed}), volume - passed, floor, terms)
    left = consume(facing, take_base(facing, passed + used), terms.product.base_increment)
    return floor._replace(book=floor.book.with_facing(order.side, left))


def _hit(order: Order, volume: Decimal, floor: Floor, terms: Terms) -> tuple[Floor, Decimal]:
    """Fill resting `order` as maker from `volume`; the floor after it, and the volume used."""
    assert order.base_size is not None
    accounts = dict(floor.accounts)
    fills = floor.fills
    used = min(volume, order.base_size - order.filled_size)
    if used > 0:
        take = Take(limit_of(order), used, used * limit_of(order))
        order, fill = book_fill(order, accounts, maker_part(take, terms), terms)
        fills = (*fills, fill)
    if order.filled_size == order.base_size:
        order = release(order, terms.product, accounts).model_copy(update={"status": "FILLED"})
    return Floor(floor.book, accounts, (*floor.orders, order), fills), used


@exact
def print_trade(trade: Print, resting: Sequence[Order], floor: Floor, terms: Terms) -> Floor:
    """One trade of others meets the resting orders that stand at its price or better.

    Volume that queues ahead at the same price is served once, however many orders stand behind it.
    """
    side: Side = "BUY" if trade.side == "SELL" else "SELL"
    volume, served = trade.size, ZERO
    for order in _by_priority(resting, side):
        if not reaches(side, order.limit_price, trade.price):
            break
        ahead = max(ZERO, _queue(order, trade) - served)
        passed = min(volume, ahead)
        served += passed
        floor, used = _hit(order.model_copy(update={"queue_ahead": ahead - passed}), volume - passed, floor, terms)
        volume -= passed + used
    return floor


def _queue(order: Order, trade: Print) -> Decimal:
    """The volume of others that `trade` serves before `order`: none where the order's price is the better one."""
    if trade.queue_ahead is not None:
        return trade.queue_ahead
    return order.queue_ahead if order.limit_price == trade.price else ZERO


def _by_priority(resting: Sequence[Order], side: Side) -> list[Order]:
    orders = [order for order in resting if order.side == side]
    return sorted(orders, key=lambda order: (limit_of(order) if side == "SELL" else -limit_of(order), order.seq))
