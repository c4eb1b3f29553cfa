"""The auditor's rounds: what is in motion is no difference, and trades are compared with their workflows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import anyio
import pytest
from temporalio.testing import WorkflowEnvironment

from activities import policies
from domain.audits import FoundOrder
from domain.names import trade_workflow_id, watch_workflow_id
from domain.outcomes import conclude, without_order
from domain.signals import Signal
from domain.trades import TradeStart
from ledger.ledger import Ledger
from ledger.tables import TradeRow
from tests.fakes import FakeVenue, rest
from tests.workflows.auditing import (
    AN_HOUR,
    audited,
    codes,
    found,
    open_trade,
    place,
    run_without_worker,
    write,
)
from tests.workflows.conftest import open_desk
from tests.worlds import PAPER, a_fill, a_report, a_signal
from workflows.trade import TradeWorkflow

pytestmark = pytest.mark.anyio


class VenueInMotion(FakeVenue):
    """Fills an order whenever it is looked at, and the watcher is always one step behind."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(rest)
        self._ledger = ledger
        self._told = 0

    async def orders_since(self, since: datetime) -> Sequence[FoundOrder]:
        for client_id, report in list(self.reports.items()):
            await self._ledger.reports.merge(report)
            fill = a_fill(f"f-{self._told}", "0.001")
            self._told += 1
            order = self._orders[client_id]
            fills = (*report.fills, fill)
            self.reports[client_id] = a_report(order, "open", *fills, venue_order_id=report.venue_order_id)
        return await super().orders_since(since)

    async def balances(self) -> Mapping[str, Decimal]:
        return self.balance


