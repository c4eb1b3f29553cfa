"""Commands that run something: everything at once, or one role alone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from cli.loading import settings_or_exit
from config.settings import Settings

Role = Callable[[Settings, asyncio.Event], Awaitable[None]]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, api, worker, together, exchange, migrate, confirm_temporal, polling):
        app.command(name=_NAMES.get(command.__name__))(command)


def up(
    one_process: Annotated[
        bool, typer.Option("--one-process", help="Run api and worker as one process (`surefill all`).")
    ] = False,
) -> None:
    """Start everything on this machine: Temporal, the paper exchange, worker and api; Ctrl-C stops it."""
    from cli.up import run_up

    settings = settings_or_exit()

    async def stack(_: Settings, stop: asyncio.Event) -> None:
        await run_up(settings, stop, one_process=one_process)

    _run(stack, settings)


def api() -> None:
    """Run the api alone: the webhook and what operators use."""
    from api.running import run_api

    _run(run_api, settings_or_exit())


def worker() -> None:
    """Run a worker alone; start as many as you like."""
    from worker.running import run_worker

    # Beside an api on the same machine it gives way: in a flood alerts are answered first, and trades wait their turn.
    os.nice(_WORKER_GIVES_WAY)
    _run(run_worker, settings_or_exit())


def together() -> None:
    """Run api and worker in one process, on one Temporal client: the shortest way from an alert to its order."""
    _run(_api_and_worker, settings_or_exit())


def exchange() -> None:
    """Run the paper exchange alone; EXCHANGE_ variables set it up."""
    from simulators.exchange import server

    server.main()


def migrate() -> None:
    """Bring the ledger to the shape that this version needs."""
    from ledger.database import Database
    from ledger.migrating import migrate as apply

    database = Database(settings_or_exit().database_url)
    try:
        apply(database)
    finally:
        database.close()
    print("the ledger has the shape that this version needs")


def confirm_temporal() -> None:
    """Let the Temporal that is reached now drive the ledger, because the one before is lost for good.

    Trades that have not ended go on there, from what the ledger knows.
    """
    _run(_confirm_temporal, settings_or_exit())


def polling() -> None:
    """Say whether a worker on this machine asks Temporal for work: exit code 1 if none does. For health checks."""
    _run(_polling, settings_or_exit())


_WORKER_GIVES_WAY = 10
_NAMES = {"together": "all"}


async def _api_and_worker(settings: Settings, stop: asyncio.Event) -> None:
    from api.running import open_doors, serve
    from wiring.ledgers import open_ledger
    from wiring.stopping import unless_stopped
    from wiring.temporal import connect, connect_with_patience
    from worker.running import work

    async def join() -> None:
        if (client := await unless_stopped(connect_with_patience(settings, "all"), stop)) is not None:
            doors.relay.share(client)
            await work(settings, client, ledger, stop)

    with open_ledger(settings) as ledger:
        # Alerts are taken before Temporal is there; no worker takes a client that connects later, so it brings its own.
        client = await connect(settings, "all", lazy=True)
        async with open_doors(settings, ledger, client) as doors, asyncio.TaskGroup() as group:
            group.create_task(serve(settings, doors, stop))
            group.create_task(join())


async def _confirm_temporal(settings: Settings, _stop: asyncio.Event) -> None:
    from wiring.ledgers import open_ledger
    from wiring.temporal import connect, namespace_id

    client = await connect(settings, "cli")
    with open_ledger(settings) as ledger:
        epoch = await ledger.switches.confirm_epoch(await namespace_id(client), "a person")
    print(f"namespace id {epoch.namespace_id} drives this ledger, epoch {epoch.epoch}")


async def _polling(settings: Settings, _stop: asyncio.Event) -> None:
    from worker.polling import CannotAsk, last_poll

    try:
        found = await last_poll(settings)
    except CannotAsk as error:
        raise SystemExit(str(error)) from error
    if found is None:
        raise SystemExit("no worker on this machine asks Temporal for work")
    print(f"{found.identity} asked for work {found.age_s:.0f} s ago")


def _run(role: Role, settings: Settings) -> None:
    """Run a role until it ends, or until SIGINT or SIGTERM tells it to."""
    import uvloop

    from wiring.log import set_up_log

    set_up_log(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_until_told(role, settings))
        except Exception as error:
            if (said := _for_people(error)) is None:
                raise
            raise SystemExit(said) from error


async def _until_told(role: Role, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await role(settings, stop)


def _for_people(error: BaseException) -> str | None:
    """What an expected error says; None for one that nobody expected."""
    from api.running import PortTaken
    from cli.up import CannotStart
    from ledger.shape import LedgerShape
    from venues.coinbase.keys import KeyUnusable
    from wiring.temporal import OtherTemporal

    if isinstance(error, ExceptionGroup):
        return next((said for inner in error.exceptions if (said := _for_people(inner))), None)
    expected = (PortTaken, CannotStart, LedgerShape, KeyUnusable, OtherTemporal)
    return str(error) if isinstance(error, expected) else None
