import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from simulators.exchange.server import House, listen, serve
from simulators.exchange.settings import Settings
from simulators.exchange.store import Store
from tests.simulators.clients import Control, RunningExchange, Trader, in_process, over_sockets, start_exchange

Launch = Callable[..., RunningExchange]


class Live(NamedTuple):
    venue_url: str
    control_url: str


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_path=tmp_path / "exchange.db",
        key_file=tmp_path / "key.json",
        prices="fixed",
        private_requests_per_s=0,
        public_requests_per_s=0,
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database_path)
    yield store
    store.close()


@pytest.fixture
def house(settings: Settings, store: Store) -> House:
    return House.build(settings, store)


@pytest.fixture
async def trader(house: House, settings: Settings) -> AsyncIterator[Trader]:
    async with in_process(house.venue) as http:
        yield Trader(http, settings.key_file)


@pytest.fixture
async def control(house: House) -> AsyncIterator[Control]:
    async with in_process(house.control) as http:
        yield Control(http)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start an exchange as a process of its own; all of them are stopped in the end."""
    running: list[RunningExchange] = []

    def start(**changes: str) -> RunningExchange:
        exchange = start_exchange(tmp_path, **changes)
        running.append(exchange)
        exchange.read_addresses()
        return exchange

    yield start
    for exchange in running:
        exchange.kill()


@pytest.fixture
async def live(house: House) -> AsyncIterator[Live]:
    """The exchange on real sockets, in this process."""
    stop = asyncio.Event()
    listeners = {name: listen("127.0.0.1", 0) for name in ("venue", "control")}
    urls = {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in listeners.items()}
    serving = asyncio.create_task(serve(house, listeners, stop))
    yield Live(urls["venue"], urls["control"])
    stop.set()
    await serving


@pytest.fixture
async def live_trader(live: Live, settings: Settings) -> AsyncIterator[Trader]:
    async with over_sockets(live.venue_url) as http:
        yield Trader(http, settings.key_file)


@pytest.fixture
async def live_control(live: Live) -> AsyncIterator[Control]:
    async with over_sockets(live.control_url) as http:
        yield Control(http)