async def test_an_order_that_is_being_filled_while_it_is_looked_at_is_no_difference(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = VenueInMotion(ledger)
    order = await place(ledger, venue)
    async with open_desk(temporal, ledger, venue) as desk:
        assert await codes(desk, order.trade_id) == []
    assert venue.listings == 2
    assert await ledger.findings.present() == []
    assert await audited(ledger, order.trade_id) == []


async def test_trades_that_are_at_work_have_their_workflows(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        await write(ledger, TradeRow, received_at=await ledger.auditing.now() - AN_HOUR)
        trade_id = handle.id.removeprefix("trade-")
        assert await codes(desk, trade_id) == []
        await handle.signal(TradeWorkflow.cancel, "enough")
        await handle.result()
        await write(ledger, TradeRow, closed_at=await ledger.auditing.now() - AN_HOUR)
        assert await codes(desk, trade_id) == []


async def test_a_trade_that_temporal_does_not_have_is_given_to_the_relay_once(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    signal = await open_trade(ledger)
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        assert await codes(desk, signal.trade_id) == []
        await write(ledger, TradeRow, received_at=await ledger.auditing.now() - AN_HOUR)
        assert await codes(desk, signal.trade_id) == [("trade_without_workflow", "the relay starts it again")]
        assert [kept.trade_id for kept in await ledger.signals.not_started(10)] == [signal.trade_id]
        assert await audited(ledger, signal.trade_id) == [("trade_without_workflow", "alert")]
        (waits,) = await found(desk, signal.trade_id)
    assert "it waits for the relay of an api" in waits.what
    assert waits.repaired == ""


async def test_a_trade_that_was_terminated_is_left_to_the_relay_and_said(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    signal = await open_trade(ledger)
    await run_without_worker(temporal.client, signal)
    await temporal.client.get_workflow_handle(trade_workflow_id(signal.trade_id)).terminate("tests")
    await write(ledger, TradeRow, received_at=await ledger.auditing.now() - AN_HOUR)
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        (difference,) = await found(desk, signal.trade_id)
    assert (difference.code, difference.repaired) == ("trade_without_workflow", "")
    assert difference.what.endswith("its workflow was ended in Temporal; the relay of the api ends the trade properly")
    assert await ledger.signals.not_started(10) == []


async def test_a_trade_whose_workflow_ended_before_it_did_is_named(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    signal = await open_trade(ledger)
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        start = TradeStart(trade_id=signal.trade_id, signal=signal)
        await ledger.trades.close(signal.trade_id, without_order("CancelRequested", "tests"))
        name = trade_workflow_id(signal.trade_id)
        await desk.client.execute_workflow(TradeWorkflow.run, start, id=name, task_queue=desk.task_queue)
        an_hour_ago = await ledger.auditing.now() - AN_HOUR
        await write(ledger, TradeRow, status="open", closed_at=None, received_at=an_hour_ago)
        (difference,) = await found(desk, signal.trade_id)
    assert (difference.code, difference.repaired) == ("trade_without_workflow", "")
    assert "its workflow has completed" in difference.what


async def test_a_workflow_that_the_ledger_does_not_know_is_named(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    signal: Signal = a_signal()
    await run_without_worker(temporal.client, signal)
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        (difference,) = await found(desk, signal.trade_id)
    assert (difference.code, difference.level) == ("workflow_without_trade", "alert")
    assert difference.what == f"trade-{signal.trade_id} is running, the ledger has no such trade"
    await temporal.client.get_workflow_handle(trade_workflow_id(signal.trade_id)).terminate("tests")


async def test_a_workflow_that_outlives_its_trade_is_named(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    signal = await open_trade(ledger)
    await run_without_worker(temporal.client, signal)
    await ledger.trades.close(signal.trade_id, without_order("CancelRequested", "tests"))
    async with open_desk(temporal, ledger, FakeVenue()) as desk:
        assert await codes(desk, signal.trade_id) == []
        await write(ledger, TradeRow, closed_at=await ledger.auditing.now() - timedelta(minutes=1))
        (difference,) = await found(desk, signal.trade_id)
    assert difference.code == "workflow_outlives_trade"
    await temporal.client.get_workflow_handle(trade_workflow_id(signal.trade_id)).terminate("tests")


async def test_a_fill_after_closing_is_booked_by_the_round_that_finds_it(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(rest)
    order = await place(ledger, venue)
    ended = await ledger.reports.merge(a_report(order, "cancelled", venue_order_id=_venue_id(venue)))
    await ledger.trades.close(order.trade_id, conclude(ended))
    venue.now_says(order.order_id, "cancelled", a_fill("f1", "0.004"))
    async with open_desk(temporal, ledger, venue) as desk:
        assert await codes(desk) == [("missed_fill", "booked what the venue has on record")]
        (explained,) = await found(desk)
    assert (explained.code, explained.level) == ("outcome_differs", "info")
    assert await audited(ledger, order.trade_id) == [("missed_fill", "alert"), ("outcome_differs", "info")]


async def test_a_record_that_is_not_our_order_calls_a_person_and_is_not_booked(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(rest)
    order = await place(ledger, venue)
    venue.now_says(order.order_id, "filled", a_fill("f1", "0.01"))
    ((client_id, report),) = venue.reports.items()
    venue.reports[client_id] = report.model_copy(update={"base_qty": Decimal(5)})
    async with open_desk(temporal, ledger, venue) as desk:
        differences = await found(desk)
    assert {one.code for one in differences} == {"missed_fill", "missed_end"}
    assert {one.repaired for one in differences} == {""}
    assert not (await ledger.orders.standing(order.order_id)).final
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert sheet.unresolved_since is not None


def _venue_id(venue: FakeVenue) -> str:
    (report,) = venue.reports.values()
    return report.venue_order_id


async def test_a_trade_is_told_of_the_end_that_the_auditor_booked(
    temporal: WorkflowEnvironment, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its watcher is gone, and by itself it would look after ten minutes."""
    monkeypatch.setattr(policies, "SETTLED_AFTER", timedelta(seconds=1))
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        (order,) = (await desk.sheet(handle)).orders
        watcher = desk.client.get_workflow_handle(watch_workflow_id(PAPER.name))
        with anyio.fail_after(30):
            while not venue.batches:  # noqa: ASYNC110 - the watcher tells nobody
                await anyio.sleep(0.01)
        await watcher.terminate("tests")
        venue.now_says(order.order.order_id, "filled", a_fill("f1", "0.01", "2400"))
        trade_id = handle.id.removeprefix("trade-")
        assert {code for code, _ in await codes(desk, trade_id)} == {"missed_end", "missed_fill"}
        with anyio.fail_after(30):
            result = await handle.result()
    assert (result.outcome.kind, result.outcome.filled_base) == ("filled", Decimal("0.01"))
