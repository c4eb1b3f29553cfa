"""Positions by average cost."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.positions import Position, after_fill
from domain.signals import Action
from tests.worlds import ETH_USD, a_fill

EMPTY = Position(account="paper", pair=ETH_USD)


def after(*fills: tuple[Action, str, str, str]) -> Position:
    position = EMPTY
    for number, (action, base_qty, price, fee) in enumerate(fills):
        position = after_fill(position, action, a_fill(str(number), base_qty, price, fee))
    return position


def test_buying_adds_cost_with_fees() -> None:
    position = after(("BUY", "1", "100", "1"), ("BUY", "1", "200", "1"))
    assert (position.base_qty, position.cost, position.average_cost) == (Decimal(2), Decimal(302), Decimal(151))


def test_selling_takes_cost_out_at_the_average_and_realises_the_rest() -> None:
    position = after(("BUY", "2", "100", "0"), ("SELL", "1", "150", "5"))
    assert (position.base_qty, position.cost, position.realised, position.fees) == tuple(map(Decimal, (1, 100, 45, 5)))


def test_a_closed_position_has_no_cost_left() -> None:
    position = after(("BUY", "3", "100", "1"), ("SELL", "3", "90", "1"))
    assert (position.base_qty, position.cost, position.realised) == tuple(map(Decimal, (0, 0, -32)))


def test_selling_more_than_was_bought_goes_below_zero_and_buying_back_realises() -> None:
    position = after(("SELL", "2", "100", "0"), ("BUY", "1", "80", "0"))
    assert (position.base_qty, position.cost, position.realised) == tuple(map(Decimal, (-1, -100, 20)))


def test_one_fill_can_close_and_open_the_other_way() -> None:
    position = after(("BUY", "1", "100", "0"), ("SELL", "3", "110", "3"))
    assert (position.base_qty, position.realised, position.cost) == tuple(map(Decimal, (-2, 9, -218)))


TRADES = st.tuples(
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 50).map(str),
    st.integers(1, 5000).map(str),
    st.integers(0, 9).map(str),
)


@given(st.lists(TRADES, max_size=12))
def test_cost_and_gain_together_are_the_money_that_went_out(fills: list[tuple[Action, str, str, str]]) -> None:
    position = after(*fills)
    paid = sum(
        (
            Decimal(q) * Decimal(p) + Decimal(f) if a == "BUY" else -(Decimal(q) * Decimal(p) - Decimal(f))
            for a, q, p, f in fills
        ),
        Decimal(0),
    )
    assert abs(position.cost - position.realised - paid) < Decimal("1e-60")
    assert position.base_qty == sum((Decimal(q) if a == "BUY" else -Decimal(q) for a, q, _, _ in fills), Decimal(0))
    assert position.base_qty != 0 or abs(position.cost) < Decimal("1e-60")
