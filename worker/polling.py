"""Whether Temporal sees a worker of this machine: a health check that a worker which hangs does not pass."""

import asyncio
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from config.settings import Settings
from domain.names import TASK_QUEUE
from wiring.temporal import connect

# A poll waits a minute for work, then the next one begins.
_LATELY_S = 90
_ASK_S = 8
_ROLES = ("worker", "all")


class CannotAsk(Exception):
    """Temporal does not say who asks it for work."""


@dataclass(frozen=True)
class Poll:
    """When somebody last asked for work."""

    identity: str
    age_s: float


async def last_poll(settings: Settings) -> Poll | None:
    """The latest poll of a worker on this machine, unless it is long ago. Raises CannotAsk."""
    try:
        async with asyncio.timeout(_ASK_S):
            return await poll_from(await connect(settings, "cli"), socket.gethostname())
    except (RuntimeError, RPCError, TimeoutError) as error:
        raise CannotAsk(f"Temporal cannot be asked ({type(error).__name__})") from error


async def poll_from(client: Client, host: str) -> Poll | None:
    """The latest poll of a worker on `host`, unless it is long ago."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    now, ours = datetime.now(UTC), tuple(f"{role}@{host}:" for role in _ROLES)
    polls = [
        Poll(poller.identity, (now - poller.last_access_time.ToDatetime(tzinfo=UTC)).total_seconds())
        for poller in answer.pollers
        if poller.identity.startswith(ours)
    ]
    return min((poll for poll in polls if poll.age_s < _LATELY_S), key=lambda poll: poll.age_s, default=None)
