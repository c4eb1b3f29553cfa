"""Starting workflows: beside the answer, and again until Temporal has every one of them.

A start can hang for half a minute when Temporal is frozen, so nobody waits for one. What was not started at once stands
in the ledger, and any api process starts it later; Temporal refuses the second of two starts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.watching import start_watcher
from domain.names import TASK_QUEUE, TRADE_WORKFLOW, trade_workflow_id
from domain.signals import Signal
from domain.trades import TradeStart
from ledger.ledger import Ledger
from wiring.temporal import OtherTemporal, confirmed_epoch
from workflows.trade import TradeWorkflow
from workflows.visible import at_start

log = logging.getLogger(__name__)

# Starts that may be on their way at once; what comes on top waits in the ledger.
_AT_ONCE = 50
_START_S = 10.0
# A look that hangs is given up, and the next one asks first who answers.
_LOOK_S = 20.0
_LOOK_EVERY_S = 1.0
_LOOKS_FOR_A_MENDING = 15
_BATCH = 200
_TERMINATED = f'WorkflowType = "{TRADE_WORKFLOW}" AND ExecutionStatus IN ("Terminated", "TimedOut", "Canceled")'


class Relay:
    """Starts trades. `trouble`: why nothing is started at the moment, "" when all is well."""

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self._ledger, self._client, self._eager = ledger, client, False
        self._going: dict[str, asyncio.Task[None]] = {}
        # Started, but not noted yet: one transaction a second notes them all.
        self._started: set[str] = set()
        self._indexed = True
        self.trouble = "not connected to Temporal yet"

    def share(self, client: Client) -> None:
        """Start trades through the client of a worker in this process: it may begin them at once."""
        self._client, self._eager = client, True

    def start_soon(self, signal: Signal) -> None:
        """Start the signal's trade beside whatever is going on; in times of trouble it waits in the ledger."""
        known = signal.signal_id in self._going or signal.signal_id in self._started
        if not self.trouble and not known and len(self._going) < _AT_ONCE:
            task = asyncio.create_task(self._start(signal))
            self._going[signal.signal_id] = task
            task.add_done_callback(lambda _: self._going.pop(signal.signal_id, None))

    async def run(self) -> None:
        """Start what was not started, and mend what Temporal lost, until cancelled."""
        try:
            while True:
                await self._look_after(self._mend)
                for _ in range(_LOOKS_FOR_A_MENDING):
                    await self._look_after(self._start_waiting)
                    await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            for task in list(self._going.values()):
                task.cancel()

    async def _look_after(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` if the Temporal that answers is ours; it can be exchanged for another one at any moment."""
        try:
            async with asyncio.timeout(_LOOK_S):
                await confirmed_epoch(self._client, self._ledger)
                self.trouble = ""
                await work()
        except OtherTemporal as error:
            self._wait_because(str(error))
        except (RPCError, RuntimeError, TimeoutError) as error:
            self._wait_because(f"Temporal does not answer ({type(error).__name__})")
        except SQLAlchemyError as error:
            self._wait_because(f"the ledger does not answer ({type(error).__name__})")
        except Exception as error:
            # Whatever it is, trades that wait in the ledger must not wait for ever.
            log.exception("relay_failed")
            self._wait_because(f"a fault of surefill ({type(error).__name__}), see the log")
        _stop_if_cancelled()

    def _wait_because(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("relay_waits reason=%s", trouble)
        self.trouble = trouble
        # The Temporal that comes back may be another one: what is not noted is started again, and refused if it runs.
        self._started.clear()

    async def _start_waiting(self) -> None:
        if noted := list(self._started):
            await self._ledger.signals.mark_started(noted)
            self._started.difference_update(noted)
        for signal in await self._ledger.signals.not_started(_BATCH):
            if len(self._going) >= _AT_ONCE:
                await asyncio.wait(self._going.values(), return_when=asyncio.FIRST_COMPLETED)
            self.start_soon(signal)

    async def _start(self, signal: Signal) -> None:
        try:
            async with asyncio.timeout(_START_S):
                await self._start_workflow(signal)
            self._started.add(signal.signal_id)
        except (RPCError, RuntimeError, TimeoutError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT:
                log.error("start_refused trade_id=%s error=%s", signal.trade_id, error)
                return
            # A server that cannot be told is asked for its name before it is told anything else.
            self._wait_because(f"Temporal does not answer ({type(error).__name__})")
        except Exception:
            log.exception("start_failed trade_id=%s", signal.trade_id)

    async def _start_workflow(self, signal: Signal) -> None:
        """Start the trade's workflow unless it runs or is done; one that was terminated starts again."""
        try:
            await self._client.start_workflow(
                TradeWorkflow.run,
                TradeStart(trade_id=signal.trade_id, signal=signal, indexed=self._indexed),
                id=trade_workflow_id(signal.trade_id),
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                search_attributes=at_start(signal) if self._indexed else None,
                static_summary=signal.headline,
                static_details=_details(signal),
                request_eager_start=self._eager,
            )
        except WorkflowAlreadyStartedError:
            log.info("trade_runs_already trade_id=%s", signal.trade_id)
        except RPCError as error:
            if not self._indexed or not _is_about_attributes(error):
                raise
            log.warning("search_attributes_missing error=%s; trades start without them", error)
            self._indexed = False
            await self._start_workflow(signal)

    async def _mend(self) -> None:
        """End trades that were terminated in Temporal, tell of cancels, and see that resting orders are watched."""
        # Somebody may have added the search attributes.
        self._indexed = True
        terminated = [
            run.id.removeprefix(trade_workflow_id("")) async for run in self._client.list_workflows(_TERMINATED)
        ]
        for signal in await self._ledger.trades.not_closed(terminated):
            if await self._runs(signal):
                # A reset ends one run and begins another.
                continue
            log.warning("trade_was_terminated trade_id=%s; it is ended properly", signal.trade_id)
            await self._ledger.trades.request_cancel(signal.trade_id, "terminated in Temporal", "Temporal")
            self.start_soon(signal)
        for trade_id, reason in (await self._ledger.trades.cancels_underway()).items():
            await self._tell_to_cancel(trade_id, reason)
        for account in await self._ledger.trades.accounts_with_resting_orders():
            async with asyncio.timeout(_START_S):
                await start_watcher(self._client, account)

    async def _runs(self, signal: Signal) -> bool:
        try:
            described = await self._client.get_workflow_handle(trade_workflow_id(signal.trade_id)).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # Deleted, and still listed.
            return False
        return described.status is WorkflowExecutionStatus.RUNNING

    async def _tell_to_cancel(self, trade_id: str, reason: str) -> None:
        """Tell the workflow again: Temporal may have been away when somebody asked."""
        try:
            await self._client.get_workflow_handle(trade_workflow_id(trade_id)).signal(TradeWorkflow.cancel, reason)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def _stop_if_cancelled() -> None:
    """Python 3.11's wait_for loses a cancellation that arrives together with an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _is_about_attributes(error: RPCError) -> bool:
    return error.status is RPCStatusCode.INVALID_ARGUMENT and "search attribute" in error.message.lower()


def _details(signal: Signal) -> str:
    """What the alert said, for the Temporal UI."""
    said = {
        "source": signal.source,
        "strategy": signal.strategy,
        "alert id": signal.explicit_id,
        "price in the alert": signal.price,
        "alert fired at": signal.alerted_at,
        "note": signal.note,
    }
    return "\n".join(f"- {name}: {value}" for name, value in said.items() if value is not None)
