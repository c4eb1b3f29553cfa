"""What Coinbase's answers say, and whether they can be believed."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from domain.audits import FoundOrder
from domain.errors import VenueDown
from domain.money import plain
from domain.names import is_named_like_ours
from domain.orders import OrderReport, Resting
from domain.texts import legible
from venues.coinbase import faults, wire

log = logging.getLogger(__name__)

W = TypeVar("W", bound=wire.Wire)
T = TypeVar("T")
R = TypeVar("R")

NO_TIME = datetime.min.replace(tzinfo=UTC)


def believable(read: Callable[[T], R], found: Iterable[T]) -> Iterator[R]:
    """What `read` makes of each; one that cannot be believed does not hide the others."""
    for one in found:
        try:
            yield read(one)
        except VenueDown as error:
            log.warning("order_unreadable venue=coinbase why=%s", error)


def report_of(found: wire.VenueOrder, order_id: str, fills: Sequence[wire.VenueFill]) -> OrderReport:
    """What the venue says about our order. Raises VenueDown when that cannot be believed."""
    _check_sense(found, fills)
    try:
        return found.to_report(order_id, fills)
    except ValueError as error:
        raise VenueDown(f"coinbase: order {found.order_id} cannot be read") from error


def _check_sense(found: wire.VenueOrder, fills: Sequence[wire.VenueFill]) -> None:
    if not found.makes_sense:
        amount = f"{found.filled_size} filled in {found.number_of_fills} fills"
        raise VenueDown(f"coinbase: order {found.order_id} is {found.status}, {amount}, which says nothing")
    if any(fill.order_id == found.order_id and fill.trade_type != "FILL" for fill in fills):
        raise VenueDown(f"coinbase: fills of order {found.order_id} were adjusted afterwards; a person has to look")


def says_more(found: wire.VenueOrder, known: Resting) -> bool:
    """Whether the venue's order says more than we know."""
    return found.status != "OPEN" or known.state != "open" or found.filled_size != known.filled_base


def parse(model: type[W], response: httpx.Response) -> W:
    try:
        payload = json.loads(faults.text_of(response), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise VenueDown(f"coinbase: the answer is no {model.__name__}, nor any JSON") from error
    return _read(model, payload)


def read_order(found: dict[str, Any]) -> wire.VenueOrder:
    try:
        return wire.VenueOrder.model_validate(found)
    except ValidationError as error:
        raise VenueDown(f"coinbase: order {found.get('order_id')} cannot be read") from error


def _read(model: type[W], payload: object) -> W:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise VenueDown(f"coinbase: the answer cannot be read as {model.__name__}") from error


def began_at(response: httpx.Response) -> datetime:
    """Not later than the start of the request that `response` answers, by the venue's clock."""
    theirs = faults.venue_time(response)
    return theirs - response.elapsed if theirs else NO_TIME


def may_have_fills_of_ours(listed: dict[str, Any]) -> bool:
    """Whether the order's fills are worth asking for: those of others may have any shape, and break the page."""
    is_ours = is_named_like_ours(str(listed.get("client_order_id")))
    return is_ours and listed.get("filled_size") not in (None, "", "0")


def found_order(listed: dict[str, Any], fills: Sequence[wire.VenueFill]) -> FoundOrder:
    """An order of the account, whoever placed it: one that cannot be read is named all the same."""
    try:
        return _found(read_order(listed), fills)
    except (VenueDown, ValueError, ArithmeticError) as error:
        client_id, order_id, product = (
            legible(str(listed.get(name) or "")) for name in ("client_order_id", "order_id", "product_id")
        )
        trouble = str(error) if isinstance(error, VenueDown) else "it makes no sense"
        return FoundOrder(
            client_order_id=client_id,
            venue_order_id=order_id,
            headline=f"an order on {product or 'nothing'}",
            state=None,
            trouble=trouble,
        )


def _found(order: wire.VenueOrder, fills: Sequence[wire.VenueFill]) -> FoundOrder:
    _check_sense(order, fills)
    return FoundOrder(
        client_order_id=legible(order.client_order_id),
        venue_order_id=order.order_id,
        headline=f"{order.side} {legible(order.product_id)}, {plain(order.filled_size)} filled",
        state=order.state,
        filled_base=order.filled_size,
        filled_quote=order.filled_value,
        fee=order.total_fees,
        fills=tuple(fill.to_fill() for fill in fills),
    )
