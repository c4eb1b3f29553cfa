"""Design: Cancelling. A message, the API's request and Temporal's own cancellation are one thing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment

from domain.errors import OrderMismatch
from domain.names import trade_workflow_id
from domain.trades import TradeStart
from ledger.ledger import Ledger
from tests.fakes import FakeVenue, fill_at_once, fill_silently, nothing, rest
from tests.workflows.conftest import Desk, Handle, open_desk
from tests.worlds import a_fill, a_report, a_signal, an_alert
from workflows.trade import TradeWorkflow

pytestmark = pytest.mark.anyio

Cancel = Callable[[Desk, Handle], Awaitable[None]]


async def by_message(desk: Desk, handle: Handle) -> None:
    await handle.signal(TradeWorkflow.cancel, "changed my mind")


async def by_temporal(desk: Desk, handle: Handle) -> None:
    await handle.cancel(reason="changed my mind")


async def by_api(desk: Desk, handle: Handle) -> None:
    trade_id = handle.id.removeprefix("trade-")
    await desk.ledger.trades.request_cancel(trade_id, "changed my mind", "ann")
    await handle.signal(TradeWorkflow.cancel, "changed my mind")


@pytest.fixture(params=[by_message, by_temporal, by_api])
def cancel(request: pytest.FixtureRequest) -> Cancel:
    chosen: Cancel = request.param
    return chosen


async def ended(desk: Desk, handle: Handle) -> tuple[str, str, Decimal]:
    """Kind, reason and filled quantity, the same in the workflow's result and in the books; nothing stays reserved."""
    result = await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    sheet = await desk.sheet(handle)
    assert sheet.outcome == result.outcome
    assert all(line.usd_reserved == 0 for line in await desk.ledger.reading.budgets())
    return result.outcome.kind, result.outcome.reason, result.outcome.filled_base


async def test_before_anything_was_placed(temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel) -> None:
    venue = FakeVenue()
    desk = Desk(temporal.client, ledger, venue, f"idle-{cancel.__name__}-{a_signal().signal_id}")
    handle = await desk.start()
    await cancel(desk, handle)
    async with desk.another_worker():
        kind, reason, _ = await ended(desk, handle)
    assert (kind, reason) == ("cancelled", "changed my mind")
    assert venue.submits == []


