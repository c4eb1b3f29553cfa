"""From the smallest part of a token to all the money there is: rounding never spends more, and nothing is lost."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from domain.errors import GiveUp
from domain.money import ceil_to_micro, ceil_to_step, floor_to_step, percent_of, plain
from domain.orders import Order
from domain.positions import Position, after_fill
from domain.quotes import Level, Quotes, best_route
from domain.sizing import size_order
from tests.fuzzing import tried
from tests.worlds import ETH_USD, PAPER, a_fill, a_quote, a_signal, an_instrument, some_rules

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HUGE = Decimal(10) ** 18


def amounts(most: Decimal = HUGE) -> st.SearchStrategy[Decimal]:
    """Of up to 18 digits on either side of the point, as many near the edges as in between; never zero."""
    digits = st.integers(1, 10**18 - 1)
    scaled = st.builds(lambda number, places: Decimal(number).scaleb(-places), digits, st.integers(0, 18))
    edges = st.sampled_from([Decimal(1).scaleb(exponent) for exponent in range(-18, 18)])
    return st.one_of(scaled, edges, st.builds(lambda one, tiny: one + tiny, edges, edges)).filter(
        lambda amount: 0 < amount < most
    )


STEPS = st.one_of(
    st.integers(-18, 6).map(lambda exponent: Decimal(1).scaleb(exponent)),
    st.sampled_from([Decimal("0.05"), Decimal("0.25"), Decimal("0.000125"), Decimal(3)]),
)
PERCENTS = st.decimals(min_value=0, max_value=100, places=18)


@given(quantity=amounts(), step=STEPS)
@tried(300)
def test_steps_are_exact_at_every_size(quantity: Decimal, step: Decimal) -> None:
    exact = Fraction(quantity) / Fraction(step)
    floor, ceiling = floor_to_step(quantity, step), ceil_to_step(quantity, step)
    assert Fraction(floor) == exact.__floor__() * Fraction(step)
    assert Fraction(ceiling) == exact.__ceil__() * Fraction(step)


@given(amount=amounts(), percent=PERCENTS)
@tried(300)
def test_percentages_and_budgets_lose_nothing(amount: Decimal, percent: Decimal) -> None:
    assert Fraction(percent_of(amount, percent)) == Fraction(amount) * Fraction(percent) / 100
    held = ceil_to_micro(amount)
    assert 0 <= Fraction(held) - Fraction(amount) < Fraction(1, 10**6)
    assert Decimal(plain(amount)) == amount


def sized(action: str, rules: dict[str, Any], sizes: dict[str, Any], quote: dict[str, Any]) -> Order:
    """An order, if the bounds leave room for one; any error but a GiveUp is a fault."""
    signal = a_signal(action=action, **{"amount": None, **sizes})
    offer = best_route(Quotes(quotes=(a_quote(action=action, quoted_at=NOW, **quote),)))
    try:
        return size_order(signal, offer, some_rules(max_price_move_percent=HUGE, **rules), NOW)
    except GiveUp:
        reject()


@st.composite
def markets(draw: st.DrawFn) -> dict[str, Any]:
    """A venue of any kind: its steps, its smallest and largest order, and a deep book."""
    price = draw(amounts(Decimal(10) ** 9))
    base_step, price_step = draw(STEPS), draw(STEPS.filter(lambda step: step <= price))
    smallest = draw(st.sampled_from([Decimal(0), base_step, 7 * base_step]))
    instrument = an_instrument(
        base_step=base_step, price_step=price_step, min_base=smallest, max_base=HUGE, min_quote=Decimal(0),
        max_quote=HUGE,
    )  # fmt: skip
    return {"instrument": instrument, "levels": (Level(price=price, base_qty=HUGE**2),), "sellable": draw(amounts())}


def check_bounds(order: Order, market: dict[str, Any], slippage: Decimal) -> None:
    instrument, price = market["instrument"], market["levels"][0].price
    assert order.base_qty % instrument.base_step == order.limit_price % instrument.price_step == 0
    assert max(instrument.min_base, instrument.base_step) <= order.base_qty <= instrument.max_base
    assert Fraction(order.base_qty) * Fraction(order.limit_price) == Fraction(order.largest_quote_qty)
    assert order.largest_quote_qty <= instrument.max_quote
    if order.kind == "market":
        tolerance = Fraction(price) * Fraction(slippage) / 100
        if order.action == "BUY":
            assert Fraction(order.limit_price) <= Fraction(price) + tolerance
        else:
            assert Fraction(order.limit_price) >= Fraction(price) - tolerance


@given(market=markets(), amount=amounts(), limit=st.none() | amounts(Decimal(10) ** 9), slippage=PERCENTS)
@tried(100)
def test_a_buy_never_costs_more_than_was_asked_and_stays_in_every_bound(
    market: dict[str, Any], amount: Decimal, limit: Decimal | None, slippage: Decimal
) -> None:
    rules = {"slippage_percent": slippage, "min_order_usd": Decimal(0), "max_order_usd": HUGE}
    order = sized("BUY", rules, {"amount": amount, "limit_price": limit}, market)
    check_bounds(order, market, slippage)
    price = limit or market["levels"][0].price
    spent = Fraction(order.base_qty) * Fraction(price)
    assert spent <= amount
    assert Fraction(amount) - spent < Fraction(market["instrument"].base_step) * Fraction(price)
    if limit:
        assert order.limit_price <= limit


@given(market=markets(), amount=amounts(HUGE / 2), room=st.sampled_from(["1", "1.000000000000000001", "2"]))
@tried(40)
def test_no_buy_leaves_the_limits_of_an_order(market: dict[str, Any], amount: Decimal, room: str) -> None:
    least, most = amount / Decimal(room), amount * Decimal(room)
    rules = {"min_order_usd": least, "max_order_usd": most}
    order = sized("BUY", rules, {"amount": amount}, market)
    assert least <= order.base_qty * market["levels"][0].price <= most


@given(
    market=markets(),
    percentage=st.none() | PERCENTS.filter(bool),
    base_amount=st.none() | amounts(),
    fraction=st.decimals(min_value="0.5", max_value=1, places=18),
    slippage=PERCENTS,
)
@tried(100)
def test_a_sale_never_sells_more_than_was_asked_or_is_there(
    market: dict[str, Any],
    percentage: Decimal | None,
    base_amount: Decimal | None,
    fraction: Decimal,
    slippage: Decimal,
) -> None:
    sizes = {"base_amount": base_amount} if base_amount else {"percentage": percentage}
    rules = {"min_sell_base": Decimal(0), "sellable_fraction": fraction, "slippage_percent": slippage}
    order = sized("SELL", rules, sizes, market)
    check_bounds(order, market, slippage)
    held = Fraction(market["sellable"])
    asked = Fraction(base_amount) if base_amount else held * Fraction(percentage or some_rules().sell_percentage) / 100
    assert order.base_qty <= asked
    assert base_amount or order.base_qty <= held * Fraction(fraction)
    assert order.base_qty <= held


@given(
    fills=st.lists(
        st.tuples(st.sampled_from(["BUY", "SELL"]), amounts(Decimal(10) ** 9), amounts(Decimal(10) ** 9), amounts()),
        max_size=12,
    )
)
@tried(200)
def test_a_position_is_its_fills_to_the_last_digit_and_its_money_adds_up(fills: list[Any]) -> None:
    position = Position(account=PAPER.name, pair=ETH_USD)
    paid = Fraction(0)
    for action, base, price, fee in fills:
        fill = a_fill("f", str(base), str(price), str(fee))
        position = after_fill(position, action, fill)
        paid += Fraction(fee) + Fraction(base) * Fraction(price) * (1 if action == "BUY" else -1)
    assert Fraction(position.base_qty) == sum(
        (Fraction(base) * (1 if action == "BUY" else -1) for action, base, _, _ in fills), Fraction(0)
    )
    assert Fraction(position.fees) == sum((Fraction(fee) for *_, fee in fills), Fraction(0))
    assert abs(Fraction(position.cost) - Fraction(position.realised) - paid) < Fraction(1, 10**30)
