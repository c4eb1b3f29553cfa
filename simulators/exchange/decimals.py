"""Exact decimal arithmetic, and the plain notation in which amounts travel."""

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ZERO = Decimal(0)
# The finest fraction that the venue books: observed orders by quote size carry sixteen decimals.
FINEST = Decimal("1E-16")
# Wide enough that no sum or product of booked amounts is ever rounded.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)

_PLAIN = re.compile(r"\d{1,30}(\.\d{1,30})?", re.ASCII)


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` where sums and products of amounts lose no digit."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return wrapper


def plain(amount: Decimal) -> str:
    """`amount` without exponent and without trailing zeros."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def parse_plain(text: object) -> Decimal | None:
    """The amount that `text` spells in plain notation; None for anything else, exponents and signs included."""
    if isinstance(text, str) and _PLAIN.fullmatch(text):
        return Decimal(text)
    return None


@exact
def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    return (amount // step) * step


@exact
def ceil_to(amount: Decimal, step: Decimal) -> Decimal:
    return -((-amount) // step) * step


@exact
def on_grid(amount: Decimal, step: Decimal) -> bool:
    return amount % step == 0


@exact
def finest(amount: Decimal) -> Decimal:
    """`amount` cut to the finest fraction that is booked, downwards."""
    return amount.quantize(FINEST, rounding=ROUND_DOWN)


@exact
def quotient(amount: Decimal, divisor: Decimal) -> Decimal:
    """`amount / divisor`, rounded half to even to the finest fraction; zero when there is nothing to divide by."""
    return (amount / divisor).quantize(FINEST) if divisor else ZERO
