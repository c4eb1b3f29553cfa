"""The other side of a venue: what its simulator knows, and what a test can make happen there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from domain.orders import Order, OrderReport, OrderState, Prepared, Resting
from domain.pairs import Pair
from domain.quotes import Instrument
from domain.signals import Action
from tests.worlds import a_signal, an_order
from venues.venue import Venue

Levels = Sequence[tuple[str, str]]

# The book at the start of every test.
BIDS: Levels = [("2499.90", "1"), ("2499.80", "2"), ("2490", "5")]
ASKS: Levels = [("2500.10", "1"), ("2500.20", "2"), ("2510", "5")]


class Truth(NamedTuple):
    """An order as the venue itself has it. `fills`: base quantity, price and fee of each."""

    venue_order_id: str
    state: OrderState
    pair: str
    action: str
    base_qty: Decimal
    limit_price: Decimal
    rests: bool
    filled_base: Decimal
    filled_quote: Decimal
    fee: Decimal
    fills: Sequence[tuple[Decimal, Decimal, Decimal]]

    def is_told_by(self, report: OrderReport) -> bool:
        """Whether the report says exactly this, to the last digit, with fills that sum to its totals."""
        told = [(fill.base_qty, fill.price, fill.fee) for fill in report.fills]
        totals = (report.filled_base, report.filled_quote, report.fee)
        sums = tuple(sum(amounts, Decimal(0)) for amounts in zip(*(_amounts(*fill) for fill in told), strict=True))
        return (
            (report.venue_order_id, report.state) == (self.venue_order_id, self.state)
            and totals == (self.filled_base, self.filled_quote, self.fee) == (sums or (Decimal(0),) * 3)
            and sorted(told) == sorted(self.fills)
            and len({fill.venue_fill_id for fill in report.fills}) == len(self.fills)
        )


def _amounts(base_qty: Decimal, price: Decimal, fee: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    return base_qty, base_qty * price, fee


class Backstage(Protocol):
    """A venue with its simulator. A second venue brings one of these, and the whole contract is held to it.

    At first nothing rests, and the account holds plenty of both assets of the pair.
    """

    @property
    def venue(self) -> Venue:
        """The adapter."""

    @property
    def pair(self) -> Pair:
        """A pair that trades around 2500, in steps of 0.01 or finer."""

    @property
    def instrument(self) -> Instrument:
        """The pair's steps and limits, as the venue's documents have them."""

    async def set_book(self, bids: Levels, asks: Levels) -> None:
        """What others offer, as price and size."""

    async def set_balance(self, asset: str, amount: str) -> None:
        """What the account can use of an asset."""

    async def stop_trading(self) -> None:
        """Close the pair."""

    async def others_trade(self, action: Action, price: str, base_qty: str) -> None:
        """Somebody takes so much; orders of ours that rest at that price or better are met."""

    async def shift_clock(self, seconds: int) -> None:
        """The venue's clock is so far ahead of the true time from now on."""

    async def now(self) -> datetime:
        """The time by the venue's clock."""

    async def hide_orders(self, hidden: bool) -> None:
        """Whether the venue shows nothing of its orders for now, although they are there."""

    async def answer_repeats_with_an_error(self) -> None:
        """A repeated client order id is answered with an error instead of the order's id."""

    async def orders(self, prepared: Prepared) -> Sequence[Truth]:
        """Every order that exists under the client order id."""

    async def calls(self) -> int:
        """How many requests the venue has had since the last time that this was asked."""


def market(action: Action, base_qty: str, limit_price: str) -> Order:
    return an_order(a_signal(action=action), base_qty=Decimal(base_qty), limit_price=Decimal(limit_price))


def limit(action: Action, base_qty: str, limit_price: str, rests_until: datetime) -> Order:
    order = market(action, base_qty, limit_price)
    return order.model_copy(update={"kind": "limit", "rests_until": rests_until})


async def resting(stage: Backstage, action: Action = "BUY", base_qty: str = "0.5", price: str = "2000") -> Order:
    """A limit order for the next hour, not sent yet."""
    return limit(action, base_qty, price, await stage.now() + timedelta(hours=1))


class Sent(NamedTuple):
    order: Order
    prepared: Prepared
    venue_order_id: str

    def resting(self, **changes: Any) -> Resting:
        """As books know it that know nothing but that it is open, unless `changes` say more."""
        known = Resting(self.order.order_id, self.order.trade_id, self.venue_order_id, "open", Decimal(0))
        return known._replace(**changes)


async def send(venue: Venue, order: Order) -> Sent:
    """Send an order that the venue must take."""
    prepared = await venue.prepare(order, generation=1)
    answer = await venue.submit(prepared, venue.open_attempt())
    assert answer.verdict == "accepted", answer
    assert answer.venue_order_id
    return Sent(order, prepared, answer.venue_order_id)


async def reported(stage: Backstage, sent: Sent, venue_order_id: str | None = None) -> OrderReport:
    """The report of an order that the venue must know; looked up by our id unless the venue's is given."""
    found = await stage.venue.report(sent.order, sent.prepared, venue_order_id, datetime.now(UTC))
    assert found.report is not None
    return found.report


async def truth_of(stage: Backstage, sent: Sent) -> Truth:
    (truth,) = await stage.orders(sent.prepared)
    return truth
