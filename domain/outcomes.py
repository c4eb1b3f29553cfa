"""How a trade ended, decided from what is true about its order."""

from decimal import Decimal
from typing import Literal

from domain.money import BaseQty, QuoteQty, plain
from domain.orders import OrderStanding
from domain.values import Value

OutcomeKind = Literal["filled", "partly_filled", "cancelled", "refused", "expired"]

_CANCELLED_BY = {"CancelRequested"}
_EXPIRED_BY = {"SignalExpired", "DeadlinePassed"}


class Outcome(Value):
    """The end of a trade. Amounts are what changed hands; `fee` is in the quote asset.

    `code` is stable and made for programs (the name of an error, or of the event that ended the trade); `reason` is
    made for people.
    """

    kind: OutcomeKind
    code: str = ""
    reason: str = ""
    filled_base: BaseQty = Decimal(0)
    filled_quote: QuoteQty = Decimal(0)
    average_price: Decimal | None = None
    fee: Decimal = Decimal(0)


def without_order(code: str, reason: str) -> Outcome:
    """The outcome of a trade that ended before an order could exist."""
    return Outcome(kind=_kind_of(code), code=code, reason=reason)


def conclude(standing: OrderStanding, code: str = "", reason: str = "") -> Outcome:
    """The outcome that the final standing of an order gives. Amounts come from its fills.

    `code` and `reason`: why we ended the order, if we did. What the venue or the gate did before that counts more.
    """
    if not code or standing.state in ("rejected", "not_placed"):
        code, reason = standing.reason_code, standing.reason
    if standing.filled_base == 0:
        kind = _kind_of(code) if code else _kind_of_state(standing)
        return Outcome(kind=kind, code=code or _code_of_state(standing), reason=reason or _reason_of_state(standing))
    complete = standing.filled_base >= standing.order.base_qty
    return Outcome(
        kind="filled" if complete else "partly_filled",
        code="" if complete else code or _code_of_state(standing),
        reason="" if complete else _shortfall(standing, reason),
        filled_base=standing.filled_base,
        filled_quote=standing.filled_quote,
        average_price=standing.average_price,
        fee=standing.fee,
    )


def _kind_of(code: str) -> OutcomeKind:
    if code in _CANCELLED_BY:
        return "cancelled"
    return "expired" if code in _EXPIRED_BY else "refused"


def _kind_of_state(standing: OrderStanding) -> OutcomeKind:
    if standing.state == "expired":
        return "expired"
    return "cancelled" if standing.state == "cancelled" and standing.order.kind == "limit" else "refused"


def _code_of_state(standing: OrderStanding) -> str:
    if standing.state == "cancelled":
        return "NothingOnOffer" if standing.order.kind == "market" else "CancelledAtVenue"
    return {"expired": "DeadlinePassed", "rejected": "OrderRejected"}.get(standing.state, "NotPlaced")


def _reason_of_state(standing: OrderStanding) -> str:
    if standing.state == "cancelled" and standing.order.kind == "market":
        return f"nothing was on offer up to {plain(standing.order.limit_price)}"
    return f"the order was {standing.state.replace('_', ' ')} at {standing.order.venue}"


def _shortfall(standing: OrderStanding, reason: str) -> str:
    rest = f"{plain(standing.remaining)} {standing.order.pair.base} were not filled"
    return f"{rest}: {reason or _reason_of_partial(standing)}"


def _reason_of_partial(standing: OrderStanding) -> str:
    if standing.order.kind == "market":
        return f"no more was on offer up to {plain(standing.order.limit_price)}"
    return f"the rest was {standing.state} at {standing.order.venue}"
