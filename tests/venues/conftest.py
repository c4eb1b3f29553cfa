"""Adapters, each with a simulator behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest

from simulators.exchange.server import House, serve
from simulators.exchange.store import Store
from tests.simulators.clients import Control
from tests.venues.backstage import ASKS, BIDS, Backstage
from tests.venues.coinbase import CoinbaseBackstage, Script, coinbase, coinbase_backstage, exchange_settings, plain_http
from venues.coinbase.keys import ApiKey

_STAGES: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Backstage]]] = {"coinbase": coinbase_backstage}


@pytest.fixture(params=_STAGES)
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backstage]:
    """Every venue that we have an adapter for, each test with a fresh simulator of it."""
    async with _STAGES[request.param](tmp_path) as stage:
        await stage.set_book(BIDS, ASKS)
        yield stage


class Exchange:
    """The simulated exchange of Coinbase's dialect on real sockets; tests share it, one after the other."""

    def __init__(self, house: House, key: ApiKey, venue_url: str, control: Control) -> None:
        self.house, self.key, self.venue_url, self.control = house, key, venue_url, control
        self.knobs = house.exchange.knobs.model_dump(mode="json")


def _listener() -> socket.socket:
    # Only where the protocol is named does asyncio switch TCP's delays off, of 40 ms for every answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@pytest.fixture(scope="session")
async def exchange(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    settings = exchange_settings(tmp_path_factory.mktemp("exchange"))
    stop = asyncio.Event()
    with closing(Store(settings.database_path)) as store:
        house = House.build(settings, store)
        listeners = {name: _listener() for name in ("venue", "control")}
        urls = {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in listeners.items()}
        serving = asyncio.create_task(serve(house, listeners, stop))
        async with plain_http(urls["control"]) as control:
            yield Exchange(house, ApiKey.from_file(settings.key_file), urls["venue"], Control(control))
        stop.set()
        await serving


@pytest.fixture
async def backstage(exchange: Exchange) -> AsyncIterator[CoinbaseBackstage]:
    """The shared exchange as it was in the beginning, and an adapter with patience."""
    async with plain_http(exchange.venue_url) as http:
        backstage = CoinbaseBackstage(coinbase(http, exchange.key), exchange.control, exchange.house)
        await backstage.set_book(BIDS, ASKS)
        for asset in ("USD", "ETH"):
            await backstage.set_balance(asset, "1000000")
        yield backstage
        await exchange.control.tell("DELETE", "/faults")
        await backstage.turn(**exchange.knobs)


@pytest.fixture
def script(exchange: Exchange) -> Script:
    return Script(exchange.key)