async def test_while_the_submit_is_in_flight_and_the_order_is_taken(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(rest)
    venue.let_submit.clear()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await venue.submitting.wait()
        await cancel(desk, handle)
        await desk.until(handle, lambda sheet: sheet.cancel_reason is not None)
        venue.let_submit.set()
        kind, reason, _ = await ended(desk, handle)
    assert (kind, reason) == ("cancelled", "changed my mind")
    assert len(venue.submits) == len(venue.cancels) == 1


async def test_while_the_submit_is_in_flight_and_the_order_fills(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(fill_at_once)
    venue.let_submit.clear()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start()
        await venue.submitting.wait()
        await cancel(desk, handle)
        await desk.until(handle, lambda sheet: sheet.cancel_reason is not None)
        venue.let_submit.set()
        kind, _, filled = await ended(desk, handle)
    assert (kind, filled) == ("filled", Decimal("0.01"))
    assert venue.cancels == []


async def test_while_the_answer_is_lost_the_truth_is_looked_up(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(fill_silently)
    venue.let_submit.clear()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start()
        await venue.submitting.wait()
        await cancel(desk, handle)
        await desk.until(handle, lambda sheet: sheet.cancel_reason is not None)
        venue.let_submit.set()
        kind, _, filled = await ended(desk, handle)
    assert (kind, filled) == ("filled", Decimal("0.01"))
    assert len(venue.submits) == 1


async def test_while_the_order_is_lost_nothing_is_sent_again(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(nothing)
    venue.let_submit.clear()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start()
        await venue.submitting.wait()
        await cancel(desk, handle)
        await desk.until(handle, lambda sheet: sheet.cancel_reason is not None)
        venue.let_submit.set()
        await desk.until(handle, lambda sheet: sheet.orders[0].state == "unknown")
        venue.clock_ahead = timedelta(minutes=1)
        kind, reason, _ = await ended(desk, handle)
    assert (kind, reason) == ("cancelled", "changed my mind")
    assert len(venue.submits) == 1


async def test_an_open_order_is_cancelled_at_the_venue(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        await cancel(desk, handle)
        kind, reason, _ = await ended(desk, handle)
    assert (kind, reason) == ("cancelled", "changed my mind")
    assert len(venue.cancels) == 1


async def test_a_half_filled_order_keeps_its_half(
    temporal: WorkflowEnvironment, ledger: Ledger, cancel: Cancel
) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        (order,) = (await desk.sheet(handle)).orders
        venue.now_says(order.order.order_id, "open", a_fill("f1", "0.005", "2400"))
        await desk.until(handle, lambda sheet: len(sheet.fills) == 1)
        await cancel(desk, handle)
        kind, reason, filled = await ended(desk, handle)
    assert (kind, filled) == ("partly_filled", Decimal("0.005"))
    assert "changed my mind" in reason


async def test_a_filled_trade_stays_filled(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        handle = await desk.start()
        await handle.result()
        answer = await ledger.trades.request_cancel(handle.id.removeprefix("trade-"), "too late", "ann")
    assert answer.too_late
    assert answer.outcome is not None
    assert answer.outcome.kind == "filled"


async def test_a_cancel_that_arrives_with_the_start_is_heard(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    venue = FakeVenue()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        kept = await ledger.signals.keep(an_alert(), a_signal())
        result = await temporal.client.execute_workflow(
            TradeWorkflow.run,
            TradeStart(trade_id=kept.signal.trade_id, signal=kept.signal),
            id=trade_workflow_id(kept.signal.trade_id),
            task_queue=desk.task_queue,
            start_signal="cancel",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    assert (result.outcome.kind, result.outcome.reason) == ("cancelled", "cancelled by a message")
    assert venue.submits == []


async def test_cancelling_survives_a_worker_that_forgets_its_workflows(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True, max_cached_workflows=2) as desk:
        signals = [a_signal(limit_price=Decimal(2400), amount=Decimal(24)) for _ in range(6)]
        handles = [await desk.start(signal) for signal in signals]
        for handle in handles:
            await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        for handle in handles:
            await by_temporal(desk, handle)
        kinds = [(await ended_alone(desk, handle)) for handle in handles]
    assert kinds == ["cancelled"] * 6
    assert len(venue.cancels) == 6
    assert all(line.usd_reserved == 0 for line in await ledger.reading.budgets())


async def ended_alone(desk: Desk, handle: Handle) -> str:
    result = await handle.result()
    assert (await desk.sheet(handle)).outcome == result.outcome
    return result.outcome.kind


async def test_an_order_that_differs_from_what_was_asked_is_cancelled_too(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        venue.report_error = OrderMismatch("the venue's order is not ours")
        await by_message(desk, handle)
        await desk.until(handle, lambda sheet: len(venue.cancels) > 0)
        venue.report_error = None
        kind, _, _ = await ended(desk, handle)
    assert kind == "cancelled"


async def test_a_workflow_that_was_lost_before_it_heard_of_the_end_says_who_asked_for_it(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    """Found by the fault machine: Temporal's database was lost between the cancel at the venue and its answer."""
    async with open_desk(temporal, ledger, FakeVenue(rest)) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        await handle.terminate()
        sheet = await desk.sheet(handle)
        (order,) = sheet.orders
        await ledger.trades.request_cancel(order.order.trade_id, "changed my mind", "ann")
        await ledger.reports.merge(a_report(order.order, "cancelled", venue_order_id=order.venue_order_id))
        again = await desk.start_kept(sheet.signal)
        assert await ended(desk, again) == ("cancelled", "changed my mind", Decimal(0))
