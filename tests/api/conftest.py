"""One api in this process over a real ledger. Its Temporal is dead, unless a test brings one."""

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from api.app import create_app
from api.doors import Doors
from api.guarding import Guard
from api.intake import Intake
from api.relay import Relay
from api.running import policy_of
from config.settings import Settings
from ledger.database import Database
from ledger.ledger import Ledger
from ledger.reading import AlertLine
from tests.databases import SqliteLedgers
from tests.temporal import temporal_server
from tests.worlds import PAPER

SECRET = "shared-secret-0f3a9c71"
OWN_SECRET = "secret-of-alpha-77b0d2e4"
TOKEN = "operator-token-5d18c3f6"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
ADDRESS = "203.0.113.7"

Body = Mapping[str, Any] | bytes | str
Headers = Sequence[tuple[bytes, bytes]]


def settings(**changes: Any) -> Settings:
    given = {
        "webhook_api_key": SECRET,
        "webhook_sources": json.dumps({"alpha": OWN_SECRET}),
        "operator_token": TOKEN,
        "webhook_host": "0.0.0.0",
    }
    return Settings(**{**given, **changes})


def alert(**changes: Any) -> dict[str, Any]:
    """A plain alert; None leaves a field out."""
    fields = {"action": "BUY", "symbol": "ETH-USD", "amount": "25", **changes}
    return {name: value for name, value in fields.items() if value is not None}


def ago(seconds: float) -> str:
    """A time in an alert."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@dataclass(frozen=True)
class Answer:
    """What came back from a request that was made by hand."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Api:
    """One api, and the people who call it."""

    def __init__(self, doors: Doors, body_s: float | None = None) -> None:
        self.doors, self.ledger = doors, doors.ledger
        self.app: FastAPI = create_app(doors) if body_s is None else create_app(doors, body_s=body_s)

    async def request(
        self, method: str, path: str, body: Body = b"", *, remote: str = ADDRESS, **headers: str
    ) -> httpx.Response:
        """Ask, with `headers` that have _ for - in their names."""
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(self.app, client=(remote, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as caller:
            return await caller.request(method, path, content=content, headers=named)

    async def send(self, body: Body = b"", path: str = "/webhook", **options: str) -> httpx.Response:
        """Send an alert with the shared secret in the header."""
        return await self.request("POST", path, body, **{"X_Api_Key": SECRET, **options})

    async def operate(self, method: str, path: str, body: Any = None, **options: str) -> httpx.Response:
        """Ask with the operator token."""
        headers = {"Authorization": OPERATOR["Authorization"], "Content_Type": "application/json", **options}
        return await self.request(method, path, b"" if body is None else json.dumps(body), **headers)

    async def by_hand(
        self, method: str, target: bytes, headers: Headers, receive: Receive, remote: str = ADDRESS
    ) -> Answer:
        """A request as a server hands it over, with whatever is legal on the wire."""
        raw_path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": list(headers),
            "client": (remote, 5000),
            "server": ("api", 80),
            "state": {},
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *parts = sent
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], names, b"".join(part.get("body", b"") for part in parts))

    async def fates(self) -> list[tuple[str, str]]:
        """Fate and code of every alert on record, oldest first."""
        return [(line.fate, line.code) for line in reversed(await self.record())]

    async def record(self) -> list[AlertLine]:
        return list(await self.ledger.reading.alerts(500))


def body_of(*chunks: bytes) -> Receive:
    """A body that arrives in these chunks."""
    left = list(chunks) or [b""]

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return receive


async def never() -> Message:
    """A sender that says nothing more."""
    await anyio.sleep_forever()
    raise AssertionError


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, held so that nobody will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def client_of(port: int, **options: Any) -> Client:
    return await Client.connect(f"127.0.0.1:{port}", lazy=True, data_converter=pydantic_data_converter, **options)


@pytest.fixture
async def dead_temporal(closed_port: int) -> Client:
    return await client_of(closed_port)


@pytest.fixture
async def ledger(sqlite_ledgers: SqliteLedgers) -> AsyncIterator[Ledger]:
    database = Database(sqlite_ledgers.fresh())
    ledger = Ledger(database)
    await ledger.trades.register(PAPER)
    yield ledger
    database.close()


def doors_over(ledger: Ledger, client: Client, **changes: Any) -> Doors:
    """Doors whose relay is not at work."""
    told = settings(**changes)
    relay = Relay(ledger, client)
    guard = Guard(told.sources(), told.operator_token, told.webhook_max_alerts_per_minute)
    return Doors(
        ledger=ledger,
        client=client,
        guard=guard,
        intake=Intake(ledger, guard, policy_of(told), told.secrets(), relay.start_soon, lambda: datetime.now(UTC)),
        relay=relay,
        api_url=told.api_url,
        temporal_ui_url=told.temporal_ui_url,
    )


@pytest.fixture
def api(ledger: Ledger, dead_temporal: Client) -> Api:
    return Api(doors_over(ledger, dead_temporal, webhook_max_alerts_per_minute=1_000_000))


@pytest.fixture(scope="session")
async def temporal(anyio_backend: str) -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as environment:
        yield environment
