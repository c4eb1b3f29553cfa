"""A worker with a real ledger, a real Temporal server whose clock skips, and a venue in memory."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import anyio
import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from domain.names import trade_workflow_id, watch_workflow_id
from domain.rules import Rules
from domain.signals import Signal
from domain.trades import TradeResult, TradeStart
from ledger.database import Database
from ledger.ledger import Ledger
from ledger.reading import TradeSheet
from tests.databases import SqliteLedgers
from tests.fakes import FakeVenue
from tests.temporal import temporal_server
from tests.worlds import PAPER, a_signal, an_alert, some_rules
from worker.building import build_worker, sandbox
from workflows.trade import TradeWorkflow
from workflows.visible import at_start

Handle = WorkflowHandle[TradeWorkflow, TradeResult]


@pytest.fixture(scope="session")
async def temporal(anyio_backend: str) -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as environment:
        yield environment


@pytest.fixture
async def ledger(sqlite_ledgers: SqliteLedgers) -> AsyncIterator[Ledger]:
    database = Database(sqlite_ledgers.fresh())
    ledger = Ledger(database)
    await ledger.trades.register(PAPER)
    yield ledger
    database.close()


class Desk:
    """Starts trades and looks at them."""

    def __init__(self, client: Client, ledger: Ledger, venue: FakeVenue, task_queue: str) -> None:
        self.client, self.ledger, self.venue, self.task_queue = client, ledger, venue, task_queue
        self.venues = {PAPER.name: venue}

    async def start(self, signal: Signal | None = None) -> Handle:
        return await self.start_kept((await self.ledger.signals.keep(an_alert(), signal or a_signal())).signal)

    async def start_kept(self, signal: Signal) -> Handle:
        """Start the trade of a signal that is in the ledger."""
        return await self.client.start_workflow(
            TradeWorkflow.run,
            TradeStart(trade_id=signal.trade_id, signal=signal),
            id=trade_workflow_id(signal.trade_id),
            task_queue=self.task_queue,
            search_attributes=at_start(signal),
        )

    async def sheet(self, handle: Handle) -> TradeSheet:
        sheet = await self.ledger.reading.trade(handle.id.removeprefix("trade-"))
        assert sheet is not None
        return sheet

    async def until(self, handle: Handle, is_so: Callable[[TradeSheet], bool]) -> None:
        """Wait until the books say so."""
        with anyio.fail_after(30):
            while not is_so(await self.sheet(handle)):  # noqa: ASYNC110 - the change is in a database
                await anyio.sleep(0.01)

    async def dismiss_watcher(self) -> None:
        """The next test brings a queue of its own, on which this watcher would not hear it."""
        try:
            await self.client.get_workflow_handle(watch_workflow_id(PAPER.name)).terminate()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    @asynccontextmanager
    async def another_worker(self, rules: Rules | None = None, **options: Any) -> AsyncIterator[None]:
        options = {"task_queue": self.task_queue, "workflow_runner": sandbox(), **options}
        async with build_worker(self.client, self.ledger, self.venues, rules or some_rules(), 0, **options):
            yield


@asynccontextmanager
async def open_desk(
    temporal: WorkflowEnvironment,
    ledger: Ledger,
    venue: FakeVenue,
    rules: Rules | None = None,
    *,
    real_time: bool = False,
    **options: Any,
) -> AsyncIterator[Desk]:
    """A desk with a worker of its own. `real_time`: its workflows wait for their timers, as they do outside tests."""
    desk = Desk(temporal.client, ledger, venue, f"test-{uuid.uuid4()}")
    with temporal.with_time_skipping_disabled() if real_time else nullcontext():
        async with desk.another_worker(rules, **options):
            yield desk
        await desk.dismiss_watcher()
