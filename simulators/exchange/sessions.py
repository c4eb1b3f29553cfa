"""One WebSocket connection: what it subscribed to, what it is told in which order, and what goes wrong on the way."""

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from starlette.websockets import WebSocket

from simulators.exchange.faults import EVENT, Call, Fault, FaultPlane
from simulators.exchange.orders import Order
from simulators.exchange.sabotage import hang_up, reset
from simulators.exchange.views import View, instant

# A client that reads slower than this is cut off.
LONGEST_BACKLOG = 10_000


class Message(NamedTuple):
    call: Call
    text: str


class Session:
    """Messages are numbered as they are written, before any of them is lost, late or told twice."""

    def __init__(self, websocket: WebSocket, clock: Callable[[], datetime], faults: FaultPlane) -> None:
        self.channels: dict[str, frozenset[str]] = {}
        self.told = self.heartbeats = self.idle_s = 0
        self._websocket, self._clock, self._faults = websocket, clock, faults
        self._numbers = itertools.count()
        self._backlog: asyncio.Queue[Message] = asyncio.Queue()
        self._late: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()

    def wants(self, channel: str, product_id: str) -> bool:
        """Whether it subscribed to the product on the channel; without names to all of them."""
        products = self.channels.get(channel)
        return products is not None and (not products or product_id in products)

    def subscribe(self, channel: str, products: frozenset[str]) -> None:
        had = self.channels.get(channel)
        self.channels[channel] = products if had is None or not products else had | products

    def unsubscribe(self, channel: str, products: frozenset[str]) -> None:
        left = self.channels.pop(channel, frozenset()) - products
        if products and left:
            self.channels[channel] = left

    def write(self, channel: str, event: View, about: Order | None = None) -> None:
        """Put a message on its way. `about`: the order that it is about, for faults that look for one."""
        number, now = next(self._numbers), instant(self._clock())
        message = {"channel": channel, "client_id": "", "timestamp": now, "sequence_num": number, "events": [event]}
        order_ids = (about.client_order_id, about.product_id) if about else (None, None)
        self._put(Message(Call(EVENT, f"/{channel}", *order_ids), json.dumps(message)))

    def complain(self, text: str) -> None:
        self._put(Message(Call(EVENT, "/error", None, None), json.dumps({"type": "error", "message": text})))

    def _put(self, message: Message) -> None:
        self.idle_s = 0
        self._backlog.put_nowait(message)
        if self._backlog.qsize() > LONGEST_BACKLOG:
            self.cut()

    def cut(self) -> None:
        """Break the connection off, without a word."""
        hang_up(self._websocket.scope)

    async def run(self, hear: Callable[["Session", str], None], subscribe_within_s: int) -> None:
        """Hear what the client says and tell what was written, until the connection ends."""
        telling = asyncio.create_task(self._tell_all())
        waiting = asyncio.create_task(self._demand_subscription(subscribe_within_s))
        try:
            while (message := await self._websocket.receive())["type"] == "websocket.receive":
                hear(self, message.get("text") or "")
        finally:
            self._gone.set()
            for task in (telling, waiting, *self._late):
                task.cancel()
            await asyncio.gather(telling, waiting, *self._late, return_exceptions=True)

    async def _demand_subscription(self, within_s: int) -> None:
        await asyncio.sleep(within_s)
        if not self.channels:
            await self._websocket.close(reason="no subscription")

    async def _tell_all(self) -> None:
        """Tell in order; what a fault holds back is overtaken by what comes after it."""
        while True:
            message = await self._backlog.get()
            claimed = await self._faults.claim(message.call)
            if any(fault.spec.do.waits for fault in claimed):
                late = asyncio.create_task(self._tell(message, claimed))
                self._late.add(late)
                late.add_done_callback(self._late.discard)
            else:
                await self._tell(message, claimed)

    async def _tell(self, message: Message, claimed: list[Fault]) -> None:
        text, times = message.text, 1
        for fault in claimed:
            do = fault.spec.do
            if not await self._faults.wait(fault, message.call, self._until_gone) or do.drop:
                return
            if do.close or do.reset:
                return (reset if do.reset else hang_up)(self._websocket.scope)
            text = do.text if do.status is not None else text
            times += do.duplicate
        for _ in range(times):
            self.told += 1
            await self._websocket.send_text(text)

    async def _until_gone(self) -> None:
        await self._gone.wait()
