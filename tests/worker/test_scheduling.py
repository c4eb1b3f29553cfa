"""The auditor's rounds are Temporal's to begin, and a worker works whether they are or not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.testing import WorkflowEnvironment

from domain.names import RECONCILE_SCHEDULE, RECONCILE_WORKFLOW
from tests.temporal import temporal_server
from worker.scheduling import schedule_audits, scheduled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as environment:
        yield environment


async def test_the_schedule_is_made_once_and_follows_the_setting_and_a_pause_stays(
    temporal: WorkflowEnvironment,
) -> None:
    client = temporal.client
    await asyncio.gather(*(schedule_audits(client, timedelta(minutes=5)) for _ in range(3)))
    handle = client.get_schedule_handle(RECONCILE_SCHEDULE)
    await handle.pause(note="not today")
    await schedule_audits(client, timedelta(minutes=7))
    schedule = (await handle.describe()).schedule
    assert [interval.every for interval in schedule.spec.intervals] == [timedelta(minutes=7)]
    assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert (schedule.state.paused, schedule.state.note) == (True, "not today")
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert schedule.action.workflow == RECONCILE_WORKFLOW
    assert len([found async for found in await client.list_schedules()]) == 1


async def test_a_worker_works_although_nobody_takes_its_schedule(caplog: pytest.LogCaptureFixture) -> None:
    nobody = await Client.connect("127.0.0.1:1", lazy=True)
    with caplog.at_level(logging.WARNING), anyio.fail_after(30):
        async with scheduled(nobody, timedelta(minutes=5)):
            while "audits_not_scheduled" not in caplog.text:  # noqa: ASYNC110 - a log line tells nobody
                await anyio.sleep(0.01)
