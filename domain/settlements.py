"""Settlements: what a person says of an order of which nobody can tell, and whether the books leave room for it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.attempts import FENCE_MARGIN, Attempt
from domain.errors import SettlementRefused
from domain.money import plain
from domain.orders import AT_VENUE, Fill, Order, OrderStanding
from domain.texts import legible
from domain.values import Value

# found: the order is at the venue under this id; it is looked up there, and what the venue says of it counts.
# never_placed: no order exists. filled: this much of it changed hands, and nothing more will.
SettlementKind = Literal["found", "never_placed", "filled"]

# An id becomes a part of an address at the venue: nothing that leads elsewhere.
VENUE_ORDER_ID = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"


def _exactly(value: object) -> object:
    if isinstance(value, (str, int, Decimal)):
        return value
    raise ValueError('write the amount as a text, like "0.01": a JSON number may lose digits')


_Exact = BeforeValidator(_exactly)
_BOUNDS = Field(allow_inf_nan=False, max_digits=36, decimal_places=18)
_Line = AfterValidator(legible)
Amount = Annotated[Decimal, _Exact, _BOUNDS, Field(ge=0)]
AveragePrice = Annotated[Decimal, _Exact, _BOUNDS, Field(gt=0)]


class Settlement(Value):
    """What a person says became of an order: who, why, and what.

    `venue_order_id`: the order's id at the venue; of one that is `found` it must be told. Of one that was `filled`, and
    of the whole order: `filled_base` (0: it ended without a fill), `price` on average (quote for each base), `fee` in
    quote.
    """

    by: Annotated[str, Field(min_length=1, max_length=200), _Line]
    reason: Annotated[str, Field(min_length=1, max_length=500), _Line]
    kind: SettlementKind
    venue_order_id: Annotated[str, Field(pattern=VENUE_ORDER_ID)] | None = None
    filled_base: Amount | None = None
    price: AveragePrice | None = None
    fee: Amount = Decimal(0)

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> "Settlement":
        amounts = self.filled_base is not None or self.price is not None or self.fee != 0
        if self.kind == "found" and self.venue_order_id is None:
            raise ValueError("venue_order_id is missing: say under which id the venue has the order")
        if self.kind == "never_placed" and self.venue_order_id is not None:
            raise ValueError("venue_order_id: an order that was never placed has none; leave it out")
        if self.kind == "filled" and self.filled_base is None:
            raise ValueError("filled_base is missing: say how much of the order was filled, 0 for nothing")
        if self.kind != "filled" and amounts:
            raise ValueError("filled_base, price and fee belong to an order that was filled; leave them out")
        return self

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, whoever says it and for whatever reason: two that say the same are one."""
        return self.kind, self.venue_order_id, self.filled_base, self.price, self.fee

    @property
    def headline(self) -> str:
        """One line for people: `filled 0.01 at 2500 by ann`."""
        return f"{self._what} by {self.by}"

    @property
    def _what(self) -> str:
        if self.kind == "found":
            return f"found as {self.venue_order_id}"
        if self.kind == "never_placed":
            return "never placed"
        price = f" at {plain(self.price)}" if self.price else ""
        return f"filled {plain(self.filled_base or Decimal(0))}{price}"


class Doubt(Value):
    """What the books know of the order that is to be settled. `at`: their clock.

    `reported_base`: what the venue said is filled. `is_unresolved`: a person was called to it.
    """

    standing: OrderStanding
    attempts: tuple[Attempt, ...]
    reported_base: Decimal
    is_unresolved: bool
    at: datetime

    @property
    def is_known_at_venue(self) -> bool:
        """Whether the venue itself said that it has the order."""
        taken = any(attempt.verdict == "accepted" for attempt in self.attempts)
        return taken or self.standing.venue_order_id is not None or self.standing.state in AT_VENUE


def settled_fill_id(order_id: str) -> str:
    """The id of the fill that is booked on a person's word; no venue has it."""
    return f"settled-{order_id}"


def check(settlement: Settlement, doubt: Doubt) -> None:
    """Raise SettlementRefused unless the books leave room for what the person says."""
    _check_in_doubt(doubt)
    _check_id(settlement, doubt.standing)
    if settlement.kind == "found":
        return
    _check_nothing_underway(doubt)
    if settlement.kind == "never_placed":
        _check_nothing_at_venue(doubt)
    else:
        _check_venue_is_silent(doubt)
        settled_fill(settlement, doubt)


