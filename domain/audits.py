"""What the auditor compares - the ledger, Temporal's workflows, a venue's record - and how a difference is named."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from domain.money import BaseQty, QuoteQty
from domain.orders import Fill, OrderStanding, OrderState
from domain.outcomes import Outcome
from domain.positions import Position
from domain.values import Value

# Which two books differ: the ledger's among themselves, the ledger and Temporal, the ledger and a venue.
Book = Literal["ledger", "temporal", "venue"]
# info: worth knowing, nothing is wrong. alert: a person should look.
Level = Literal["info", "alert"]
# What is certain to be true, and how the ledger gets there. merge: the venue's record is booked. start: the relay
# starts the trade again. settle: a final order's reservation is given back.
Repair = Literal["", "merge", "start", "settle"]
# Where a trade's workflow stands in Temporal; ended: terminated, timed out or cancelled, which the relay mends.
WorkflowState = Literal["running", "missing", "ended", "completed", "failed"]

# The most differences that one look names; the rest is counted.
MOST_NAMED = 300


class Difference(Value):
    """Two books that do not say the same. `code` is stable, `place` the id that it is about, `what` names both values.

    `repaired`: what was done about it, "" when nothing was.
    """

    code: str
    book: Book
    account: str
    place: str
    what: str
    level: Level = "alert"
    trade_id: str | None = None
    order_id: str | None = None
    repair: Repair = ""
    repaired: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The same difference has the same one, whatever its amounts are by now."""
        return self.account, self.code, self.place

    @property
    def is_certain(self) -> bool:
        """Whether one look proves it: the ledger changes its books together, so that a snapshot has no motion in it."""
        return self.level == "info" or (self.book == "ledger" and self.code != "order_outlives_trade")


class Look(Value):
    """One comparison. `account`: "" when it is about all of them. `trouble`: why it could not be made, "" if it was.

    `checked`: how many of each were compared. `left_out`: differences that are not named, there are too many.
    """

    book: Book
    account: str = ""
    began_at: datetime
    trouble: str = ""
    checked: Mapping[str, int] = {}
    left_out: int = 0


class AuditReport(Value):
    """What one round of looks found."""

    looks: tuple[Look, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def at(self) -> datetime:
        """When its last look began, by the ledger's clock."""
        return max(look.began_at for look in self.looks)

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may have met things in motion, so that only a second look can tell."""
        return not all(difference.is_certain for difference in self.differences)

    def seen_again_by(self, later: "AuditReport") -> "AuditReport":
        """What `later` found and this look, some time before it, had found too; what one look proves stays as it is."""
        before = {difference.key: difference for difference in self.differences}
        kept = [
            found
            for found in later.differences
            if found.is_certain or (found.key in before and not _moves(found, before[found.key]))
        ]
        return later.model_copy(update={"differences": tuple(kept)})


def named(differences: Iterable[Difference]) -> tuple[tuple[Difference, ...], int]:
    """The differences in a stable order, alerts first, no more than can be read; and how many are left out."""
    in_order = sorted(differences, key=lambda one: (one.level, one.key))
    return tuple(in_order[:MOST_NAMED]), max(len(in_order) - MOST_NAMED, 0)


def _moves(found: Difference, before: Difference) -> bool:
    """Totals that changed in between belong to an order that is being filled."""
    return found.code == "amount_differs" and found.what != before.what


class FoundOrder(Value):
    """An order as its venue lists it, ours or not. `state` is None when it cannot be read, and `trouble` says why."""

    client_order_id: str
    venue_order_id: str
    headline: str
    state: OrderState | None
    filled_base: BaseQty = Decimal(0)
    filled_quote: QuoteQty = Decimal(0)
    fee: Decimal = Decimal(0)
    fills: tuple[Fill, ...] = ()
    trouble: str = ""


class BookedFill(Value):
    """A fill in the ledger, and when it was booked."""

    fill: Fill
    booked_at: datetime


class Held(Value):
    """The reservation of one order."""

    trades: int
    usd_reserved: Decimal
    usd_spent: Decimal


class BookedOrder(Value):
    """All that the ledger has about one order. `reported_base`: what the venue said was filled."""

    standing: OrderStanding
    reported_base: Decimal
    sized_at: datetime
    client_order_ids: tuple[str, ...] = ()
    fills: tuple[BookedFill, ...] = ()
    held: Held | None = None
    trade_status: str = "open"
    closed_at: datetime | None = None
    outcome: Outcome | None = None


class BookedPosition(Value):
    """A position, and what its fills sum to. `paid`: quote that went in, fees included, less what came out."""

    position: Position
    base_qty: Decimal
    paid: Decimal
    fees: Decimal


class BookedBudget(Value):
    """What a budget's row says it has given out on a day, and what its reservations sum to."""

    budget: str
    day: date
    booked: Held
    summed: Held


class LedgerBooks(Value):
    """One snapshot of an account: orders that are not final or were until `since`, and all its positions."""

    account: str
    at: datetime
    since: datetime
    orders: tuple[BookedOrder, ...] = ()
    positions: tuple[BookedPosition, ...] = ()


class BookedTrade(Value):
    """A trade as the ledger has it. `is_started`: Temporal confirmed its workflow."""

    trade_id: str
    account: str
    status: str
    received_at: datetime
    closed_at: datetime | None = None
    is_started: bool = True


class TradeBooks(Value):
    """One snapshot of all trades that are not closed, and of others that were asked for by their ids."""

    at: datetime
    trades: tuple[BookedTrade, ...] = ()
