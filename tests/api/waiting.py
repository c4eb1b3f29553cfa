"""Relays at work, and waiting until something is so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio

from api.relay import Relay
from ledger.ledger import Ledger

PATIENCE_S = 30


@asynccontextmanager
async def at_work(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(PATIENCE_S):
        while not await is_so():  # noqa: ASYNC110 - the change is in a database or a server
            await anyio.sleep(0.01)


async def all_started(ledger: Ledger) -> None:
    async def are() -> bool:
        return not await ledger.signals.not_started(1)

    await until(are)


async def is_well(relay: Relay) -> bool:
    return not relay.trouble


async def says(relay: Relay, trouble: str) -> bool:
    return relay.trouble.startswith(trouble)
