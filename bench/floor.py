"""The floor: a workflow with the same number and kind of steps as a trade, all of which do nothing.

Run as `python -m bench.floor worker|client|all ADDRESS`. `client` and `all` read one JSON command a line from their
input, {"count": 60, "at_once": 1, "every_s": 0.25}, and answer with one line of times.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import Any

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import GrpcCompression
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from activities import policies
    from worker.building import options

QUEUE = "floor"


@activity.defn
async def floor_pass() -> None:
    pass


@activity.defn
async def floor_now() -> float:
    return time.time()


@workflow.defn
class FloorWorkflow:
    """Open, quote, size, place, close: local where a trade's step is local."""

    @workflow.run
    async def run(self) -> list[float]:
        await workflow.execute_local_activity(floor_pass, **policies.OPEN_TRADE)
        await workflow.execute_activity(floor_pass, **policies.FETCH_QUOTES)
        await workflow.execute_local_activity(floor_pass, **policies.SIZE_ORDER)
        placed = await workflow.execute_activity(floor_now, **policies.PLACE_ORDER)
        closed = await workflow.execute_local_activity(floor_now, **policies.CLOSE_TRADE)
        return [placed, closed]


def floor_worker(client: Client) -> Worker:
    """A worker with the options of ours."""
    return Worker(client, task_queue=QUEUE, workflows=[FloorWorkflow], activities=[floor_pass, floor_now], **options())


async def measure(client: Client, command: dict[str, Any], *, eager: bool) -> dict[str, Any]:
    """Run `count` workflows, `at_once` at a time, starting one every `every_s` at most. Times in seconds."""
    gate = asyncio.Semaphore(command["at_once"])
    to_order: list[float] = []
    to_record: list[float] = []

    async def one() -> None:
        try:
            began = time.time()
            placed, closed = await client.execute_workflow(
                FloorWorkflow.run, id=f"floor-{uuid.uuid4()}", task_queue=QUEUE, request_eager_start=eager
            )
            to_order.append(placed - began)
            to_record.append(closed - began)
        finally:
            gate.release()

    began = time.time()
    async with asyncio.TaskGroup() as group:
        for _ in range(command["count"]):
            await gate.acquire()
            group.create_task(one())
            await asyncio.sleep(command["every_s"])
    return {"to_order_s": to_order, "to_record_s": to_record, "took_s": time.time() - began}


async def main(role: str, address: str) -> None:
    client = await Client.connect(
        address, data_converter=pydantic_data_converter, grpc_compression=GrpcCompression.NONE
    )
    working = asyncio.create_task(floor_worker(client).run()) if role != "client" else None
    print(json.dumps("ready"), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await measure(client, json.loads(line), eager=role == "all")), flush=True)
    if working is not None:
        await working


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
