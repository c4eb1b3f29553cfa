"""The api role: wiring, and serving until told to stop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from temporalio.client import Client

from api.app import create_app
from api.doors import Doors
from api.guarding import Guard
from api.intake import Intake, Policy
from api.relay import Relay
from api.waking import Waking
from config.settings import Settings
from ledger.ledger import Ledger
from wiring.ledgers import open_ledger
from wiring.temporal import connect

log = logging.getLogger(__name__)

# Longer than a sender waits, shorter than a supervisor does.
_STOP_S = 5
_BACKLOG = 2048


class PortTaken(Exception):
    """Somebody listens there already."""


async def run_api(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Temporal may be away: alerts are kept, and trades start when it is back. Raises PortTaken."""
    client = await connect(settings, "api", lazy=True)
    with open_ledger(settings) as ledger:
        async with open_doors(settings, ledger, client) as doors:
            await serve(settings, doors, stop)


@asynccontextmanager
async def open_doors(settings: Settings, ledger: Ledger, client: Client) -> AsyncIterator[Doors]:
    """Everything the handlers need, with the relay at work."""
    relay = Relay(ledger, client)
    guard = Guard(settings.sources(), settings.operator_token, settings.webhook_max_alerts_per_minute)
    waking = Waking()
    intake = Intake(ledger, guard, policy_of(settings), settings.secrets(), relay.start_soon, waking.received_at)
    relaying, ticking = asyncio.create_task(relay.run()), asyncio.create_task(waking.run())
    try:
        yield Doors(
            ledger=ledger,
            client=client,
            guard=guard,
            intake=intake,
            relay=relay,
            api_url=settings.api_url,
            temporal_ui_url=settings.temporal_ui_url,
        )
    finally:
        ticking.cancel()
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying


def policy_of(settings: Settings) -> Policy:
    """What alerts are held to."""
    return Policy(
        max_signal_age_s=settings.max_signal_age_s,
        duplicate_window_s=settings.duplicate_window_s,
        tradable_pairs=settings.tradable_pairs,
        cex_enabled=settings.cex_enabled,
    )


async def serve(settings: Settings, doors: Doors, stop: asyncio.Event) -> None:
    """Serve the api until `stop`; answers that are being given are finished."""
    with contextlib.closing(_listen(settings.webhook_host, settings.webhook_port)) as listener:
        server = _Server(
            uvicorn.Config(
                create_app(doors),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_STOP_S,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            )
        )
        serving = asyncio.create_task(server.serve([listener]))
        stopping = asyncio.create_task(stop.wait())
        log.info("api_started host=%s port=%d", *listener.getsockname()[:2])
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving
        log.info("api_stopped")


MAX_HEAD_BYTES = 32 * 1024


class _Server(uvicorn.Server):
    """Signals are the command's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"{host}:{port} cannot be listened on ({error.strerror}): SUREFILL_WEBHOOK_PORT moves it"
        ) from error
    return listener
