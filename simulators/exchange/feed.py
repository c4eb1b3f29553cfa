"""The venue's WebSocket: what happens to orders is told on the channel `user` as it happens, beside `heartbeats`.

Source: Coinbase's "Advanced Trade WebSocket Channels". Any other channel is refused.
"""

import asyncio
from collections.abc import Mapping

from starlette.websockets import WebSocket

from simulators.exchange.auth import Keyring, Unauthorised
from simulators.exchange.door import read_json
from simulators.exchange.events import log_event
from simulators.exchange.exchange import Exchange
from simulators.exchange.faults import CONNECT, Call, FaultPlane
from simulators.exchange.feed_views import NO_POSITIONS, heartbeat_view, told_order_view
from simulators.exchange.listings import shown
from simulators.exchange.orders import Order
from simulators.exchange.sessions import Session
from simulators.exchange.views import View

HEARTBEATS, USER = "heartbeats", "user"
SUBSCRIBE_WITHIN_S = 5
# A connection on which nothing was said for so many seconds is closed.
IDLE_S = 90
SNAPSHOT = 50


class Malformed(Exception):
    """A message that the venue answers with an error; the text is the venue's."""


class Feed:
    """Every connection, and what each of them has subscribed to."""

    def __init__(self, exchange: Exchange, keyring: Keyring, faults: FaultPlane) -> None:
        self._exchange, self._keyring, self._faults = exchange, keyring, faults
        self._sessions: list[Session] = []
        exchange.listeners.append(self.announce)

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from its beginning to its end."""
        if not await self._lets_in():
            await websocket.close()
            return
        await websocket.accept()
        session = Session(websocket, self._exchange.now, self._faults)
        self._sessions.append(session)
        try:
            await session.run(self._hear, SUBSCRIBE_WITHIN_S)
        finally:
            self._sessions.remove(session)
            log_event("connection_ended", told=session.told)

    async def _lets_in(self) -> bool:
        call = Call(CONNECT, "/", None, None)
        claimed = await self._faults.claim(call)
        waited = [await self._faults.wait(fault, call, _never) for fault in claimed]
        return all(waited) and not any(fault.spec.do.endings for fault in claimed)

    def announce(self, order: Order) -> None:
        """Tell everybody who wants to know how `order` stands now."""
        for session in self._sessions:
            if session.wants(USER, order.product_id):
                self._tell_orders(session, "update", [order])

    def beat(self) -> None:
        """A second has passed."""
        for session in self._sessions:
            if HEARTBEATS in session.channels:
                session.heartbeats += 1
                session.write(HEARTBEATS, heartbeat_view(session.heartbeats, self._exchange.now()))
            session.idle_s += 1
            if session.idle_s > IDLE_S:
                session.cut()

    def sessions(self) -> list[View]:
        return [{"channels": sorted(session.channels), "told": session.told} for session in self._sessions]

    def cut(self) -> int:
        """Break every connection off; how many there were."""
        for session in self._sessions:
            session.cut()
        return len(self._sessions)

    def _hear(self, session: Session, text: str) -> None:
        message = read_json(text.encode())
        try:
            self._heed(session, message or {})
        except Malformed as error:
            session.complain(str(error))
        except Unauthorised as error:
            log_event("subscriber_refused", why=error)
            session.complain("authentication failure")

    def _heed(self, session: Session, message: Mapping[str, object]) -> None:
        channel, products = str(message.get("channel", "")), message.get("product_ids") or []
        if channel not in (HEARTBEATS, USER):
            raise Malformed(f"channel {channel!r} is not supported")
        if not isinstance(products, list) or not set(map(str, products)) <= self._exchange.markets.keys():
            raise Malformed("product_ids are invalid")
        match message.get("type"):
            case "subscribe":
                self._subscribe(session, channel, frozenset(map(str, products)), message.get("jwt"))
            case "unsubscribe":
                session.unsubscribe(channel, frozenset(map(str, products)))
            case _:
                raise Malformed("type must be subscribe or unsubscribe")
        session.write("subscriptions", {"subscriptions": {name: self._names(name) for name in session.channels}})

    def _subscribe(self, session: Session, channel: str, products: frozenset[str], token: object) -> None:
        if channel == USER or token is not None:
            self._keyring.signer(str(token), self._exchange.now())
        session.subscribe(channel, products)
        log_event("channel_subscribed", channel=channel)
        if channel == USER:
            self._tell_snapshot(session, products)

    def _tell_snapshot(self, session: Session, products: frozenset[str]) -> None:
        """Open orders in batches; the last batch is the one that is not full, and may be empty."""
        kept = self._exchange.store.find(Order, "orders", "status = 'OPEN'", [], "ORDER BY seq DESC")
        wanted = [order for order in kept if not products or order.product_id in products]
        orders = [order for one in wanted if (order := shown(self._exchange, one)) is not None]
        for start in range(0, len(orders) + 1, SNAPSHOT):
            self._tell_orders(session, "snapshot", orders[start : start + SNAPSHOT])

    def _tell_orders(self, session: Session, kind: str, orders: list[Order]) -> None:
        views = [told_order_view(order, self._exchange) for order in orders]
        about = orders[0] if kind == "update" else None
        session.write(USER, {"type": kind, "orders": views, "positions": NO_POSITIONS}, about)

    def _names(self, channel: str) -> list[str]:
        return [self._exchange.user_id if channel == USER else channel]


async def _never() -> None:
    await asyncio.Event().wait()
