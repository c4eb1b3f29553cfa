"""CCXT's client of the venue, told in lines of JSON what to do. Runs where it is installed, and nothing of ours is.

In: {"call": "venue.fetch_ticker", "args": [...], "options": {...}}
Out: {"returned": ...}, or {"raised": ..., "text": ...}.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import ccxt.pro


class Desk:
    """What may be called: `venue`, and the orders that it has been told of since `watch_orders`."""

    def __init__(self, address: str, key_file: str) -> None:
        held = json.loads(Path(key_file).read_text())
        # Without a limit of its own: this venue has none.
        told = {"apiKey": held["name"], "secret": held["privateKey"], "enableRateLimit": False}
        self.venue = ccxt.pro.coinbase(told)
        self.venue.number = str
        self.venue.urls["api"]["rest"] = address
        self.venue.urls["api"]["ws"] = address.replace("http", "ws")
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        self.watching: asyncio.Task[None] | None = None

    async def rename_key(self, name: str) -> str:
        """From now on the key goes by another name; the one that it had."""
        had, self.venue.apiKey = self.venue.apiKey, name
        return str(had)

    async def watch_orders(self) -> None:
        self.watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            while True:
                self.told.put_nowait(await self.venue.watch_orders())
        except Exception as error:
            self.told.put_nowait({"raised": type(error).__name__, "text": str(error)})

    async def told_orders(self) -> Any:
        return await asyncio.wait_for(self.told.get(), 20)

    async def call(self, path: str, args: list[Any], options: dict[str, Any]) -> Any:
        target: Any = self
        for name in path.split("."):
            target = getattr(target, name)
        return await target(*args, **options)


async def main() -> None:
    desk = Desk(*sys.argv[1:])
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        try:
            answer = {"returned": await desk.call(asked["call"], asked["args"], asked["options"])}
        except Exception as error:
            answer = {"raised": type(error).__name__, "text": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await desk.venue.close()


if __name__ == "__main__":
    asyncio.run(main())
