"""The exchange as a process: what it prints, how it stops, and what it remembers."""

import asyncio
import signal
import uuid
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.simulators.clients import Control, Trader, gtc, market, market_buy, over_sockets
from tests.simulators.conftest import Launch

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_kill_and_restart_lose_nothing_that_was_answered(launch: Launch) -> None:
    cid, first = str(uuid.uuid4()), launch()
    async with over_sockets(first.venue_url) as http, over_sockets(first.control_url) as control_http:
        trader, control = Trader(http, first.key_file), Control(control_http)
        resting = await trader.placed("BUY", gtc("1", "2400"))
        filled = await trader.placed("BUY", market_buy("100"), client_order_id=cid)
        await control.tell("POST", "/prices", {"product_id": "BTC-USD", "price": "70000"})
        before = (
            await control.get("/audit"),
            await control.get("/balances"),
            await trader.get("/product_book", product_id="ETH-USD"),
        )
        first.kill()
    second = launch()
    async with over_sockets(second.venue_url) as http, over_sockets(second.control_url) as control_http:
        trader, control = Trader(http, second.key_file), Control(control_http)
        after = (
            await control.get("/audit"),
            await control.get("/balances"),
            await trader.get("/product_book", product_id="ETH-USD"),
        )
        for book in (before[2], after[2]):
            del book["pricebook"]["time"]
        assert after == before
        assert (await control.get("/prices"))["BTC-USD"]["mid"] == "70000"
        assert await trader.placed("BUY", market_buy("100"), client_order_id=cid) == filled
        await control.tell("POST", "/prices", {"product_id": "ETH-USD", "price": "2300"})
        assert (await trader.order(resting))["status"] == "FILLED"


async def test_a_post_in_flight_at_the_kill_is_in_the_audit(launch: Launch) -> None:
    cid, first = str(uuid.uuid4()), launch()
    async with over_sockets(first.venue_url) as http, over_sockets(first.control_url) as control_http:
        trader, control = Trader(http, first.key_file), Control(control_http)
        fault = await control.fault({"hold": True})
        call = asyncio.create_task(trader.submit("SELL", market("1"), client_order_id=cid))
        await control.get(f"/faults/{fault}", wait_held=10)
        first.kill()
        with pytest.raises(httpx.TransportError):
            await call
    second = launch()
    async with over_sockets(second.control_url) as control_http:
        control = Control(control_http)
        assert await control.results(cid) == ["received"]
        assert await control.orders(cid) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_and_drops_what_is_held(launch: Launch, number: signal.Signals) -> None:
    cid, first = str(uuid.uuid4()), launch()
    async with over_sockets(first.venue_url) as http, over_sockets(first.control_url) as control_http:
        trader, control = Trader(http, first.key_file), Control(control_http)
        fault = await control.fault({"hold": True})
        call = asyncio.create_task(trader.submit("SELL", market("1"), client_order_id=cid))
        await control.get(f"/faults/{fault}", wait_held=10)
        first.process.send_signal(number)
        with pytest.raises(httpx.TransportError):
            await call
    assert first.wait() == 0
    log = first.log.read_text()
    assert "exchange_stopped" in log
    assert "Traceback" not in log
    second = launch()
    async with over_sockets(second.control_url) as control_http:
        assert await Control(control_http).results(cid) == ["dropped"]


async def test_it_stops_cleanly_while_somebody_listens(launch: Launch) -> None:
    exchange = launch()
    async with connect(exchange.venue_url.replace("http", "ws"), proxy=None) as listener:
        await listener.send('{"type": "subscribe", "channel": "heartbeats"}')
        await listener.recv()
        exchange.process.send_signal(signal.SIGTERM)
        await listener.wait_closed()
    assert exchange.wait() == 0
    assert "Traceback" not in exchange.log.read_text()


async def test_the_log_has_events_with_fields_and_no_tokens(launch: Launch) -> None:
    exchange = launch(LOG_LEVEL="DEBUG")
    async with over_sockets(exchange.venue_url) as http:
        order_id = await Trader(http, exchange.key_file).placed("BUY", market_buy("10"))
    exchange.kill()
    log = exchange.log.read_text()
    assert f"order_created order_id={order_id} client_order_id=" in log
    assert "request_answered method=POST path=/api/v3/brokerage/orders" in log
    assert "Bearer" not in log
    assert "eyJ" not in log


async def test_prices_move_by_themselves_unless_fixed(launch: Launch) -> None:
    exchange = launch(PRICES="synthetic")
    async with over_sockets(exchange.control_url) as control_http:
        control = Control(control_http)
        start = await control.get("/prices")
        while await control.get("/prices") == start:
            await asyncio.to_thread(exchange.process.poll)
    assert Decimal(start["BTC-USD"]["mid"]) == 67060


def test_a_second_exchange_on_the_same_database_does_not_start(launch: Launch, tmp_path: Path) -> None:
    first = launch()
    with pytest.raises(AssertionError, match=r"exchange.db: database is locked"):
        launch()
    assert first.process.poll() is None


def test_an_unknown_setting_stops_the_start(launch: Launch) -> None:
    with pytest.raises(
        AssertionError, match="EXCHANGE_SEEDS is no setting of the exchange; the nearest is EXCHANGE_SEED"
    ):
        launch(SEEDS="1")
