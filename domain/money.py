"""Money and size: exact decimals, one name per unit."""

from decimal import ROUND_UP, Decimal
from typing import Annotated

from pydantic import Field

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, description="US dollars")]
BaseQty = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, description="units of the base asset")]
QuoteQty = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, description="units of the quote asset")]
Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False, description="quote units per base unit")]
Percent = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, description="percent: 1 means 1 %")]

_HUNDRED = Decimal(100)
_MICRO = Decimal("0.000001")


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """`quantity` (not negative) rounded down to a multiple of `step`."""
    return quantity // step * step


def ceil_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """`quantity` (not negative) rounded up to a multiple of `step`."""
    floor = floor_to_step(quantity, step)
    return floor if floor == quantity else floor + step


def ceil_to_micro(usd: Decimal) -> Decimal:
    """`usd` rounded up to a millionth of a dollar, the grain of budgets."""
    return usd.quantize(_MICRO, ROUND_UP)


def percent_of(amount: Decimal, percent: Decimal) -> Decimal:
    return amount * percent / _HUNDRED


def percent_apart(value: Decimal, reference: Decimal) -> Decimal:
    """How far `value` is from `reference`, in percent of `reference`, without sign."""
    return abs(value - reference) * _HUNDRED / reference


def plain(number: Decimal) -> str:
    """`number` without an exponent and without trailing zeros: what venues and people read."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