def settled_fill(settlement: Settlement, doubt: Doubt) -> Fill | None:
    """The one fill that the books lack of what the person states; None: they have it all. Raises SettlementRefused."""
    order, base = doubt.standing.order, settlement.filled_base or Decimal(0)
    _check_quantity(base, doubt)
    rest = base - doubt.standing.filled_base
    if rest == 0:
        return None
    if settlement.price is None:
        fix = "state the average price of the whole order, in quote for each base"
        raise SettlementRefused("price_missing", "there is no price for what was filled", fix, field="price")
    price = (base * settlement.price - doubt.standing.filled_quote) / rest
    _check_price(order, price)
    fee = settlement.fee - doubt.standing.fee
    if fee < 0:
        fix = f"state the fee of the whole order, {plain(doubt.standing.fee)} or more"
        raise SettlementRefused("fee_too_small", "more was paid in fees for its fills already", fix, field="fee")
    return Fill(venue_fill_id=settled_fill_id(order.order_id), base_qty=rest, price=price, fee=fee, filled_at=doubt.at)


def _check_in_doubt(doubt: Doubt) -> None:
    standing = doubt.standing
    if standing.final:
        text = f"the order has ended: it is {standing.state.replace('_', ' ')}"
        raise SettlementRefused("order_ended", text, "nothing is left to settle; see its trade")
    if not doubt.attempts:
        text = "nothing of the order was ever sent, so it is not in doubt"
        raise SettlementRefused("never_sent", text, "cancel the trade instead")


def _check_id(settlement: Settlement, standing: OrderStanding) -> None:
    known = standing.venue_order_id
    if known is not None and settlement.venue_order_id not in (None, known):
        text = f"the venue itself has the order as {known}"
        fix = f"look at {known} there; if there is another order too, it is not this one"
        raise SettlementRefused("id_differs", text, fix, field="venue_order_id")


def _check_nothing_underway(doubt: Doubt) -> None:
    """An attempt without an answer may arrive until its fence, and show up in the venue's lists a little later."""
    for attempt in doubt.attempts:
        if attempt.verdict != "unknown":
            continue
        if attempt.fence_at is None:
            if not doubt.is_unresolved:
                text = f"attempt {attempt.number} has no end of its own and may still arrive"
                raise SettlementRefused("may_still_arrive", text, "wait until the trade is called unresolved")
        elif doubt.at < (until := attempt.fence_at + FENCE_MARGIN):
            text = f"attempt {attempt.number} may still arrive until {until:%H:%M:%S} UTC"
            raise SettlementRefused("may_still_arrive", text, "look at the venue again after that, then settle")


def _check_nothing_at_venue(doubt: Doubt) -> None:
    if doubt.is_known_at_venue:
        name = f" as {doubt.standing.venue_order_id}" if doubt.standing.venue_order_id else ""
        text = f"the venue itself said that it has the order{name}"
        raise SettlementRefused("known_at_venue", text, "state what was filled, 0 for nothing", field="kind")
    if doubt.standing.filled_base or doubt.reported_base:
        text = "fills of the order are known"
        raise SettlementRefused("known_at_venue", text, "state what was filled in all", field="kind")


def _check_venue_is_silent(doubt: Doubt) -> None:
    if doubt.is_known_at_venue and not doubt.is_unresolved:
        text = "the venue has the order and answers for it"
        raise SettlementRefused("not_in_doubt", text, "cancel the trade, or wait until it is called unresolved")


def _check_quantity(base: Decimal, doubt: Doubt) -> None:
    asked, known = doubt.standing.order.base_qty, max(doubt.standing.filled_base, doubt.reported_base)
    if base > asked:
        text = f"the order was for {plain(asked)} only"
        raise SettlementRefused("filled_too_much", text, f"state at most {plain(asked)}", field="filled_base")
    if base < known:
        text = f"{plain(known)} of it are known to be filled already"
        raise SettlementRefused("filled_too_little", text, f"state at least {plain(known)}", field="filled_base")


def _check_price(order: Order, price: Decimal) -> None:
    """No venue fills an order beyond its limit, on average too."""
    beyond = price > order.limit_price if order.action == "BUY" else price < order.limit_price
    if beyond or price <= 0:
        text = f"what is not booked yet would have been filled at {price:.8g}, the limit is {plain(order.limit_price)}"
        fix = "state the average price of the whole order, the fills that are booked already included"
        raise SettlementRefused("price_beyond_limit", text, fix, field="price")
