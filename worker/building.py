"""What a worker is made of: workflows, activities, and how our errors travel to Temporal."""

import asyncio
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.auditing import Auditing
from activities.hints import Hints
from activities.placing import Placing
from activities.quoting import Quoting
from activities.recording import Recording
from activities.watching import Watching
from domain.errors import LedgerBehind, RateLimited, TradeError
from domain.names import TASK_QUEUE
from domain.rules import Rules
from ledger.ledger import Ledger
from venues.venue import Venues
from workflows.reconcile import ReconcileWorkflow
from workflows.trade import TradeWorkflow
from workflows.watch import WatchWorkflow

_NO_HINTS: Hints = MappingProxyType({})
WORKFLOWS = (TradeWorkflow, WatchWorkflow, ReconcileWorkflow)

# How long a stopping worker lets its activities finish: as long as the longest that should not be cut.
_GRACE = timedelta(seconds=20)
# A workflow comes back to the worker that remembers it; one that has died is not waited for longer than this.
_STICKY = timedelta(seconds=2)
# Workflows that a worker remembers; one that rests is read from its history when it wakes. Each takes some 150 KiB.
_REMEMBERED = 500


def sandbox() -> SandboxedWorkflowRunner:
    """What shows code of a workflow that is not deterministic: tests and replays run in it, production needs it not."""
    ours = SandboxRestrictions.default.with_passthrough_modules("activities", "domain", "venues")
    return SandboxedWorkflowRunner(restrictions=ours)


def options() -> dict[str, Any]:
    """How every worker of ours runs, whatever it works at."""
    return {
        "workflow_runner": UnsandboxedWorkflowRunner(),
        "graceful_shutdown_timeout": _GRACE,
        "sticky_queue_schedule_to_start_timeout": _STICKY,
        "max_cached_workflows": _REMEMBERED,
    }


def build_worker(  # noqa: PLR0913 - whatever a worker needs comes together here, and only here
    client: Client,
    ledger: Ledger,
    venues: Venues,
    rules: Rules,
    epoch: int,
    *,
    hints: Hints = _NO_HINTS,
    task_queue: str = TASK_QUEUE,
    **changes: Any,
) -> Worker:
    """A worker for all workflows and activities. `epoch`: the Temporal database that `client` speaks to."""
    recording, quoting = Recording(ledger, rules), Quoting(venues)
    placing, watching = Placing(ledger, venues, epoch), Watching(ledger, venues, client, hints)
    auditing = Auditing(ledger, venues, client)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=[
            recording.open_trade,
            recording.size_order,
            recording.request_cancel,
            recording.read_standing,
            recording.mark_unresolved,
            recording.settle,
            recording.close_trade,
            quoting.fetch_quotes,
            placing.place_order,
            placing.watch_fill,
            placing.look_up_order,
            placing.end_order,
            watching.watch_orders,
            watching.ask_to_watch,
            auditing.take_audit,
            auditing.record_audit,
        ],
        interceptors=[Translating(ledger)],
        **{**options(), **changes},
    )


class Translating(Interceptor):
    """Says our errors in Temporal's words, and beats for every activity that has to.

    A venue's Retry-After is honoured here, and nowhere else.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._halted_for: set[str] = set()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _TranslatingActivity(next, self._ledger, self._halted_for)


class _TranslatingActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, ledger: Ledger, halted_for: set[str]) -> None:
        super().__init__(next)
        self._ledger, self._halted_for = ledger, halted_for

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        beating = asyncio.create_task(_beat())
        try:
            return await super().execute_activity(input)
        except TradeError as error:
            if isinstance(error, LedgerBehind) and str(error) not in self._halted_for:
                # Rows that were there are gone: nothing may be sent until somebody knows which others are. Once for
                # each, or whoever has found out could not resume while the step is repeated.
                await self._ledger.switches.set_halt(True, str(error), "surefill")
                self._halted_for.add(str(error))
            raise _in_temporals_words(error) from error
        finally:
            beating.cancel()


async def _beat() -> None:
    """Let Temporal know that this process lives, so that a dead one's work goes to another soon."""
    timeout = activity.info().heartbeat_timeout
    while timeout is not None:
        await asyncio.sleep(timeout.total_seconds() / 3)
        activity.heartbeat()


def _in_temporals_words(error: TradeError) -> ApplicationError:
    pause_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return ApplicationError(
        str(error),
        type=type(error).__name__,
        next_retry_delay=timedelta(seconds=pause_s) if pause_s is not None else None,
        category=ApplicationErrorCategory.BENIGN,
    )
