"""The worker role: Temporal's tasks in, activities and workflows out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.exc import OperationalError
from temporalio.client import Client
from temporalio.worker import Worker

from config.settings import Settings
from ledger.ledger import Ledger
from ledger.trades import Account
from wiring.ledgers import open_ledger
from wiring.stopping import unless_stopped
from wiring.temporal import confirmed_epoch, connect_with_patience
from wiring.trading import open_channels, open_venues, rules_of
from worker.building import build_worker
from worker.listening import listening
from worker.scheduling import scheduled

log = logging.getLogger(__name__)

_RETRY_S = 1.0


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop`; what runs then is finished. Raises OtherTemporal, LedgerShape, KeyUnusable."""
    client = await unless_stopped(connect_with_patience(settings, "worker"), stop)
    if client is not None:
        with open_ledger(settings) as ledger:
            await work(settings, client, ledger, stop)


async def work(settings: Settings, client: Client, ledger: Ledger, stop: asyncio.Event) -> None:
    """Work until `stop`. Raises OtherTemporal, KeyUnusable."""
    every = timedelta(seconds=settings.reconcile_every_s)
    async with open_worker(settings, client, ledger) as worker, scheduled(client, every):
        await serve(worker, stop)


@asynccontextmanager
async def open_worker(settings: Settings, client: Client, ledger: Ledger) -> AsyncIterator[Worker]:
    """A worker that is ready to run, with its accounts registered."""
    epoch = await confirmed_epoch(client, ledger)
    venues = open_venues(settings)
    try:
        await _register(ledger, venues)
        by_name = {account.name: venue for account, venue in venues.items()}
        channels = {account.name: channel for account, channel in open_channels(settings).items()}
        async with listening(channels) as hints:
            yield build_worker(client, ledger, by_name, rules_of(settings), epoch, hints=hints)
    finally:
        for venue in venues.values():
            await venue.aclose()


async def _register(ledger: Ledger, accounts: Iterable[Account]) -> None:
    """Make the accounts known, as soon as the ledger takes it: a frozen process may hold its lock."""
    for account in accounts:
        while True:
            try:
                await ledger.trades.register(account)
                break
            except OperationalError as error:
                log.warning("ledger_away role=worker error=%s; trying again every second", type(error).__name__)
            await asyncio.sleep(_RETRY_S)


async def serve(worker: Worker, stop: asyncio.Event) -> None:
    """Run the worker until `stop`."""
    log.info("worker_started task_queue=%s", worker.task_queue)
    running, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not running.done():
        await worker.shutdown()
    await running
    log.info("worker_stopped")
