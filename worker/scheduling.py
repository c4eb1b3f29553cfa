"""Seeing that Temporal runs the auditor every few minutes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.names import RECONCILE_SCHEDULE, RECONCILE_WORKFLOW, TASK_QUEUE

log = logging.getLogger(__name__)

_ASK_S = 10
_TRY_AGAIN_S = 60
# Rounds that fell into an outage are not made up for: the next one sees everything.
_CATCH_UP = timedelta(minutes=1)


@asynccontextmanager
async def scheduled(client: Client, every: timedelta, task_queue: str = TASK_QUEUE) -> AsyncIterator[None]:
    """Work, while the schedule is made beside; without it everything else goes on."""
    scheduling = asyncio.create_task(_until_scheduled(client, every, task_queue))
    try:
        yield
    finally:
        scheduling.cancel()
        with suppress(asyncio.CancelledError):
            await scheduling


async def schedule_audits(client: Client, every: timedelta, task_queue: str = TASK_QUEUE) -> None:
    """Make the schedule, or bring the one that is there up to date; a person's pause of it stays."""
    try:
        await client.create_schedule(RECONCILE_SCHEDULE, _schedule(every, task_queue))
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(RECONCILE_SCHEDULE).update(lambda known: _updated(known, every, task_queue))


async def _until_scheduled(client: Client, every: timedelta, task_queue: str) -> None:
    while True:
        try:
            async with asyncio.timeout(_ASK_S):
                await schedule_audits(client, every, task_queue)
            log.info("audits_scheduled every_s=%d", every.total_seconds())
            return
        except Exception as error:
            # Whatever it is, trades go on without the auditor.
            said = f"{type(error).__name__} {error}"
            log.warning("audits_not_scheduled error=%s; trying again in %d s", said, _TRY_AGAIN_S)
        await asyncio.sleep(_TRY_AGAIN_S)


def _schedule(every: timedelta, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RECONCILE_WORKFLOW,
            id=RECONCILE_SCHEDULE,
            task_queue=task_queue,
            static_summary="Compares the ledger, Temporal and the venues",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )


def _updated(known: ScheduleUpdateInput, every: timedelta, task_queue: str) -> ScheduleUpdate:
    wanted = _schedule(every, task_queue)
    wanted.state = known.description.schedule.state
    return ScheduleUpdate(schedule=wanted)
