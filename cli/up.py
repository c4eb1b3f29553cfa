"""`surefill up`: everything on one machine, supervised."""

import asyncio
import errno
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from cli import local_secrets, local_temporal
from cli.supervising import Child, ChildNotReady, Supervisor
from config.settings import Settings
from ledger.database import Database
from ledger.ledger import Ledger
from ledger.migrating import migrate
from wiring.temporal import connect, namespace_id
from worker.polling import CannotAsk, last_poll

_ASK = httpx.Timeout(1.0)


class CannotStart(Exception):
    """Something that `surefill up` needs is not to be had; the message says what to change."""


async def run_up(settings: Settings, stop: asyncio.Event, *, one_process: bool) -> None:
    """Start everything, say where it is, and keep it running until `stop`. Raises CannotStart."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with _alone_in(settings.state_dir):
        _check_ports(settings)
        _migrate(settings)
        made = local_secrets.make_missing(settings)
        supervisor = Supervisor()
        starting = asyncio.create_task(_start(supervisor, settings, made, one_process=one_process))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                print(_where_it_is(settings, made), flush=True)
                await stopping
        except ChildNotReady as error:
            raise CannotStart(str(error)) from error
        finally:
            starting.cancel()
            print("surefill is stopping; open trades go on at the next start", flush=True)
            await supervisor.stop()


async def _start(supervisor: Supervisor, settings: Settings, made: Mapping[str, str], *, one_process: bool) -> None:
    temporal = [_temporal(settings)] if _own_temporal() else []
    exchange = [] if settings.is_live else [_exchange(settings)]
    await supervisor.start(*temporal, *exchange)
    if temporal:
        await _prepare_own_temporal(settings)
    roles = ["all"] if one_process else ["worker", "api"]
    await supervisor.start(*(_role(settings, role, made) for role in roles))


def _temporal(settings: Settings) -> Child:
    return Child("temporal", local_temporal.command(settings), lambda: _temporal_answers(settings))


def _exchange(settings: Settings) -> Child:
    environ = {
        "EXCHANGE_PORT": str(settings.exchange_port),
        "EXCHANGE_CONTROL_PORT": str(settings.exchange_control_port),
        "EXCHANGE_DATABASE_PATH": str(settings.state_dir / "exchange.db"),
        "EXCHANGE_KEY_FILE": str(settings.paper_key_file),
        "EXCHANGE_LOG_LEVEL": "WARNING",
    }
    url = f"http://127.0.0.1:{settings.exchange_control_port}/healthz"
    return Child(
        "exchange", [*_ourselves(), "exchange"], lambda: _answers(url), {**environ, **_set_by_hand("EXCHANGE_")}
    )


def _role(settings: Settings, role: str, made: Mapping[str, str]) -> Child:
    async def is_ready() -> bool:
        serves = role == "worker" or await _answers(f"{settings.api_url}/healthz")
        return serves and (role == "api" or await _has_worker(settings))

    # A worker finishes what it is doing; the api has nothing that takes long.
    return Child(role, [*_ourselves(), role], is_ready, made, stop_s=10 if role == "api" else 30)


def _ourselves() -> Sequence[str]:
    return [sys.executable, "-m", "cli"]


def _set_by_hand(prefix: str) -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(prefix)}


def _own_temporal() -> bool:
    """Whether we start a Temporal: not when the environment names one."""
    return not os.environ.get("TEMPORAL_ADDRESS")


async def _temporal_answers(settings: Settings) -> bool:
    with suppress(RuntimeError, RPCError, TimeoutError):
        await namespace_id(await connect(settings, "up"))
        return True
    return False


async def _has_worker(settings: Settings) -> bool:
    """Whether a worker of this machine asks Temporal for trades."""
    with suppress(CannotAsk):
        return await last_poll(settings) is not None
    return False


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=_ASK, trust_env=False) as http:
        with suppress(httpx.HTTPError):
            return (await http.get(url)).status_code == httpx.codes.OK
    return False


async def _prepare_own_temporal(settings: Settings) -> None:
    """Keep its histories long enough, and let it drive the ledger: it is ours, a lost database included."""
    client = await connect(settings, "up")
    await local_temporal.keep_histories(client)
    database = Database(settings.database_url)
    try:
        await Ledger(database).switches.confirm_epoch(await namespace_id(client), "surefill up")
    finally:
        database.close()


def _migrate(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        migrate(database)
    except SQLAlchemyError as error:
        raise CannotStart(
            f"the ledger cannot be opened ({error.__class__.__name__}): see SUREFILL_DATABASE_URL"
        ) from error
    finally:
        database.close()


def _check_ports(settings: Settings) -> None:
    """Raises CannotStart that names the port which is taken and the setting which moves it."""
    wanted = [(settings.webhook_port, "the api", "SUREFILL_WEBHOOK_PORT")]
    if _own_temporal():
        wanted.append((settings.temporal_port, "Temporal", "SUREFILL_TEMPORAL_PORT"))
        wanted.append((settings.temporal_ui_port, "Temporal's page", "SUREFILL_TEMPORAL_UI_PORT"))
    if not settings.is_live:
        wanted.append((settings.exchange_port, "the paper exchange", "SUREFILL_EXCHANGE_PORT"))
        wanted.append((settings.exchange_control_port, "its control port", "SUREFILL_EXCHANGE_CONTROL_PORT"))
    for port, whose, setting in wanted:
        if _is_taken(port):
            raise CannotStart(f"port {port}, for {whose}, is taken by another program: {setting} moves it")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no second `surefill up` starts a second Temporal on the same file."""
    with (folder / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"surefill is up already in {folder}: SUREFILL_STATE_DIR gives another one a place"
            ) from None
        yield


def _where_it_is(settings: Settings, made: Mapping[str, str]) -> str:
    """What a person wants to know now, with lines to copy."""
    secret = made.get("SUREFILL_WEBHOOK_API_KEY") or settings.webhook_api_key.get_secret_value()
    alert = json.dumps({"api_key": secret, "action": "BUY", "symbol": "ETH-USD", "exchange": "coinbase", "amount": 25})
    mode = "LIVE trading, real money" if settings.is_live else "paper trading, nothing here costs money"
    return f"""
surefill is up: {mode}

  Temporal UI   {settings.temporal_ui_url}/namespaces/default/workflows
  api           {settings.api_url}/docs
  files         {settings.state_dir}/

Send an alert, in the format of the bot before:

  curl -X POST {settings.api_url}/webhook/hummingbot -d '{alert}'

Or from the terminal, and look at it:

  {_command()} send BUY ETH-USD --usd 25
  {_command()} trades

Ctrl-C stops everything.
"""


def _command() -> str:
    """How this command was called, for a line to copy."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "surefill" else "surefill"
