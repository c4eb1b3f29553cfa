"""What the venue keeps: orders, fills and accounts. Values without behaviour of their own."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from simulators.exchange.books import Side
from simulators.exchange.decimals import ZERO

Kind = Literal["market_market_ioc", "sor_limit_ioc", "limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok"]
Status = Literal["PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED"]
Ending = Literal["FILLED", "CANCELLED", "EXPIRED", "FAILED"]

RESTING_KINDS: frozenset[Kind] = frozenset({"limit_limit_gtc", "limit_limit_gtd"})


class Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Ticket(Record):
    """An order as it was asked for. `configuration` is the request's own JSON text."""

    client_order_id: str
    product_id: str
    side: Side
    kind: Kind
    configuration: str
    base_size: Decimal | None = None
    quote_size: Decimal | None = None
    limit_price: Decimal | None = None
    post_only: bool = False
    end_time: datetime | None = None


class Order(Ticket):
    """`seq` orders the orders by age; `accepted_ms` is true time, `created_at` the venue's own clock.

    `hold` is kept back in the quote currency for a buy, in the base currency for a sell. `queue_ahead` is the volume
    of others that stands before the order at its price.
    """

    seq: int = 0
    order_id: str
    status: Status = "PENDING"
    created_at: datetime
    accepted_ms: int
    filled_size: Decimal = ZERO
    filled_value: Decimal = ZERO
    total_fees: Decimal = ZERO
    number_of_fills: int = 0
    last_fill_at: datetime | None = None
    hold: Decimal = ZERO
    hold_rate: Decimal = ZERO
    queue_ahead: Decimal = ZERO
    reject_reason: str = ""
    reject_message: str = ""
    cancel_message: str = ""


class Fill(Record):
    """`size` in base units, `value` what was paid for it in quote units, commission apart."""

    seq: int = 0
    trade_id: str
    entry_id: str
    order_id: str
    product_id: str
    side: Side
    price: Decimal
    size: Decimal
    value: Decimal
    commission: Decimal
    liquidity: Literal["MAKER", "TAKER"]
    size_in_quote: bool
    traded_at: datetime
    traded_ms: int


class Account(Record):
    currency: str
    available: Decimal = ZERO
    hold: Decimal = ZERO


class Moment(Record):
    """One instant, by the venue's own clock and in true milliseconds."""

    at: datetime
    true_ms: int
