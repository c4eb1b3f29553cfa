"""The WebSocket: who may listen, what is told in which order, and what may go wrong on the way."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulators.exchange import feed
from simulators.exchange.server import House
from tests.simulators.clients import Control, Json, Trader, gtc, market, signed
from tests.simulators.conftest import Live

pytestmark = pytest.mark.anyio

EVENT: Json = {"method": "EVENT", "path_prefix": "/user"}


class Listener:
    """Reads the WebSocket. `seen`: the numbers of what it has got."""

    def __init__(self, connection: ClientConnection, trader: Trader) -> None:
        self.connection, self._trader, self.seen = connection, trader, list[int]()

    async def say(self, channel: str, type_: str = "subscribe", **fields: object) -> None:
        await self.connection.send(json.dumps({"type": type_, "channel": channel, **fields}))

    async def subscribe(self, *product_ids: str) -> list[list[Json]]:
        """Subscribe to `user`; the batches of the snapshot."""
        await self.say("user", product_ids=list(product_ids), jwt=self.token())
        batches: list[list[Json]] = []
        while (message := await self.next())["channel"] == "user":
            batches.append(message["events"][0]["orders"])
        return batches

    def token(self, **changes: object) -> str:
        return signed(self._trader.key_name, self._trader.key, "", **{"uri": None, **changes})

    async def next(self) -> Json:
        message: Json = json.loads(await self.connection.recv())
        if "sequence_num" in message:
            self.seen.append(message["sequence_num"])
        return message

    async def next_order(self) -> tuple[str, str, str]:
        """What the next update says: whose order, its status, what was filled."""
        (event,) = (await self.next())["events"]
        assert event["type"] == "update"
        (order,) = event["orders"]
        return order["order_id"], order["status"], order["cumulative_quantity"]

    async def end(self) -> None:
        """Read until the connection breaks."""
        with suppress(ConnectionClosed):
            while await self.connection.recv():
                pass
        await self.connection.wait_closed()


Listen = Callable[[], Awaitable[Listener]]


@pytest.fixture
async def listen(live: Live, live_trader: Trader) -> AsyncIterator[Listen]:
    """Connect to the WebSocket; every connection is closed in the end."""
    connections: list[ClientConnection] = []

    async def listen() -> Listener:
        connections.append(await connect(live.venue_url.replace("http", "ws"), proxy=None))
        return Listener(connections[-1], live_trader)

    yield listen
    for connection in connections:
        await connection.close()


@asynccontextmanager
async def subscribed(listen: Listen) -> AsyncIterator[Listener]:
    listener = await listen()
    await listener.subscribe()
    yield listener


async def sell(control: Control, price: str, size: str) -> None:
    trade = {"product_id": "ETH-USD", "side": "SELL", "price": price, "size": size, "queue_ahead": "0"}
    await control.tell("POST", "/trades", trade)


async def test_changes_are_told_as_they_happen_and_cumulative(
    listen: Listen, live_trader: Trader, live_control: Control
) -> None:
    listener = await listen()
    assert await listener.subscribe("ETH-USD") == [[]]
    resting = await live_trader.placed("BUY", gtc("0.5", "2499.5"))
    assert await listener.next_order() == (resting, "OPEN", "0")
    await sell(live_control, "2499.5", "0.2")
    assert await listener.next_order() == (resting, "OPEN", "0.2")
    (order,) = (await listen_again(listen))[0]
    assert (order["leaves_quantity"], order["avg_price"], order["total_fees"]) == ("0.3", "2499.5", "2.9994")
    await live_trader.cancel(resting)
    assert await listener.next_order() == (resting, "CANCELLED", "0.2")
    taken = await live_trader.placed("SELL", market("0.1"))
    assert await listener.next_order() == (taken, "FILLED", "0.1")
    assert listener.seen == list(range(6))


async def listen_again(listen: Listen) -> list[list[Json]]:
    return await (await listen()).subscribe()


async def test_an_order_that_only_moves_up_in_its_queue_is_no_news(
    listen: Listen, live_trader: Trader, live_control: Control
) -> None:
    resting = await live_trader.placed("BUY", gtc("0.5", "2500.09"))
    async with subscribed(listen) as listener:
        trade = {"product_id": "ETH-USD", "side": "SELL", "price": "2500.09", "size": "0.1"}
        await live_control.tell("POST", "/trades", trade)
        await live_trader.cancel(resting)
        assert await listener.next_order() == (resting, "CANCELLED", "0")


@pytest.mark.parametrize(("open_orders", "batches"), [(0, [0]), (50, [50, 0]), (51, [50, 1])])
async def test_the_snapshot_ends_with_a_batch_that_is_not_full(
    listen: Listen, live_trader: Trader, open_orders: int, batches: list[int]
) -> None:
    for _ in range(open_orders):
        await live_trader.placed("BUY", gtc("0.001", "2400"))
    assert [len(batch) for batch in await (await listen()).subscribe()] == batches


async def test_only_the_products_that_were_asked_for_are_told(listen: Listen, live_trader: Trader) -> None:
    listener = await listen()
    await listener.subscribe("BTC-USD")
    await live_trader.placed("BUY", gtc("0.5", "2400"))
    bitcoin = await live_trader.placed("BUY", gtc("0.01", "60000"), product_id="BTC-USD")
    assert await listener.next_order() == (bitcoin, "OPEN", "0")
    await listener.say("user", "unsubscribe", product_ids=["BTC-USD"])
    assert (await listener.next())["events"] == [{"subscriptions": {}}]


async def test_heartbeats_are_counted(listen: Listen, house: House) -> None:
    listener = await listen()
    await listener.say("heartbeats")
    assert (await listener.next())["events"] == [{"subscriptions": {"heartbeats": ["heartbeats"]}}]
    house.feed.beat()
    house.feed.beat()
    beats = [(await listener.next())["events"][0]["heartbeat_counter"] for _ in range(2)]
    assert beats == [1, 2]


@pytest.mark.parametrize("changes", [{"exp": 1}, {"nbf": 4_000_000_000, "exp": 4_000_000_100}, {"sub": "nobody"}])
async def test_nobody_listens_without_a_good_token(listen: Listen, changes: Json) -> None:
    listener = await listen()
    await listener.say("user", jwt=listener.token(**changes))
    assert await listener.next() == {"type": "error", "message": "authentication failure"}
    await listener.say("user")
    assert await listener.next() == {"type": "error", "message": "authentication failure"}


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"type": "subscribe", "channel": "level3"}', '{"type": "hello", "channel": "heartbeats"}']
)
async def test_what_cannot_be_read_is_answered_with_an_error(listen: Listen, said: str) -> None:
    listener = await listen()
    await listener.connection.send(said)
    assert (await listener.next())["type"] == "error"


async def test_who_does_not_subscribe_in_time_is_sent_away(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SUBSCRIBE_WITHIN_S", 0)
    await (await listen()).end()


async def test_a_connection_on_which_nothing_is_said_is_closed(listen: Listen, house: House) -> None:
    async with subscribed(listen) as listener:
        for _ in range(feed.IDLE_S + 1):
            house.feed.beat()
        await listener.end()


async def test_a_message_may_be_lost_and_its_number_with_it(
    listen: Listen, live_trader: Trader, live_control: Control
) -> None:
    async with subscribed(listen) as listener:
        await live_control.fault({"drop": True}, match=EVENT)
        await live_trader.placed("BUY", gtc("0.5", "2400"))
        second = await live_trader.placed("BUY", gtc("0.5", "2400"))
        assert (await listener.next_order())[0] == second
        assert listener.seen == [0, 1, 3]


async def test_a_message_may_be_told_twice(listen: Listen, live_trader: Trader, live_control: Control) -> None:
    async with subscribed(listen) as listener:
        await live_control.fault({"duplicate": True}, match=EVENT)
        await live_trader.placed("BUY", gtc("0.5", "2400"))
        assert await listener.next_order() == await listener.next_order()
        assert listener.seen == [0, 1, 2, 2]


@pytest.mark.parametrize("do", [{"hold": True}, {"delay_ms": 600_000}])
async def test_a_message_that_is_late_is_overtaken(
    listen: Listen, live_trader: Trader, live_control: Control, do: Json
) -> None:
    cid = str(uuid.uuid4())
    async with subscribed(listen) as listener:
        fault = await live_control.fault(do, match={**EVENT, "client_order_id": cid})
        first = await live_trader.placed("BUY", gtc("0.5", "2400"), client_order_id=cid)
        second = await live_trader.placed("BUY", gtc("0.5", "2400"))
        assert (await listener.next_order())[0] == second
        await live_control.get(f"/faults/{fault}", wait_held=10)
        await live_control.tell("POST", f"/faults/{fault}/release")
        assert (await listener.next_order())[0] == first
        assert listener.seen == [0, 1, 3, 2]


async def test_a_message_may_be_replaced_by_a_lie(listen: Listen, live_trader: Trader, live_control: Control) -> None:
    lie = {"channel": "user", "events": [{"type": "update", "orders": [{"status": "FILLED"}]}]}
    async with subscribed(listen) as listener:
        await live_control.fault({"status": 200, "body": lie}, match=EVENT)
        await live_trader.placed("BUY", gtc("0.5", "2400"))
        assert await listener.next() == lie


@pytest.mark.parametrize("do", [{"close": True}, {"reset": True}])
async def test_a_connection_may_break_with_a_message(
    listen: Listen, live_trader: Trader, live_control: Control, do: Json
) -> None:
    async with subscribed(listen) as listener:
        await live_control.fault(do, match=EVENT)
        await live_trader.placed("BUY", gtc("0.5", "2400"))
        await listener.end()


async def test_connections_may_be_cut_and_refused(listen: Listen, live_control: Control) -> None:
    async with subscribed(listen) as listener:
        assert (await live_control.get("/connections"))["connections"] == [{"channels": ["user"], "told": 2}]
        await live_control.fault({"status": 503}, match={"method": "CONNECT"})
        assert await live_control.tell("DELETE", "/connections") == {"cut": 1}
        await listener.end()
    with pytest.raises(InvalidStatus):
        await listen()
    assert await listen_again(listen) == [[]]


async def test_faults_of_requests_do_not_meet_messages(
    listen: Listen, live_trader: Trader, live_control: Control
) -> None:
    async with subscribed(listen) as listener:
        resting = await live_trader.placed("BUY", gtc("0.5", "2400"))
        outage = await live_control.fault({"status": 503}, times=None)
        assert await listener.next_order() == (resting, "OPEN", "0")
        await live_control.tell("DELETE", f"/faults/{outage}")
    assert (await live_control.http.post("/faults", json={"do": {"drop": True}})).status_code == 400


async def test_a_held_message_dies_with_its_connection(
    listen: Listen, live_trader: Trader, live_control: Control
) -> None:
    async with subscribed(listen) as listener:
        fault = await live_control.fault({"hold": True}, match=EVENT)
        await live_trader.placed("BUY", gtc("0.5", "2400"))
        await live_control.get(f"/faults/{fault}", wait_held=10)
        await listener.connection.close()
        async with asyncio.timeout(20):
            while (await live_control.get(f"/faults/{fault}"))["held"]:
                pass
