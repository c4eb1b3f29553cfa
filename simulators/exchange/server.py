"""Running the exchange: both ports in one event loop, until it is told to stop."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import uvicorn
import uvloop
from starlette.applications import Starlette

from simulators.exchange.auth import Keyring, KeyUnusable, issue_key
from simulators.exchange.control import Control, control_app
from simulators.exchange.door import Door
from simulators.exchange.events import log_event
from simulators.exchange.exchange import Exchange
from simulators.exchange.faults import FaultPlane
from simulators.exchange.feed import Feed
from simulators.exchange.limits import Buckets
from simulators.exchange.sabotage import ExposingProtocol, ExposingSocket
from simulators.exchange.settings import Settings, SettingsError, load_settings
from simulators.exchange.store import Store, StoreError
from simulators.exchange.venue import venue_app

BEAT_S = 1
# Longer than clients keep idle connections, so that we are not the one who closes under a request.
KEEP_ALIVE_S = 120
STOP_S = 3
BACKLOG = 2048


@dataclass(frozen=True)
class House:
    """An exchange with both its ports' applications, not yet listening anywhere."""

    exchange: Exchange
    faults: FaultPlane
    feed: Feed
    venue: Starlette
    control: Starlette

    @classmethod
    def build(cls, settings: Settings, store: Store) -> Self:
        exchange = Exchange(settings, store, lambda: datetime.now(UTC))
        keyring = Keyring(store)
        issue_key(keyring, settings.key_file)
        faults = FaultPlane(exchange.now)
        door = Door(exchange, keyring, Buckets(time.monotonic_ns), faults)
        feed = Feed(exchange, keyring, faults)
        control = control_app(Control(exchange, keyring, faults, door, feed))
        return cls(exchange, faults, feed, venue_app(exchange, door, feed), control)


class _Port(uvicorn.Server):
    """A server that leaves the signals to us, since there are two of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _port(app: Starlette) -> _Port:
    return _Port(
        uvicorn.Config(
            app,
            http=ExposingProtocol,
            ws=ExposingSocket,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _announce(name: str, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"exchange: {name} listening on http://{host}:{port}\n")
    sys.stdout.flush()


async def run(settings: Settings) -> None:
    """Serve both ports until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as cleanup:
        house = House.build(settings, cleanup.enter_context(contextlib.closing(Store(settings.database_path))))
        listeners = {}
        for name, port in (("venue", settings.port), ("control", settings.control_port)):
            listeners[name] = cleanup.enter_context(contextlib.closing(listen(settings.host, port)))
            _announce(name, listeners[name])
        await serve(house, listeners, stop)
    log_event("exchange_stopped")


async def serve(house: House, listeners: Mapping[str, socket.socket], stop: asyncio.Event) -> None:
    """Serve the `venue` and the `control` listener until `stop`; what is held then is dropped."""
    ports = [(_port(house.venue), listeners["venue"]), (_port(house.control), listeners["control"])]
    async with asyncio.TaskGroup() as group:
        beat = group.create_task(_beat(house))
        serving = [group.create_task(port.serve([listener])) for port, listener in ports]
        await stop.wait()
        house.faults.close()
        for port, _ in ports:
            port.should_exit = True
        await asyncio.gather(*serving)
        beat.cancel()


async def _beat(house: House) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        house.exchange.step()
        house.feed.beat()


def main() -> None:
    """Run the exchange that the environment describes; ends with SystemExit."""
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except (SettingsError, StoreError, KeyUnusable, OSError) as error:
        raise SystemExit(f"exchange: {error}") from error
    raise SystemExit(0)
