"""One exchange and one process for each foreign client; every test finds the market as it was in the beginning."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.simulators.clients import Control, RunningExchange, over_sockets, start_exchange
from tests.strangers.stranger import Stranger

ETH_BOOK = {
    "product_id": "ETH-USD",
    "bids": [["2499", "1"], ["2498", "2"], ["2490", "5"]],
    "asks": [["2500", "1"], ["2501", "2"], ["2510", "5"]],
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="session")
def exchange(folder: Path) -> Iterator[RunningExchange]:
    exchange = start_exchange(folder)
    exchange.read_addresses()
    yield exchange
    exchange.kill()


@pytest.fixture
async def control(exchange: RunningExchange) -> AsyncIterator[Control]:
    """The exchange behind the scenes, with nothing left of the test before."""
    async with over_sockets(exchange.control_url) as http:
        control = Control(http)
        await control.tell("DELETE", "/faults")
        for order in (await control.get("/audit"))["orders"]:
            if order["status"] == "OPEN":
                await control.tell("POST", f"/orders/{order['order_id']}/end", {"status": "CANCELLED"})
        for currency, amount in (("USD", "100000"), ("ETH", "10")):
            await control.tell("POST", "/balances", {"currency": currency, "available": amount})
        await control.tell("POST", "/book", ETH_BOOK)
        yield control


def _stranger(program: str, exchange: RunningExchange, folder: Path) -> Iterator[Stranger]:
    stranger = Stranger(program, exchange, folder / f"{program}.log")
    yield stranger
    stranger.leave()


@pytest.fixture(scope="session")
def official(exchange: RunningExchange, folder: Path) -> Iterator[Stranger]:
    """The venue's own client, coinbase-advanced-py."""
    yield from _stranger("official_client.py", exchange, folder)


@pytest.fixture(scope="session")
def via_ccxt(exchange: RunningExchange, folder: Path) -> Iterator[Stranger]:
    """CCXT's client of the venue."""
    yield from _stranger("ccxt_client.py", exchange, folder)
