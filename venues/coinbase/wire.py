"""What Coinbase Advanced Trade sends and takes, as it spells it; translated here, and nowhere else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from domain.money import plain
from domain.names import client_order_id
from domain.orders import Fill, Order, OrderReport, OrderState
from domain.pairs import parse_pair
from domain.quotes import Instrument, Level
from domain.texts import legible

# How long after our own deadline a resting order ends at the venue by itself, should nobody of ours be there.
_GRACE = timedelta(seconds=60)

_MAX_REASON = 300

_STATES: dict[str, OrderState] = {
    "PENDING": "open",
    "QUEUED": "open",
    "OPEN": "open",
    "CANCEL_QUEUED": "open",
    "EDIT_QUEUED": "open",
    "FILLED": "filled",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
    "FAILED": "rejected",
}


# The venue leaves amounts empty that are zero, such as the fees of an order without fills.
OrZero = Annotated[Decimal, BeforeValidator(lambda value: 0 if value in ("", None) else value)]


class Wire(BaseModel):
    """Theirs: fields that we do not read are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Page(Wire):
    """A part of a list. `cursor`: where the next part begins."""

    has_next: bool | None = None
    cursor: str | None = None

    @property
    def is_last(self) -> bool:
        return self.has_next is False or (self.has_next is None and not self.cursor)


class Product(Wire):
    product_id: str
    base_increment: Decimal
    price_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    quote_max_size: Decimal
    status: str = "online"
    trading_disabled: bool = False
    is_disabled: bool = False
    cancel_only: bool = False
    post_only: bool = False
    view_only: bool = False

    def to_instrument(self) -> Instrument:
        closed = self.trading_disabled or self.is_disabled or self.cancel_only or self.post_only or self.view_only
        return Instrument(
            pair=parse_pair(self.product_id),
            base_step=self.base_increment,
            price_step=self.price_increment,
            min_base=self.base_min_size,
            max_base=self.base_max_size,
            min_quote=self.quote_min_size,
            max_quote=self.quote_max_size,
            open_for_trading=self.status == "online" and not closed,
        )


class BookLevel(Wire):
    price: Decimal
    size: Decimal

    def to_level(self) -> Level:
        return Level(price=self.price, base_qty=self.size)


class Pricebook(Wire):
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class ProductBook(Wire):
    pricebook: Pricebook


class Amount(Wire):
    value: Decimal
    currency: str


class Wallet(Wire):
    """A balance. What lies in a vault, or backs futures, cannot be sold."""

    currency: str
    available_balance: Amount
    hold: Amount | None = None
    active: bool = True
    type: str = "ACCOUNT_TYPE_CRYPTO"

    def can_sell(self, asset: str) -> bool:
        return self.currency == asset and self.active and self.type in ("ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT")

    @property
    def total(self) -> Decimal:
        """What can be used, and what open orders hold."""
        return self.available_balance.value + (self.hold.value if self.hold else 0)


class Wallets(Page):
    accounts: tuple[Wallet, ...]


class LimitTerms(Wire):
    base_size: Decimal | None = None
    limit_price: Decimal | None = None


class OrderConfiguration(Wire):
    sor_limit_ioc: LimitTerms | None = None
    limit_limit_gtd: LimitTerms | None = None


