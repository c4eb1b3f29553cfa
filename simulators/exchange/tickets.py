"""Reading an order request, and the checks that need nothing but the catalogue."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

from simulators.exchange.books import Side
from simulators.exchange.decimals import exact, on_grid, parse_plain
from simulators.exchange.orders import Kind, Ticket
from simulators.exchange.products import Product
from simulators.exchange.refusals import Malformed, Reason, Refused

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
SIDES: dict[str, Side] = {"BUY": "BUY", "SELL": "SELL"}
REQUIRED = ("client_order_id", "product_id", "side", "order_configuration")

Json = Mapping[str, object]


def demand_fields(body: Json, required: tuple[str, ...] = REQUIRED) -> None:
    """Raises Malformed unless `body` has every required field in its form."""
    for name in required:
        form = dict if name == "order_configuration" else str
        if not isinstance(body.get(name), form) or not body[name]:
            raise Malformed(f"{name} is required")


def read_ticket(body: Json) -> Ticket:
    """The order that `body` asks for. Raises Malformed for a wrong form, Refused for a choice the venue lacks."""
    side, configuration = SIDES.get(str(body["side"])), body["order_configuration"]
    if side is None:
        raise Refused(Reason.INVALID_SIDE)
    assert isinstance(configuration, dict)
    names = list(configuration)
    if len(names) != 1 or names[0] not in KINDS or not isinstance(configuration[names[0]], dict):
        raise Refused(Reason.UNSUPPORTED_ORDER_CONFIGURATION)
    wanted = configuration[names[0]]
    ticket = Ticket(
        client_order_id=str(body.get("client_order_id", "")),
        product_id=str(body["product_id"]),
        side=side,
        kind=KINDS[names[0]],
        configuration=json.dumps(configuration),
        base_size=_amount(wanted, "base_size"),
        quote_size=_amount(wanted, "quote_size"),
        limit_price=_amount(wanted, "limit_price"),
        post_only=_flag(wanted, "post_only"),
        end_time=_instant(wanted, "end_time"),
    )
    _check_form(ticket)
    return ticket


def _check_form(ticket: Ticket) -> None:
    sizes = (ticket.base_size is not None, ticket.quote_size is not None)
    is_market = ticket.kind == "market_market_ioc"
    buys_by_quote = is_market and ticket.side == "BUY" and sizes == (False, True)
    if sizes != (True, False) and not buys_by_quote:
        raise Refused(Reason.UNSUPPORTED_ORDER_CONFIGURATION)
    if is_market != (ticket.limit_price is None):
        raise Refused(Reason.UNSUPPORTED_ORDER_CONFIGURATION)
    if ticket.kind == "limit_limit_gtd" and ticket.end_time is None:
        raise Refused(Reason.GTD_ORDERS_MUST_HAVE_END_TIME)


def _amount(wanted: Json, name: str) -> Decimal | None:
    text = wanted.get(name)
    if text is None or text == "":
        return None
    amount = parse_plain(text)
    if amount is None:
        raise Malformed(f"{name} must be a decimal string")
    return amount


def _flag(wanted: Json, name: str) -> bool:
    flag = wanted.get(name, False)
    if not isinstance(flag, bool):
        raise Malformed(f"{name} must be a boolean")
    return flag


def _instant(wanted: Json, name: str) -> datetime | None:
    text = wanted.get(name)
    return None if text is None else read_instant(text, name)


def read_instant(text: object, name: str) -> datetime:
    """The instant that an RFC 3339 `text` names. Raises Malformed."""
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Malformed(f"{name} must be an RFC 3339 timestamp") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def check_ticket(ticket: Ticket, product: Product, reference: Decimal | None, now: datetime) -> None:
    """Raises Refused unless `ticket` fits the increments and sizes of `product`. `reference` values market orders."""
    if product.trading_disabled:
        raise Refused(Reason.ORDER_ENTRY_DISABLED)
    if ticket.end_time is not None and ticket.end_time <= now:
        raise Refused(Reason.END_TIME_IS_IN_THE_PAST)
    if ticket.limit_price is not None:
        if ticket.limit_price <= 0:
            raise Refused(Reason.INVALID_LIMIT_PRICE)
        if not on_grid(ticket.limit_price, product.price_increment):
            raise Refused(Reason.INVALID_PRICE_PRECISION)
    if ticket.base_size is not None:
        _check_base(ticket.base_size, product, ticket.limit_price or reference)
    if ticket.quote_size is not None:
        _check_quote(ticket.quote_size, product)


@exact
def _check_base(size: Decimal, product: Product, price: Decimal | None) -> None:
    if not on_grid(size, product.base_increment):
        raise Refused(Reason.INVALID_SIZE_PRECISION)
    worthless = price is not None and size * price < product.quote_min_size
    if size < product.base_min_size or worthless:
        raise Refused(Reason.BASE_SIZE_TOO_SMALL)
    if size > product.base_max_size:
        raise Refused(Reason.BASE_SIZE_TOO_LARGE)


def _check_quote(size: Decimal, product: Product) -> None:
    if not on_grid(size, product.quote_increment):
        raise Refused(Reason.QUOTE_SIZE_PRECISION)
    if size < product.quote_min_size:
        raise Refused(Reason.QUOTE_SIZE_TOO_SMALL)
    if size > product.quote_max_size:
        raise Refused(Reason.QUOTE_SIZE_TOO_LARGE)
