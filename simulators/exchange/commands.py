"""What may be said to the control port: one model per command, strict about names; amounts are decimal strings."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from simulators.exchange.books import Side
from simulators.exchange.decimals import parse_plain


def _amount(value: object) -> Decimal:
    amount = parse_plain(value)
    if amount is None:
        raise ValueError("amounts are decimal strings")
    return amount


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Seconds = Annotated[float, Field(ge=0, le=600)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SetPrice(Command):
    product_id: str
    price: Amount


class SetBook(Command):
    product_id: str
    bids: list[tuple[Amount, Amount]]
    asks: list[tuple[Amount, Amount]]


class PrintTrade(Command):
    """`side` is the taker's: a SELL meets resting buys."""

    product_id: str
    side: Side
    price: Amount
    size: Amount
    queue_ahead: Amount | None = None


class SetBalance(Command):
    currency: str
    available: Amount


class SetProduct(Command):
    trading_disabled: bool


class AddKey(Command):
    name: str
    public_key_pem: str


class EndOrder(Command):
    """The venue ends an open order by itself."""

    status: Literal["CANCELLED", "EXPIRED", "FAILED"]
    reject_reason: str = ""
    reject_message: str = ""
    cancel_message: str = ""


class Wait(Command):
    """For how long, and for what: a request held, its caller gone, or the fault met as often as it may be."""

    wait_held: Seconds | None = None
    wait_gone: Seconds | None = None
    wait_used: Seconds | None = None
