"""Orders: what we ask of a venue, how it is sent, and what the venue says about it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from domain.money import BaseQty, Price, QuoteQty, plain
from domain.pairs import Pair
from domain.signals import Action
from domain.values import Value

OrderKind = Literal["market", "limit"]

# sized: decided, nothing sent. sending: an attempt may be on its way. unknown: one went out and nobody answered.
# not_placed: proven that nothing of it ever reached a book. The rest is the venue's word.
OrderState = Literal["sized", "sending", "unknown", "open", "filled", "cancelled", "expired", "rejected", "not_placed"]

TERMINAL: frozenset[OrderState] = frozenset({"filled", "cancelled", "expired", "rejected", "not_placed"})
# What the venue itself holds on record, as opposed to what we concluded.
AT_VENUE: frozenset[OrderState] = frozenset({"open", "filled", "cancelled", "expired"})


class Order(Value):
    """What we ask of a venue. A market order is sent as an immediate-or-cancel limit at `limit_price`.

    `limit_price` is the worst price that may be paid; nothing that is prepared later may loosen it.
    `expected_price`: the price when it was sized. `rests_until`: when a limit order is given up.
    """

    order_id: str
    trade_id: str
    account: str
    venue: str
    pair: Pair
    action: Action
    kind: OrderKind
    base_qty: Annotated[BaseQty, Field(gt=0)]
    limit_price: Price
    expected_price: Price
    rests_until: datetime | None = None
    quoted_at: datetime

    @property
    def headline(self) -> str:
        """One line for people: `BUY 0.0123 ETH-USD market @coinbase`."""
        price = "market" if self.kind == "market" else f"limit {plain(self.limit_price)}"
        return f"{self.action} {plain(self.base_qty)} {self.pair} {price} @{self.venue}"

    @property
    def largest_quote_qty(self) -> Decimal:
        """The most (buy) that the order can cost before fees, or its value at the worst price (sell)."""
        return self.base_qty * self.limit_price


class Prepared(Value):
    """Everything that will be sent for one generation of an order, decided before anything is sent.

    `payload` is the request exactly as it goes to the venue; it holds no credentials.
    """

    order_id: str
    generation: int
    client_order_id: str
    limit_price: Price
    payload: str


class Fill(Value):
    """What changed hands. `fee` is in the quote asset; `venue_fill_id` is unique at the venue."""

    venue_fill_id: str
    base_qty: Annotated[BaseQty, Field(gt=0)]
    price: Price
    fee: Decimal
    filled_at: datetime
    liquidity: Literal["maker", "taker", "unknown"] = "unknown"

    @property
    def quote_qty(self) -> Decimal:
        return self.base_qty * self.price


class OrderReport(Value):
    """What the venue says about one order. Quantities are totals so far; `fills` may lag behind them.

    `pair`, `action`, `base_qty` and `limit_price` are the venue's own record of what was asked; None: terms that we
    never send.
    """

    order_id: str
    venue_order_id: str
    state: OrderState
    pair: Pair
    action: Action
    base_qty: BaseQty | None
    limit_price: Price | None
    filled_base: BaseQty
    filled_quote: QuoteQty
    fee: Decimal
    fills: tuple[Fill, ...] = ()
    reason: str = ""


class LookUp(Value):
    """The answer to "do you know this order?". `began_at`: not later than its start, by the venue's own clock."""

    report: OrderReport | None
    began_at: datetime


def differences(order: Order, report: OrderReport) -> tuple[str, ...]:
    """How the venue's order differs from the one that we asked for; nothing when it is ours."""
    asked = {"pair": order.pair, "action": order.action, "base_qty": order.base_qty, "limit_price": order.limit_price}
    return tuple(
        f"{name}: asked {value}, venue has {getattr(report, name)}"
        for name, value in asked.items()
        if getattr(report, name) != value
    )


class Resting(NamedTuple):
    """What the watch has to know of an order that its venue has and that is not final; there may be thousands."""

    order_id: str
    trade_id: str
    venue_order_id: str
    state: OrderState
    filled_base: Decimal


class OrderStanding(Value):
    """Where an order stands in our books: the merged truth of all reports.

    `final`: its state is terminal and its fills sum to its filled quantity; nothing more will happen to it.
    """

    order: Order
    state: OrderState
    final: bool
    venue_order_id: str | None = None
    filled_base: BaseQty = Decimal(0)
    filled_quote: QuoteQty = Decimal(0)
    fee: Decimal = Decimal(0)
    reason_code: str = ""
    reason: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.order.base_qty - self.filled_base

    @property
    def average_price(self) -> Decimal | None:
        return self.filled_quote / self.filled_base if self.filled_base else None
