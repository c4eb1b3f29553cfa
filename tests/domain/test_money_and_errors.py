"""Exactness, and errors that policies can name."""

import threading
from decimal import Decimal, getcontext

from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.errors import GiveUp, TradeError, TryAgain, leaves
from domain.money import ceil_to_micro, ceil_to_step, floor_to_step, plain

QUANTITIES = st.decimals(min_value=0, max_value=10**15, places=18)
STEPS = st.sampled_from([Decimal("1e-18"), Decimal("0.00000001"), Decimal("0.05"), Decimal(1), Decimal(1000)])


@given(QUANTITIES, STEPS)
def test_steps_are_multiples_on_either_side(quantity: Decimal, step: Decimal) -> None:
    floor, ceiling = floor_to_step(quantity, step), ceil_to_step(quantity, step)
    assert floor % step == ceiling % step == 0
    assert floor <= quantity <= ceiling
    assert ceiling - floor <= step


@given(QUANTITIES, QUANTITIES)
def test_products_of_18_decimals_are_exact(left: Decimal, right: Decimal) -> None:
    assert Decimal(int(left * 10**18) * int(right * 10**18)).scaleb(-36) == left * right


def test_a_quantity_just_below_a_step_stays_below() -> None:
    assert floor_to_step(Decimal("0.99999999999999999999999999999999999999"), Decimal(1)) == 0


def test_dollars_of_budgets_are_rounded_up() -> None:
    assert ceil_to_micro(Decimal("1.0000001")) == Decimal("1.000001")
    assert ceil_to_micro(Decimal("1.000001")) == Decimal("1.000001")


def test_plain_text_has_neither_exponent_nor_trailing_zeros() -> None:
    assert [plain(Decimal(text)) for text in ("1E-7", "2500.10", "1E+3", "0", "-0.50")] == [
        "0.0000001",
        "2500.1",
        "1000",
        "0",
        "-0.5",
    ]


def test_new_threads_count_with_the_same_precision() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(getcontext().prec))
    thread.start()
    thread.join()
    assert found == [getcontext().prec] == [78]


def test_every_error_says_whether_trying_again_may_help_and_stands_in_the_tree() -> None:
    classes = {name: cls for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, TradeError)}
    assert set(classes) == {"TradeError", *leaves(TryAgain), *leaves(GiveUp)}
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in classes)
