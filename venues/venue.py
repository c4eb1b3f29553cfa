"""What every venue can do for us."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from domain.attempts import Answer
from domain.audits import FoundOrder
from domain.errors import NotConfiguredHere
from domain.orders import LookUp, Order, OrderReport, Prepared, Resting
from domain.pairs import Pair
from domain.quotes import Quote
from domain.signals import Action


@dataclass(frozen=True)
class Ticket:
    """Leave to send once. `fence_at`: when the venue stops accepting what it carries, by the venue's own clock.

    `credential` never enters a log, a history or the ledger.
    """

    fence_at: datetime | None
    credential: str = field(repr=False)

    def is_over(self, at: datetime) -> bool:
        return self.fence_at is not None and at >= self.fence_at


class Venue(Protocol):
    """A place that can fill orders for one account. Reads raise TryAgain errors, or GiveUp ones that say why."""

    @property
    def name(self) -> str:
        """The venue's name, as in `BUY ... @coinbase`."""

    @property
    def resend_window(self) -> timedelta | None:
        """How long after the first send the venue still answers a repeat with the same order; None: never resend."""

    async def quote(self, pair: Pair, action: Action) -> Quote:
        """What the venue offers now, with the pair's instrument; for a sale, what the account can sell."""

    async def prepare(self, order: Order, generation: int) -> Prepared:
        """Decide everything that will be sent for the order. Sends nothing and can be repeated."""

    def open_attempt(self) -> Ticket:
        """Mint what one attempt needs. Its fence is stored before the look-up and the send that it is for."""

    async def submit(self, prepared: Prepared, ticket: Ticket) -> Answer:
        """Send it, once, and say what is known then. Never raises for what the venue or the network does."""

    async def report(self, order: Order, prepared: Prepared, venue_order_id: str | None, sent_at: datetime) -> LookUp:
        """Look one order up: by the venue's id, or by our client id among all orders since a day before `sent_at`."""

    async def report_open(self, resting: Sequence[Resting]) -> Sequence[OrderReport]:
        """Reports of those orders that are no more as they are known, in a number of calls that hardly grows."""

    async def orders_since(self, since: datetime) -> Sequence[FoundOrder]:
        """Every order of the account that was placed since then or is open, whoever placed it.

        With its fills, if it has an id of our make.
        """

    async def balances(self) -> Mapping[str, Decimal]:
        """What the account has of each asset, with what its open orders hold."""

    async def cancel(self, venue_order_id: str) -> str:
        """Ask for the end of an order; what the venue answered. Only a report tells what became of it."""

    async def aclose(self) -> None:
        """Close its connections."""


@dataclass(frozen=True)
class News:
    """What one message of a venue is about: orders by the venue's ids; None: it may be any; none: a sign of life."""

    venue_order_ids: frozenset[str] | None

    @property
    def is_hint(self) -> bool:
        return self.venue_order_ids is None or bool(self.venue_order_ids)


class Channel(Protocol):
    """What a venue tells by itself of one account. Only a look-up says what is true."""

    def hear(self) -> AsyncGenerator[News]:
        """Each message: which orders may have changed.

        Ends, or raises TryAgain errors, when the channel breaks.
        """


Venues = Mapping[str, Venue]


def venue_of(venues: Venues, account: str) -> Venue:
    """The venue of an account. Raises NotConfiguredHere: another worker may have its keys, or this one later."""
    try:
        return venues[account]
    except KeyError:
        raise NotConfiguredHere(f"this worker has no keys for the account {account}") from None
