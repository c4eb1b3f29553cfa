"""How much is bought or sold, and at what worst price."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    FundsInsufficient,
    GiveUp,
    LimitTooFar,
    NothingToSell,
    OrderTooLarge,
    OrderTooSmall,
    PairClosed,
    PairUnknown,
    PriceMoved,
    QuoteStale,
    SlippageExceeded,
)
from domain.orders import Order
from domain.pairs import Pair
from domain.quotes import Level, Quote, Quotes, best_route
from domain.rules import Rules
from domain.signals import Signal
from domain.sizing import size_order
from tests.worlds import a_quote, a_signal, an_instrument, some_rules

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def sized(signal: Signal, rules: Rules | None = None, **quote: Any) -> Order:
    quoted: Quote = a_quote(**{"action": signal.action, "quoted_at": NOW, **quote})
    return size_order(signal, best_route(Quotes(quotes=(quoted,))), rules or some_rules(), NOW)


def a_sale(**changes: Any) -> Signal:
    return a_signal(action="SELL", **changes)


def book(*levels: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(price=Decimal(price), base_qty=Decimal(size)) for price, size in levels)


@pytest.mark.parametrize(("action", "given_away"), [("BUY", "2526"), ("SELL", "2474")])
def test_a_limit_that_gives_away_more_than_the_tolerance_is_refused(action: str, given_away: str) -> None:
    """A digit that slipped must not empty the book."""
    with pytest.raises(LimitTooFar, match=f"limit of {given_away}"):
        sized(a_signal(action=action, limit_price=Decimal(given_away)), sellable=Decimal(2))


class TestBuying:
    def test_spends_the_amount_at_the_best_price_and_bounds_it_by_the_tolerance(self) -> None:
        order = sized(a_signal(amount=Decimal(25)))
        assert (order.base_qty, order.limit_price) == (Decimal("0.01"), Decimal("2525.00"))

    def test_spends_the_default_amount_when_the_signal_names_none(self) -> None:
        assert sized(a_signal(amount=None)).base_qty == Decimal("0.004")

    def test_takes_a_base_amount_as_it_is(self) -> None:
        assert sized(a_signal(base_amount=Decimal("0.02"))).base_qty == Decimal("0.02")

    def test_rounds_quantity_and_bound_down(self) -> None:
        instrument = an_instrument(base_step=Decimal("0.001"), price_step=Decimal(1))
        order = sized(a_signal(amount=Decimal("24.9")), instrument=instrument, levels=book(("2500.5", "10")))
        assert (order.base_qty, order.limit_price) == (Decimal("0.009"), Decimal(2525))

    def test_a_limit_order_is_sized_at_its_own_price_and_rests_until_its_deadline(self) -> None:
        order = sized(a_signal(limit_price=Decimal(2400), amount=Decimal(24), cancel_after_s=60))
        assert (order.base_qty, order.limit_price) == (Decimal("0.01"), Decimal(2400))
        assert order.rests_until == NOW + timedelta(seconds=60)

    @pytest.mark.parametrize(("amount", "error"), [("1.19", OrderTooSmall), ("100.01", OrderTooLarge)])
    def test_is_held_to_the_smallest_and_largest_order(self, amount: str, error: type[GiveUp]) -> None:
        with pytest.raises(error, match="USD is"):
            sized(a_signal(amount=Decimal(amount)))

    def test_the_smallest_and_the_largest_order_themselves_are_fine(self) -> None:
        assert sized(a_signal(amount=Decimal("1.2"))).base_qty == Decimal("0.00048")
        assert sized(a_signal(amount=Decimal(100))).base_qty == Decimal("0.04")

    def test_does_not_start_what_the_book_cannot_fill_within_the_tolerance(self) -> None:
        thin = book(("2500", "0.005"), ("2524", "0.004"), ("2526", "10"))
        with pytest.raises(SlippageExceeded, match=r"offers 0\.009 ETH up to 2525, 0\.01 are wanted"):
            sized(a_signal(amount=Decimal(25)), levels=thin)


class TestSelling:
    def test_sells_a_percentage_of_the_balance(self) -> None:
        order = sized(a_sale(percentage=Decimal(50)), sellable=Decimal(2))
        assert (order.base_qty, order.limit_price) == (Decimal(1), Decimal("2475.00"))

    def test_never_sells_the_last_dust(self) -> None:
        assert sized(a_sale(percentage=Decimal(100)), sellable=Decimal(2)).base_qty == Decimal("1.998")

    def test_the_default_percentage_counts_when_the_signal_names_none(self) -> None:
        rules = some_rules(sell_percentage=Decimal(25))
        assert sized(a_sale(amount=None), rules, sellable=Decimal(2)).base_qty == Decimal("0.5")

    def test_sells_so_many_dollars_worth(self) -> None:
        assert sized(a_sale(amount=Decimal(250)), sellable=Decimal(2)).base_qty == Decimal("0.1")

    def test_is_not_held_to_the_largest_order(self) -> None:
        assert sized(a_sale(base_amount=Decimal(1)), sellable=Decimal(2)).base_qty == Decimal(1)

    def test_rounds_its_bound_up(self) -> None:
        instrument = an_instrument(price_step=Decimal(1))
        order = sized(a_sale(base_amount=Decimal(1)), sellable=Decimal(2), instrument=instrument)
        assert order.limit_price == Decimal(2475)
        odd = sized(
            a_sale(base_amount=Decimal(1)), sellable=Decimal(2), instrument=instrument, levels=book(("2500.5", "9"))
        )
        assert odd.limit_price == Decimal(2476)

    @pytest.mark.parametrize(
        ("signal", "sellable", "error"),
        [
            ({"percentage": Decimal(50)}, "0", NothingToSell),
            ({"base_amount": Decimal(3)}, "2", FundsInsufficient),
            ({"percentage": Decimal(50)}, "0.001", OrderTooSmall),
        ],
    )
    def test_refuses_what_is_not_there(self, signal: dict[str, Any], sellable: str, error: type[GiveUp]) -> None:
        with pytest.raises(error):
            sized(a_sale(**signal), sellable=Decimal(sellable))


class TestTheQuote:
    def test_must_be_fresh_for_a_market_order(self) -> None:
        with pytest.raises(QuoteStale, match=r"11\.0 s old"):
            sized(a_signal(), quoted_at=NOW - timedelta(seconds=11))
        assert sized(a_signal(limit_price=Decimal(2400)), quoted_at=NOW - timedelta(seconds=11))

    def test_must_be_near_the_signals_own_price(self) -> None:
        assert sized(a_signal(price=Decimal(2452)))
        with pytest.raises(PriceMoved, match=r"2500, 2\.04 % from the signal's 2450"):
            sized(a_signal(price=Decimal(2450)))

    def test_must_be_of_a_pair_that_trades(self) -> None:
        with pytest.raises(PairClosed):
            sized(a_signal(), instrument=an_instrument(open_for_trading=False))

    def test_must_be_priced_in_dollars_since_the_limits_are(self) -> None:
        euros = Pair(base="ETH", quote="EUR")
        with pytest.raises(PairUnknown, match="US dollars"):
            sized(a_signal(pair=euros), instrument=an_instrument(pair=euros))

    def test_must_exist(self) -> None:
        with pytest.raises(PairUnknown, match="coinbase is down"):
            best_route(Quotes(quotes=(), failures=("coinbase is down",)))

    def test_the_cheapest_buys_and_the_dearest_sells(self) -> None:
        cheap, dear = a_quote(levels=book(("2499", "1"))), a_quote(levels=book(("2501", "1")))
        assert best_route(Quotes(quotes=(dear, cheap))).quote == cheap
        bids = [quote.model_copy(update={"action": "SELL"}) for quote in (cheap, dear)]
        assert best_route(Quotes(quotes=tuple(bids))).quote == bids[1]


AMOUNTS = st.decimals(min_value="1.2", max_value=100, places=2)
PRICES = st.decimals(min_value="0.01", max_value=100_000, places=2)
STEPS = st.sampled_from([Decimal("0.00000001"), Decimal("0.001"), Decimal("0.1")])


@given(amount=AMOUNTS, price=PRICES, base_step=STEPS)
def test_a_buy_never_spends_more_than_asked_at_the_price_nor_passes_the_tolerance(
    amount: Decimal, price: Decimal, base_step: Decimal
) -> None:
    instrument = an_instrument(
        base_step=base_step, min_base=base_step, min_quote=Decimal("0.000001"), max_base=Decimal(10**6)
    )
    levels = (Level(price=price, base_qty=Decimal(10**6)),)
    try:
        order = sized(a_signal(amount=amount), instrument=instrument, levels=levels)
    except OrderTooSmall:
        return
    assert order.base_qty % base_step == 0
    assert amount - base_step * price < order.base_qty * price <= amount
    assert order.limit_price <= price * Decimal("1.01")
