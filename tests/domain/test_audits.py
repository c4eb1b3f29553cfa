"""What counts as a difference, and what is only in motion."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.audits import MOST_NAMED, AuditReport, BookedOrder, BookedPosition, Difference, LedgerBooks, Look, named
from domain.names import client_order_id, is_named_like_ours
from domain.orders import OrderStanding
from domain.positions import Position
from domain.records import with_balances
from tests.worlds import ETH_USD, PAPER, a_signal, an_order

D = Decimal
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def difference(**changes: Any) -> Difference:
    values = {"code": "missed_fill", "book": "venue", "account": PAPER.name, "place": "o-1/f-1", "what": "..."}
    return Difference(**{**values, **changes})


def report(*differences: Difference, at: datetime = NOW) -> AuditReport:
    return AuditReport(looks=(Look(book="venue", account=PAPER.name, began_at=at),), differences=differences)


def test_only_what_a_second_look_finds_again_counts() -> None:
    stays, moved, new = (difference(place=f"o-1/f-{number}") for number in range(3))
    second = report(stays, new, at=NOW + timedelta(seconds=30))
    confirmed = report(stays, moved).seen_again_by(second)
    assert confirmed.differences == (stays,)
    assert confirmed.at == NOW + timedelta(seconds=30)


def test_totals_that_changed_between_two_looks_are_in_motion() -> None:
    before, after = (difference(code="amount_differs", what=f"{filled} filled") for filled in ("0.2", "0.3"))
    assert report(before).seen_again_by(report(after)).differences == ()
    assert report(before).seen_again_by(report(before)).differences == (before,)


@pytest.mark.parametrize(
    ("changes", "certain"),
    [
        ({"book": "ledger", "code": "position_differs"}, True),
        ({"book": "ledger", "code": "order_outlives_trade"}, False),
        ({"book": "temporal", "code": "trade_without_workflow"}, False),
        ({"book": "venue"}, False),
        ({"book": "venue", "code": "foreign_order", "level": "info"}, True),
    ],
)
def test_what_one_look_proves_needs_no_second_one(changes: dict[str, Any], certain: bool) -> None:
    one = difference(**changes)
    assert report(one).is_in_doubt is not certain
    assert report().seen_again_by(report(one)).differences == ((one,) if certain else ())


def test_alerts_are_named_first_and_the_rest_is_counted() -> None:
    strangers = [difference(code="foreign_order", place=f"v-{number}", level="info") for number in range(MOST_NAMED)]
    kept, left_out = named([*strangers, difference()])
    assert kept[0] == difference()
    assert (len(kept), left_out) == (MOST_NAMED, 1)
    assert named(reversed([*strangers, difference()]))[0] == kept


def holding(base_qty: str, *orders: BookedOrder) -> LedgerBooks:
    position = Position(account=PAPER.name, pair=ETH_USD, base_qty=D(base_qty))
    booked = BookedPosition(position=position, base_qty=D(base_qty), paid=D(0), fees=D(0))
    return LedgerBooks(account=PAPER.name, at=NOW, since=NOW, orders=orders, positions=(booked,))


def selling(base_qty: str) -> BookedOrder:
    order = an_order(a_signal(action="SELL", percentage=D(50)), base_qty=D(base_qty))
    return BookedOrder(standing=OrderStanding(order=order, state="open", final=False), reported_base=D(0), sized_at=NOW)


@pytest.mark.parametrize(
    ("earlier", "later", "balance", "differs"),
    [
        pytest.param(holding("2"), holding("2"), "2", False, id="all of it is there"),
        pytest.param(holding("2"), holding("2"), "1.9", True, id="some of it is not"),
        pytest.param(holding("1"), holding("2"), "1", False, id="bought after the balance was read"),
        pytest.param(holding("2"), holding("1"), "1", False, id="sold before the balance was read"),
        pytest.param(holding("2"), holding("2", selling("1")), "1", False, id="sold and not booked yet"),
        pytest.param(holding("2"), holding("2", selling("1")), "0.5", True, id="more is missing than is being sold"),
        pytest.param(holding("-3"), holding("-3"), "0", False, id="sold what was never bought through us"),
    ],
)
def test_a_position_must_be_there(earlier: LedgerBooks, later: LedgerBooks, balance: str, differs: bool) -> None:
    found = with_balances(earlier, later, {"ETH": D(balance)})
    assert [one.code for one in found] == (["position_exceeds_balance"] if differs else [])


@pytest.mark.parametrize("theirs", ["", "x", "11111111-2222-4333-8444-555555555555", "5f5c3e0a"])
def test_ids_of_our_make_are_told_from_others(theirs: str) -> None:
    assert is_named_like_ours(client_order_id("20261122-093000-000001-entry-1", 1))
    assert not is_named_like_ours(theirs)
