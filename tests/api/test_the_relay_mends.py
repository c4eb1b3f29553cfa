"""What the relay puts right now and then: terminated trades, and resting orders that nobody watches."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.relay import Relay
from domain.names import TASK_QUEUE, TRADE_WORKFLOW, trade_workflow_id, watch_workflow_id
from domain.signals import Signal
from domain.trades import TradeStart
from ledger.ledger import Ledger
from tests.api.relaying import handle_of, keep
from tests.api.waiting import all_started, at_work, until
from tests.worlds import PAPER, a_report, an_order, some_rules

pytestmark = pytest.mark.anyio


async def is_listed_as_terminated(client: Client, signal: Signal) -> bool:
    query = f'WorkflowId = "{trade_workflow_id(signal.trade_id)}" AND ExecutionStatus = "Terminated"'
    return bool([run async for run in client.list_workflows(query)])


async def is_told_to_cancel(client: Client, signal: Signal) -> bool:
    history = await handle_of(client, signal).fetch_history()
    return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history.events)


async def test_a_trade_that_runs_again_after_a_reset_is_not_cancelled(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    """A reset ends one run and begins another under the same id."""
    client = temporal.client
    async with at_work(Relay(ledger, client)):
        reset, terminated = await keep(ledger), await keep(ledger)
        await all_started(ledger)
    for signal in (reset, terminated):
        await ledger.trades.open(signal.trade_id, some_rules())
        await handle_of(client, signal).terminate("tests")
    await until(lambda: is_listed_as_terminated(client, reset))
    await until(lambda: is_listed_as_terminated(client, terminated))
    start = TradeStart(trade_id=reset.trade_id, signal=reset)
    await client.start_workflow(TRADE_WORKFLOW, start, id=trade_workflow_id(reset.trade_id), task_queue=TASK_QUEUE)
    async with at_work(Relay(ledger, client)):
        # It is told after every terminated trade was looked at.
        await until(lambda: is_told_to_cancel(client, terminated))
    reasons = {}
    for signal in (reset, terminated):
        sheet = await ledger.reading.trade(signal.trade_id)
        assert sheet is not None
        reasons[signal.trade_id] = sheet.cancel_reason
    assert reasons == {reset.trade_id: None, terminated.trade_id: "terminated in Temporal"}


async def test_a_trade_that_somebody_terminated_is_ended_in_the_books(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    client = temporal.client
    async with at_work(Relay(ledger, client)):
        signal = await keep(ledger)
        await all_started(ledger)
    await handle_of(client, signal).terminate("tests")

    async def is_listed() -> bool:
        query = f'WorkflowId = "{trade_workflow_id(signal.trade_id)}" AND ExecutionStatus = "Terminated"'
        return bool([run async for run in client.list_workflows(query)])

    await until(is_listed)

    async def runs() -> bool:
        return (await handle_of(client, signal).describe()).status is WorkflowExecutionStatus.RUNNING

    async with at_work(Relay(ledger, client), Relay(ledger, client)):
        await until(runs)
    sheet = await ledger.reading.trade(signal.trade_id)
    assert sheet is not None
    assert (sheet.cancel_reason, sheet.cancelled_by) == ("terminated in Temporal", "Temporal")


async def test_resting_orders_have_a_watcher(ledger: Ledger, temporal: WorkflowEnvironment) -> None:
    signal = await keep(ledger, limit_price=Decimal(2400))
    rules = some_rules()
    await ledger.trades.open(signal.trade_id, rules)
    order = an_order(signal, limit_price=Decimal(2400), rests_until=signal.received_at + timedelta(hours=1))
    await ledger.orders.size(order, "the only venue", rules.limits)
    await ledger.reports.merge(a_report(order, "open"))
    watcher = temporal.client.get_workflow_handle(watch_workflow_id(PAPER.name))

    async def runs() -> bool:
        with suppress(RPCError):
            return (await watcher.describe()).status is WorkflowExecutionStatus.RUNNING
        return False

    async with at_work(Relay(ledger, temporal.client), Relay(ledger, temporal.client)):
        await until(runs)
    await watcher.terminate("tests")
