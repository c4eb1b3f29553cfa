"""`surefill polling`, the health check of a worker."""

from collections.abc import AsyncIterator

import anyio
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from config.settings import Settings
from domain.names import TASK_QUEUE
from tests.temporal import temporal_server
from worker.polling import CannotAsk, Poll, last_poll, poll_from

pytestmark = pytest.mark.anyio


@workflow.defn(sandboxed=False)
class Idle:
    @workflow.run
    async def run(self) -> None:
        pass


@pytest.fixture(scope="module")
async def temporal(anyio_backend: str) -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as environment:
        yield environment


async def _seen(client: Client, host: str) -> Poll:
    with anyio.fail_after(30):
        while (poll := await poll_from(client, host)) is None:
            pass
    return poll


@pytest.mark.parametrize("role", ["worker", "all"])
async def test_a_worker_is_seen_from_its_own_machine_only(temporal: WorkflowEnvironment, role: str) -> None:
    host = f"machine-{role}"
    assert await poll_from(temporal.client, host) is None
    async with Worker(temporal.client, task_queue=TASK_QUEUE, workflows=[Idle], identity=f"{role}@{host}:1"):
        poll = await _seen(temporal.client, host)
    assert poll.identity == f"{role}@{host}:1"
    assert poll.age_s < 30
    assert await poll_from(temporal.client, "machine") is None


async def test_a_temporal_that_does_not_answer_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 1 is nobody's.
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with pytest.raises(CannotAsk):
        await last_poll(Settings())
