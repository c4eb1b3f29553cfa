"""Design: Exactly once, 3 and 8; Waiting."""

from decimal import Decimal
from typing import Literal

import pytest

from domain.attempts import Answer, Send
from domain.errors import OrderMismatch
from domain.outcomes import Outcome, conclude
from ledger.ledger import Ledger
from tests.ledger.conftest import sized_order
from tests.worlds import PAPER, a_fill, a_report, a_signal, prepared

pytestmark = pytest.mark.anyio


async def test_an_order_is_final_when_its_fills_are_complete(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    early = a_report(order, "filled", a_fill("f1", "0.004"), filled_base=Decimal("0.01"))
    standing = await ledger.reports.merge(early)
    assert standing.state == "filled"
    assert not standing.final
    standing = await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.004"), a_fill("f2", "0.006")))
    assert standing.final
    assert standing.filled_base == Decimal("0.01")
    assert standing.filled_quote == Decimal("25.00")
    assert standing.fee == Decimal("0.2")


async def test_the_same_report_twice_changes_nothing(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    report = a_report(order, "filled", a_fill("f1", "0.01"))
    first = await ledger.reports.merge(report)
    assert await ledger.reports.merge(report) == first
    (position,) = await ledger.reading.positions()
    assert position.base_qty == Decimal("0.01")


async def test_a_late_and_older_report_takes_nothing_back(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.004"), a_fill("f2", "0.006")))
    standing = await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")))
    assert standing.state == "filled"
    assert standing.filled_base == Decimal("0.01")


async def test_partial_fills_are_booked_as_they_come(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    standing = await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")))
    assert (standing.state, standing.final, standing.filled_base) == ("open", False, Decimal("0.004"))
    assert standing.remaining == Decimal("0.006")


async def test_a_cancelled_order_keeps_its_fills(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    standing = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert standing.final
    assert standing.filled_base == Decimal("0.004")


async def test_a_fill_after_closing_is_booked_and_alerted(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "cancelled"))
    await ledger.trades.close(order.trade_id, Outcome(kind="cancelled", code="CancelRequested"))
    standing = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert standing.final
    assert standing.filled_base == Decimal("0.004")
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert [event.stop for event in sheet.timeline if event.level == "alert"] == ["late fill"]
    (budget, _) = await ledger.reading.budgets()
    assert (budget.trades, budget.usd_reserved, budget.usd_spent) == (1, Decimal(0), Decimal(10))


async def test_an_end_is_not_final_any_more_when_the_venue_speaks_of_fills_that_it_does_not_list_yet(
    ledger: Ledger,
) -> None:
    order = await sized_order(ledger, a_signal())
    assert (await ledger.reports.merge(a_report(order, "cancelled"))).final
    behind = await ledger.reports.merge(a_report(order, "cancelled", filled_base=Decimal("0.004")))
    assert not behind.final
    assert [known.order_id for known in await ledger.orders.resting(PAPER.name)] == [order.order_id]
    with pytest.raises(ValueError, match="cannot close"):
        await ledger.trades.close(order.trade_id, Outcome(kind="cancelled"))
    whole = await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert (whole.final, whole.filled_base) == (True, Decimal("0.004"))


@pytest.mark.parametrize("verdict", ["rejected", "not_placed"])
async def test_what_the_venue_has_on_record_outranks_a_refusal_that_comes_late(
    ledger: Ledger, verdict: Literal["rejected", "not_placed"]
) -> None:
    order = await sized_order(ledger, a_signal())
    send = Send(prepared=prepared(order), fence_at=order.quoted_at, resend_window=None, epoch=0)
    attempt = (await ledger.orders.admit(send)).attempt
    assert attempt is not None
    await ledger.reports.merge(a_report(order, "open"))
    standing = await ledger.orders.answer(attempt, Answer(verdict=verdict, reason_code="OrderRejected"))
    assert (standing.state, standing.final) == ("open", False)


async def test_a_fill_that_comes_between_the_end_and_the_closing_is_in_the_outcome(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    ended = await ledger.reports.merge(a_report(order, "cancelled"))
    await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    outcome = await ledger.trades.close(order.trade_id, conclude(ended, "CancelRequested", "enough"))
    assert (outcome.kind, outcome.code) == ("partly_filled", "CancelRequested")
    assert (outcome.filled_base, outcome.filled_quote, outcome.fee) == (Decimal("0.004"), Decimal(10), Decimal("0.1"))
    assert await ledger.trades.close(order.trade_id, conclude(ended)) == outcome


async def test_the_order_of_somebody_else_is_not_adopted(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    with pytest.raises(OrderMismatch, match="base_qty"):
        await ledger.reports.merge(a_report(order, "filled", base_qty=Decimal(5)))
    await ledger.reports.merge(a_report(order, "open"))
    with pytest.raises(OrderMismatch, match="venue's id"):
        await ledger.reports.merge(a_report(order, "open", venue_order_id="another"))


async def test_a_change_that_a_watcher_saw_is_told_once(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "open"), tell=True)
    assert await ledger.orders.untold(PAPER.name) == {order.trade_id: 1}
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")), tell=True)
    await ledger.orders.mark_told({order.trade_id: 1})
    assert await ledger.orders.untold(PAPER.name) == {order.trade_id: 2}
    await ledger.orders.mark_told({order.trade_id: 2})
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")), tell=True)
    assert await ledger.orders.untold(PAPER.name) == {}


async def test_resting_orders_are_those_that_a_venue_knows_and_that_are_not_final(ledger: Ledger) -> None:
    sized, resting, done = [await sized_order(ledger, a_signal()) for _ in range(3)]
    await ledger.reports.merge(a_report(resting, "open"))
    await ledger.reports.merge(a_report(done, "filled", a_fill("f1", "0.01")))
    assert [known.order_id for known in await ledger.orders.resting(PAPER.name)] == [resting.order_id]
    assert await ledger.orders.count_resting(PAPER.name) == 1
    assert sized.order_id not in await ledger.orders.untold(PAPER.name)
    assert await ledger.trades.accounts_with_resting_orders() == [PAPER.name]
