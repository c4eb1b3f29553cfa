"""Resting orders on the real exchange, whose user channel is live, dead, silent, or lies.

Looks without a hint are put off for ten minutes, so that whatever is seen in these tests was seen by a hint.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from decimal import Decimal

import anyio
import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities import policies
from activities.hints import Hint
from activities.watching import Watching
from ledger.ledger import Ledger
from ledger.reading import TradeSheet
from tests.simulators.clients import Control, Json, RunningExchange, over_sockets, start_exchange
from tests.venues.coinbase import coinbase, plain_http
from tests.workflows.conftest import Desk, Handle, open_desk
from tests.worlds import PAPER, a_signal
from venues.coinbase.channel import UserChannel
from venues.coinbase.keys import ApiKey
from worker.listening import listen

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BATCH = "GET /api/v3/brokerage/orders/historical/batch"
USER: Json = {"method": "EVENT", "path_prefix": "/user"}


class SeenHint(Hint):
    """Shows who waits for it."""

    waiting = 0

    async def more_than(self, heard: int) -> None:
        self.waiting += 1
        try:
            await super().more_than(heard)
        finally:
            self.waiting -= 1


class Floor:
    """A desk on an exchange, and the exchange behind the scenes."""

    def __init__(self, desk: Desk, control: Control, hint: SeenHint, listening: "asyncio.Task[None]") -> None:
        self.desk, self.control, self.hint, self._listening = desk, control, hint, listening

    async def stop_listening(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def rest(self) -> Handle:
        """A trade whose order rests, and whose watcher waits for a hint."""
        handle = await self.desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await self.desk.until(handle, rests)
        await self.until(lambda: self.hint.waiting > 0 or not self.hint.is_trusted)
        return handle

    async def sell(self, size: str) -> None:
        trade = {"product_id": "ETH-USD", "side": "SELL", "price": "2400", "size": size, "queue_ahead": "0"}
        await self.control.tell("POST", "/trades", trade)

    async def until(self, is_so: Callable[[], bool]) -> None:
        with anyio.fail_after(30):
            while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
                await anyio.sleep(0.01)

    async def looks(self) -> int:
        """How often the watcher has asked the exchange."""
        return int((await self.control.get("/audit/requests")).get(BATCH, 0))

    async def told(self) -> int:
        """How many messages the exchange has told the listener."""
        ((connection),) = (await self.control.get("/connections"))["connections"]
        return int(connection["told"])

    async def until_more(self, counted: Callable[[], Awaitable[int]], than: int) -> None:
        with anyio.fail_after(30):
            while await counted() <= than:  # noqa: ASYNC110 - the exchange counts, and tells nobody
                await anyio.sleep(0.01)


def rests(sheet: TradeSheet) -> bool:
    return any(order.state == "open" for order in sheet.orders)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExchange]:
    exchange = start_exchange(tmp_path_factory.mktemp("exchange"))
    exchange.read_addresses()
    yield exchange
    exchange.kill()


@pytest.fixture
async def floor(
    temporal: WorkflowEnvironment,
    ledger: Ledger,
    exchange: RunningExchange,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Floor]:
    monkeypatch.setattr(policies, "WAIT_FOR_HINT_S", 600)
    monkeypatch.setattr(policies, "SILENCE_S", 60)
    monkeypatch.setattr(policies, "LISTEN_LAST_PAUSE_S", 1)
    key, hint = ApiKey.from_file(exchange.key_file), SeenHint()
    channel = UserChannel(exchange.venue_url, key, 5, trust_env=False)
    async with AsyncExitStack() as opened:
        control = Control(await opened.enter_async_context(over_sockets(exchange.control_url)))
        await control.tell("POST", "/prices", {"product_id": "ETH-USD", "price": "2500"})
        venue = coinbase(await opened.enter_async_context(plain_http(exchange.venue_url)), key)
        listening = asyncio.create_task(listen(PAPER.name, channel, hint))
        # A desk takes any venue, and most tests bring one in memory.
        opening = open_desk(temporal, ledger, venue, real_time=True, hints={PAPER.name: hint})  # type: ignore[arg-type]
        desk = await opened.enter_async_context(opening)
        floor = Floor(desk, control, hint, listening)
        await floor.until(lambda: hint.is_live)
        yield floor
        await floor.stop_listening()
        await control.tell("DELETE", "/faults")


async def filled(handle: Handle) -> Decimal:
    outcome = (await handle.result()).outcome
    assert outcome.kind == "filled"
    return outcome.filled_base


async def test_a_fill_reaches_the_ledger_by_the_hint(floor: Floor) -> None:
    handle = await floor.rest()
    await floor.sell("0.004")
    await floor.desk.until(handle, lambda sheet: len(sheet.fills) == 1)
    await floor.sell("0.006")
    assert await filled(handle) == Decimal("0.01")


async def test_without_a_hint_a_live_channel_is_trusted_to_have_nothing_to_tell(floor: Floor) -> None:
    handle = await floor.rest()
    looks = await floor.looks()
    await floor.until_more(floor.told, await floor.told() + 2)
    assert await floor.looks() == looks
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")


async def test_a_message_that_was_lost_is_noticed_by_the_next_one(floor: Floor) -> None:
    handle = await floor.rest()
    await floor.control.fault({"drop": True}, match=USER)
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")


@pytest.mark.parametrize("do", [{"duplicate": True}, {"status": 200, "body": "no JSON"}, {"reset": True}])
async def test_a_message_that_went_wrong_is_hint_enough(floor: Floor, do: Json) -> None:
    handle = await floor.rest()
    await floor.control.fault(do, match=USER)
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")


async def test_a_lie_makes_us_look_and_believe_nothing(floor: Floor) -> None:
    handle = await floor.rest()
    (order,) = (await floor.desk.sheet(handle)).orders
    said = {"order_id": order.venue_order_id, "status": "FILLED", "cumulative_quantity": "99", "leaves_quantity": "0"}
    lie = {"channel": "user", "sequence_num": 0, "events": [{"type": "update", "orders": [said]}]}
    await floor.control.fault({"status": 200, "body": lie}, match={"method": "EVENT", "path_prefix": "/heartbeats"})
    await floor.until_more(floor.looks, await floor.looks())
    sheet = await floor.desk.sheet(handle)
    assert ([order.state for order in sheet.orders], sheet.fills) == (["open"], ())
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")


async def test_with_the_channel_cut_orders_are_looked_up_as_before(floor: Floor) -> None:
    handle = await floor.rest()
    await floor.control.fault({"status": 503}, match={"method": "CONNECT"}, times=None)
    await floor.control.tell("DELETE", "/connections")
    await floor.until(lambda: not floor.hint.is_live)
    await floor.sell("0.004")
    await floor.desk.until(handle, lambda sheet: len(sheet.fills) == 1)
    await floor.control.tell("DELETE", "/faults")
    await floor.until(lambda: floor.hint.is_live)
    await floor.sell("0.006")
    assert await filled(handle) == Decimal("0.01")


async def test_a_silent_channel_is_as_good_as_none(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await floor.rest()
    monkeypatch.setattr(policies, "SILENCE_S", 1)
    await floor.until_more(floor.told, await floor.told())
    await floor.control.fault({"drop": True}, match={"method": "EVENT"}, times=None)
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")


async def test_a_channel_that_keeps_changes_to_itself_is_not_waited_for(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live by all signs, but another connection gets what there is to tell."""
    await floor.stop_listening()
    floor.hint.set_live(True)
    monkeypatch.setattr(policies, "WAIT_FOR_HINT_S", 1)
    handle = await floor.rest()
    await floor.sell("0.004")
    await floor.until(lambda: not floor.hint.is_trusted)
    monkeypatch.setattr(policies, "WAIT_FOR_HINT_S", 600)
    await floor.sell("0.006")
    assert await filled(handle) == Decimal("0.01")


async def test_a_worker_that_stops_does_not_wait_for_hints(floor: Floor) -> None:
    handle = await floor.rest()
    watching = Watching(floor.desk.ledger, {PAPER.name: floor.desk.venue}, floor.desk.client, {PAPER.name: floor.hint})
    environment = ActivityEnvironment()
    look = asyncio.create_task(environment.run(watching.watch_orders, PAPER.name))
    await floor.until(lambda: floor.hint.waiting == 2)
    environment.worker_shutdown()
    assert await look == 1
    await floor.sell("1")
    assert await filled(handle) == Decimal("0.01")
