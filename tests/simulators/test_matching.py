"""Matching, fees and holds, as pure functions."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.exchange.bookkeeping import Rates, Terms
from simulators.exchange.books import Book, Level, Side, reaches, synthetic
from simulators.exchange.decimals import exact
from simulators.exchange.matching import Floor, Print, cross, end, place, print_trade
from simulators.exchange.orders import RESTING_KINDS, Account, Fill, Kind, Moment, Order
from simulators.exchange.products import CATALOGUE
from simulators.exchange.refusals import Reason, Refused

ETH = CATALOGUE["ETH-USD"]
MOMENT = Moment(at=datetime(2026, 1, 1, tzinfo=UTC), true_ms=0)
TERMS = Terms(ETH, Rates(Decimal("0.006"), Decimal("0.012")), MOMENT)
D = Decimal

BOOK = Book(
    bids=(Level(D("99.99"), D(2)), Level(D("99.90"), D(3))),
    asks=(Level(D("100.01"), D(2)), Level(D("100.10"), D(3))),
)


def order(side: Side, kind: Kind, **given: Decimal | bool | int) -> Order:
    return Order(
        order_id=str(uuid.uuid4()),
        client_order_id=str(uuid.uuid4()),
        product_id="ETH-USD",
        side=side,
        kind=kind,
        configuration="{}",
        created_at=MOMENT.at,
        accepted_ms=0,
        **given,
    )


def floor(book: Book = BOOK, usd: str = "100000", eth: str = "100") -> Floor:
    accounts = (Account(currency="USD", available=D(usd)), Account(currency="ETH", available=D(eth)))
    return Floor(book, {account.currency: account for account in accounts})


def resting(side: Side, size: str, price: str, **given: int) -> tuple[Order, Floor]:
    after = place(order(side, "limit_limit_gtc", base_size=D(size), limit_price=D(price), **given), floor(), TERMS)
    return after.orders[0], after


def test_a_market_buy_walks_the_book_and_pays_the_takers_fee_per_fill() -> None:
    after = place(order("BUY", "market_market_ioc", base_size=D(3)), floor(), TERMS)
    assert [(fill.price, fill.size) for fill in after.fills] == [(D("100.01"), D(2)), (D("100.10"), D(1))]
    assert [fill.commission for fill in after.fills] == [D("2.40024"), D("1.2012")]
    assert after.orders[0].status == "FILLED"
    assert after.accounts["USD"].available == D("100000") - D("300.12") - D("3.60144")
    assert after.accounts["ETH"].available == D(103)


def test_what_was_taken_stays_taken() -> None:
    after = place(order("BUY", "market_market_ioc", base_size=D(3)), floor(), TERMS)
    assert after.book == Book(BOOK.bids, (Level(D("100.10"), D(2)),))


def test_an_order_sized_in_quote_spends_exactly_its_size_fee_included() -> None:
    after = place(order("BUY", "market_market_ioc", quote_size=D(250)), floor(), TERMS)
    filled = after.orders[0]
    assert filled.status == "FILLED"
    assert filled.filled_value + filled.total_fees == 250
    assert after.accounts["USD"].available == D("99750")


def test_the_rest_of_an_immediate_order_lapses() -> None:
    after = place(order("BUY", "sor_limit_ioc", base_size=D(5), limit_price=D("100.01")), floor(), TERMS)
    assert (after.orders[0].status, after.orders[0].filled_size) == ("CANCELLED", D(2))
    assert after.accounts["USD"].hold == 0


def test_an_immediate_order_out_of_reach_is_cancelled_unfilled() -> None:
    after = place(order("SELL", "sor_limit_ioc", base_size=D(1), limit_price=D("101")), floor(), TERMS)
    assert (after.orders[0].status, after.fills) == ("CANCELLED", ())


def test_fill_or_kill_fills_nothing_unless_it_fills_all() -> None:
    after = place(order("BUY", "limit_limit_fok", base_size=D(5), limit_price=D("100.05")), floor(), TERMS)
    assert (after.orders[0].status, after.fills, after.book) == ("CANCELLED", (), BOOK)


def test_a_crossing_limit_order_takes_first_and_rests_with_what_is_left() -> None:
    rest, after = resting("BUY", "5", "100.05")
    assert (rest.status, rest.filled_size) == ("OPEN", D(2))
    assert after.accounts["USD"].hold == rest.hold == 3 * D("100.05") * D("1.012")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (order("BUY", "limit_limit_gtc", base_size=D(1), limit_price=D(200), post_only=True), "POST_ONLY"),
        (order("BUY", "limit_limit_gtc", base_size=D(5000), limit_price=D(50)), "INSUFFICIENT_FUND"),
        (order("SELL", "market_market_ioc", base_size=D("100.1")), "INSUFFICIENT_FUND"),
        (order("BUY", "market_market_ioc", quote_size=D("100000.01")), "INSUFFICIENT_FUND"),
    ],
)
def test_orders_that_may_not_enter_are_refused(given: Order, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        place(given, floor(BOOK._replace(bids=(Level(D("99.99"), D(500)),))), TERMS)


def test_a_market_order_without_anyone_to_meet_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        place(order("SELL", "market_market_ioc", base_size=D(1)), floor(Book((), BOOK.asks)), TERMS)
    assert refused.value.reason is Reason.INVALID_NO_LIQUIDITY


def test_a_trade_of_others_serves_the_queue_before_the_resting_order() -> None:
    rest, after = resting("BUY", "5", "99.90")
    assert rest.queue_ahead == 3
    once = print_trade(Print("SELL", D("99.90"), D(4)), [rest], after._replace(orders=(), fills=()), TERMS)
    assert [(fill.size, fill.liquidity) for fill in once.fills] == [(D(1), "MAKER")]
    again = print_trade(Print("SELL", D("99.90"), D(1)), once.orders, once._replace(orders=(), fills=()), TERMS)
    assert again.orders[0].filled_size == 2


def test_the_queue_ahead_is_served_once_for_all_that_stand_behind_it() -> None:
    first, after = resting("BUY", "1", "99.90", seq=1)
    second = first.model_copy(update={"order_id": str(uuid.uuid4()), "seq": 2})
    state = after._replace(orders=(), fills=(), accounts={**after.accounts, "USD": _doubled(after)})
    traded = print_trade(Print("SELL", D("99.90"), D("4.5")), [second, first], state, TERMS)
    assert [(o.seq, o.filled_size, o.queue_ahead) for o in traded.orders] == [(1, D(1), D(0)), (2, D("0.5"), D(0))]


def _doubled(state: Floor) -> Account:
    account = state.accounts["USD"]
    return account.model_copy(update={"hold": account.hold * 2})


def test_a_trade_through_the_price_fills_the_resting_order_whatever_the_queue() -> None:
    rest, after = resting("BUY", "1", "99.90")
    traded = print_trade(Print("SELL", D("99.50"), D(1)), [rest], after._replace(orders=(), fills=()), TERMS)
    assert (traded.orders[0].status, traded.fills[0].price) == ("FILLED", D("99.90"))


def test_a_trade_on_the_same_side_or_out_of_reach_changes_nothing() -> None:
    rest, after = resting("BUY", "1", "99.90")
    state = after._replace(orders=(), fills=())
    for trade in (Print("BUY", D("99.90"), D(9)), Print("SELL", D("99.95"), D(9))):
        assert print_trade(trade, [rest], state, TERMS) == state


def test_a_market_that_moves_through_a_resting_order_fills_it_as_maker_at_its_own_price() -> None:
    rest, after = resting("SELL", "2", "101")
    moved = cross([rest], Floor(synthetic(ETH, D(105), "seed"), after.accounts), TERMS)
    assert moved.orders[0].status == "FILLED"
    assert (moved.fills[0].price, moved.fills[0].commission) == (D(101), D(202) * D("0.006"))


def test_a_market_that_offers_less_fills_partly_and_offers_nothing_more_there() -> None:
    rest, after = resting("BUY", "4", "99")
    book = Book((Level(D("98"), D(1)),), (Level(D("98.5"), D(1)), Level(D("99.5"), D(1))))
    moved = cross([rest], Floor(book, after.accounts), TERMS)
    assert (moved.orders[0].status, moved.orders[0].filled_size) == ("OPEN", D(1))
    assert moved.book.asks == (Level(D("99.5"), D(1)),)


def test_a_market_that_touches_a_price_serves_its_queue_once_and_first() -> None:
    first, after = resting("BUY", "1", "99.90", seq=1)
    second = first.model_copy(update={"order_id": str(uuid.uuid4()), "seq": 2})
    book = Book((Level(D("99.80"), D(1)),), (Level(D("99.90"), D("4.5")),))
    moved = cross([first, second], Floor(book, {**after.accounts, "USD": _doubled(after)}), TERMS)
    assert [(o.seq, o.filled_size, o.queue_ahead) for o in moved.orders] == [(1, D(1), D(0)), (2, D("0.5"), D(0))]
    assert moved.book.asks == ()


def test_ending_an_order_gives_back_its_hold() -> None:
    rest, after = resting("BUY", "4", "99")
    ended = end(rest, after, TERMS, "CANCELLED", {"cancel_message": "enough"})
    assert (ended.orders[0].status, ended.orders[0].hold) == ("CANCELLED", D(0))
    assert ended.accounts["USD"] == Account(currency="USD", available=D(100000))


PRICES = st.integers(9_800, 10_200).map(lambda cents: D(cents) / 100)
SIZES = st.integers(1, 300_000_000).map(lambda units: D(units) / 10**8)
BUDGETS = st.integers(100, 200_000).map(lambda cents: D(cents) / 100)
SIDES: st.SearchStrategy[Side] = st.sampled_from(["BUY", "SELL"])
KINDS: st.SearchStrategy[Kind] = st.sampled_from(
    ["limit_limit_gtc", "limit_limit_gtd", "sor_limit_ioc", "limit_limit_fok", "market_market_ioc"]
)


class Ledger:
    """A market with one client, and everything that ever happened to it."""

    def __init__(self) -> None:
        self.floor = floor(synthetic(ETH, D(100), "start"), usd="20000", eth="100")
        self.opening = dict(self.floor.accounts)
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []

    def standing(self) -> list[Order]:
        return [order for order in self.orders.values() if order.status == "OPEN"]

    def book(self, after: Floor) -> None:
        for kept in after.orders:
            self.orders[kept.order_id] = kept
        self.fills += after.fills
        self.floor = Floor(after.book, after.accounts)

    def enter(self, new: Order) -> None:
        try:
            self.book(place(new.model_copy(update={"seq": len(self.orders) + 1}), self.floor, TERMS))
        except Refused:
            return


Action = Callable[[Ledger], None]


def entering(side: Side, kind: Kind, size: Decimal, price: Decimal, post_only: bool) -> Action:
    if kind == "market_market_ioc":
        return lambda ledger: ledger.enter(order(side, kind, base_size=size))
    post = post_only and kind in RESTING_KINDS
    return lambda ledger: ledger.enter(order(side, kind, base_size=size, limit_price=price, post_only=post))


def spending(budget: Decimal) -> Action:
    return lambda ledger: ledger.enter(order("BUY", "market_market_ioc", quote_size=budget))


def cancelling(which: int) -> Action:
    def act(ledger: Ledger) -> None:
        for chosen in ledger.standing()[which:][:1]:
            ledger.book(end(chosen, ledger.floor, TERMS, "CANCELLED", {}))

    return act


def trading(side: Side, price: Decimal, size: Decimal, queue: Decimal | None) -> Action:
    trade = Print(side, price, size, queue)
    return lambda ledger: ledger.book(print_trade(trade, ledger.standing(), ledger.floor, TERMS))


def moving(price: Decimal) -> Action:
    book = synthetic(ETH, price, str(price))
    return lambda ledger: ledger.book(cross(ledger.standing(), ledger.floor._replace(book=book), TERMS))


ACTIONS = st.one_of(
    st.builds(entering, SIDES, KINDS, SIZES, PRICES, st.booleans()),
    st.builds(entering, SIDES, st.just("limit_limit_gtc"), SIZES, PRICES, st.just(True)),
    st.builds(spending, BUDGETS),
    st.builds(cancelling, st.integers(0, 5)),
    st.builds(trading, SIDES, PRICES, SIZES, st.none() | SIZES),
    st.builds(moving, PRICES),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTIONS, min_size=10, max_size=25))
def test_no_digit_of_money_is_made_or_lost_whatever_happens(actions: list[Action]) -> None:
    ledger = Ledger()
    for act in actions:
        act(ledger)
        check_orders(ledger)
        check_accounts(ledger)


@exact
def check_orders(ledger: Ledger) -> None:
    for kept in ledger.orders.values():
        fills = [fill for fill in ledger.fills if fill.order_id == kept.order_id]
        assert kept.filled_size == sum(fill.size for fill in fills)
        assert kept.filled_value == sum(fill.value for fill in fills)
        assert kept.total_fees == sum(fill.commission for fill in fills)
        assert kept.number_of_fills == len({fill.trade_id for fill in fills}) == len({fill.entry_id for fill in fills})
        assert all(reaches(kept.side, kept.limit_price, fill.price) for fill in fills)
        assert kept.hold == 0 or kept.status == "OPEN"
        if kept.status == "FILLED":
            assert kept.filled_size == kept.base_size or kept.filled_value + kept.total_fees == kept.quote_size
        if kept.status == "OPEN":
            facing = ledger.floor.book.facing(kept.side)
            assert not any(reaches(kept.side, kept.limit_price, level.price) for level in facing)


@exact
def check_accounts(ledger: Ledger) -> None:
    spent = {"USD": D(0), "ETH": D(0)}
    for fill in ledger.fills:
        sign = 1 if fill.side == "BUY" else -1
        spent["USD"] += sign * fill.value + fill.commission
        spent["ETH"] -= sign * fill.size
    for currency, side in (("USD", "BUY"), ("ETH", "SELL")):
        account = ledger.floor.accounts[currency]
        assert account.available >= 0
        assert account.available + account.hold == ledger.opening[currency].available - spent[currency]
        assert account.hold == sum(o.hold for o in ledger.standing() if o.side == side)