class VenueOrder(Wire):
    order_id: str
    client_order_id: str
    product_id: str
    side: Literal["BUY", "SELL"]
    status: str
    order_configuration: OrderConfiguration
    filled_size: OrZero = Decimal(0)
    filled_value: OrZero = Decimal(0)
    total_fees: OrZero = Decimal(0)
    number_of_fills: OrZero = Decimal(0)
    reject_reason: str = ""
    reject_message: str = ""
    cancel_message: str = ""

    def to_report(self, order_id: str, fills: Sequence["VenueFill"]) -> OrderReport:
        configuration = self.order_configuration
        terms = configuration.sor_limit_ioc or configuration.limit_limit_gtd or LimitTerms()
        return OrderReport(
            order_id=order_id,
            venue_order_id=self.order_id,
            state=self.state,
            pair=parse_pair(self.product_id),
            action=self.side,
            base_qty=terms.base_size,
            limit_price=terms.limit_price,
            filled_base=self.filled_size,
            filled_quote=self.filled_value,
            fee=self.total_fees,
            fills=tuple(fill.to_fill() for fill in fills if fill.order_id == self.order_id),
            reason=legible((self.reject_message or self._reject_reason or self.cancel_message)[:_MAX_REASON]),
        )

    @property
    def state(self) -> OrderState:
        return _STATES[self.status]

    @property
    def _reject_reason(self) -> str:
        return "" if self.reject_reason == "REJECT_REASON_UNSPECIFIED" else self.reject_reason

    @property
    def makes_sense(self) -> bool:
        """Whether it says what became of it: a status that we know, and an amount where it was filled."""
        was_filled = self.status == "FILLED" or self.number_of_fills > 0
        return self.status in _STATES and (self.filled_size > 0 or not was_filled)


class OneOrder(Wire):
    order: VenueOrder


class OrderPage(Page):
    """Orders as they came: those of others on the account, of kinds that we do not know, are never read further."""

    orders: tuple[dict[str, Any], ...]


class VenueFill(Wire):
    """`size` is in the base asset unless `size_in_quote`. `entry_id` is unique; one trade can have two entries.

    Other trade types than FILL take earlier fills back, or put others in their place.
    """

    entry_id: str
    order_id: str
    trade_type: str = "FILL"
    trade_time: datetime
    price: Decimal
    size: Decimal
    commission: Decimal
    size_in_quote: bool = False
    liquidity_indicator: str = ""

    def to_fill(self) -> Fill:
        liquidity = self.liquidity_indicator.lower()
        return Fill(
            venue_fill_id=self.entry_id,
            base_qty=self.size / self.price if self.size_in_quote else self.size,
            price=self.price,
            fee=self.commission,
            filled_at=self.trade_time,
            liquidity="maker" if liquidity == "maker" else "taker" if liquidity == "taker" else "unknown",
        )


class FillPage(Page):
    fills: tuple[VenueFill, ...]

    @property
    def is_last(self) -> bool:
        """This list has no `has_next`, and how many fills the venue puts on a page at most is its own affair."""
        return not self.cursor or not self.fills


class Created(Wire):
    order_id: str = ""


class Refused(Wire):
    """Why an order was not created. The first reason that is set counts, the newest field first."""

    error: str = ""
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = ""
    new_order_failure_reason: str = ""

    @property
    def reason(self) -> str:
        reasons = (self.new_order_failure_reason, self.error, self.preview_failure_reason)
        return next((reason for reason in reasons if reason and not reason.startswith("UNKNOWN_")), "")


class CreateAnswer(Wire):
    """`order_id` stood here before `success_response` came."""

    success: bool
    success_response: Created | None = None
    error_response: Refused | None = None
    order_id: str | None = None

    @property
    def venue_order_id(self) -> str:
        return (self.success_response.order_id if self.success_response else "") or self.order_id or ""


class CancelResult(Wire):
    order_id: str
    success: bool
    failure_reason: str = ""


class CancelAnswer(Wire):
    results: tuple[CancelResult, ...]


def create_request(order: Order, generation: int) -> dict[str, object]:
    """The body of POST /orders. A market order goes as an immediate-or-cancel limit: only that bounds its price."""
    terms = {"base_size": plain(order.base_qty), "limit_price": plain(order.limit_price)}
    if order.rests_until is None:
        configuration: dict[str, object] = {"sor_limit_ioc": terms}
    else:
        end = (order.rests_until + _GRACE).astimezone(UTC)
        gtd = {**terms, "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}", "post_only": False}
        configuration = {"limit_limit_gtd": gtd}
    return {
        "client_order_id": client_order_id(order.order_id, generation),
        "product_id": str(order.pair),
        "side": order.action,
        "order_configuration": configuration,
    }
