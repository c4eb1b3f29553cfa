"""Bodies that are too large, too slow or cut off, and a ledger that cannot take the alert."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import make_url, text
from temporalio.client import Client

from api.bodies import MAX_BODY_BYTES
from ledger.database import Database
from ledger.ledger import Ledger
from tests.api.conftest import OPERATOR, SECRET, TOKEN, Api, Body, ago, alert, doors_over, never
from tests.databases import SqliteLedgers

pytestmark = pytest.mark.anyio

BODY = json.dumps(alert())


def padded(size: int) -> bytes:
    body = json.dumps(alert(padding="")).encode()
    return body.replace(b'"padding": "', b'"padding": "' + b"x" * (size - len(body)))


async def test_64_kib_are_taken_and_not_a_byte_more(api: Api) -> None:
    assert (await api.send(padded(MAX_BODY_BYTES))).status_code == 202
    answer = await api.send(padded(MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/webhook", "/signals", "/halt", "/trades/none/cancel"])
async def test_nobody_makes_us_read_more_in_chunks(api: Api, path: str) -> None:
    headers = [(b"x-api-key", SECRET.encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    chunks = [b"x" * 1000] * 66
    left = len(chunks)

    async def receive() -> Any:
        nonlocal left
        left -= 1
        assert left >= 0, "everything was read"
        return {"type": "http.request", "body": chunks[left], "more_body": True}

    answer = await api.by_hand("POST", path.encode(), headers, receive)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


async def test_operators_are_asked_for_their_token_before_their_body_is_read(api: Api) -> None:
    answer = await api.by_hand("POST", b"/halt", [], never)
    assert answer.status == 401


@pytest.mark.parametrize("path", ["/webhook", "/halt"])
async def test_a_body_that_does_not_come_is_not_waited_for(ledger: Ledger, dead_temporal: Client, path: str) -> None:
    api = Api(doors_over(ledger, dead_temporal), body_s=0.05)
    headers = [(b"x-api-key", SECRET.encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    answer = await api.by_hand("POST", path.encode(), headers, never)
    assert (answer.status, answer.json()["code"]) == (408, "body_too_slow")


async def test_a_body_that_is_cut_off_is_no_alert(api: Api) -> None:
    async def receive() -> Any:
        return parts.pop(0)

    parts = [{"type": "http.request", "body": BODY.encode(), "more_body": True}, {"type": "http.disconnect"}]
    answer = await api.by_hand("POST", b"/webhook", [(b"x-api-key", SECRET.encode())], receive)
    assert (answer.status, answer.json()["code"]) == (400, "body_cut_off")
    assert await api.fates() == [("refused", "body_cut_off")]


@pytest.mark.parametrize(
    ("path", "headers", "status", "fates"),
    [
        ("/webhook", {"X_Api_Key": SECRET}, 413, [("refused", "body_too_large")]),
        (f"/webhook/default/{SECRET}", {}, 413, [("refused", "body_too_large")]),
        ("/signals", OPERATOR, 413, [("refused", "body_too_large")]),
        ("/webhook", {}, 413, []),
        ("/webhook", {"X_Signature": "sha256=00"}, 413, []),
        ("/webhook", {"X_Api_Key": "wrong"}, 401, []),
        ("/webhook/nobody/secret", {}, 404, []),
    ],
)
async def test_an_alert_that_was_not_read_is_recorded_if_its_sender_is_known_without_it(
    api: Api, path: str, headers: dict[str, str], status: int, fates: list[tuple[str, str]]
) -> None:
    answer = await api.request("POST", path, padded(MAX_BODY_BYTES + 1), **headers)
    assert answer.status_code == status
    assert await api.fates() == fates


@contextmanager
def held(ledger: Ledger, url: str) -> Iterator[None]:
    """Another process holds the ledger's lock."""
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


async def test_503_is_the_answer_while_the_ledger_is_locked_and_nothing_was_traded(
    sqlite_ledgers: SqliteLedgers, dead_temporal: Client
) -> None:
    url = sqlite_ledgers.fresh()
    database = Database(url)
    ledger = Ledger(database)
    api = Api(doors_over(ledger, dead_temporal))
    await database.write(lambda tx: tx.execute(text("PRAGMA busy_timeout = 20")).close())
    bodies: list[Body] = [alert(id="1"), alert(action="HOLD"), alert(time=ago(500)), b"\x00"]
    with held(ledger, url):
        for body in bodies:
            answer = await api.send(body)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
            assert answer.headers["Retry-After"] == "5"
        assert (await api.operate("GET", "/trades")).json()["trades"] == []
    assert (await api.send(bodies[0])).json()["duplicate"] is False
    assert await api.fates() == [("accepted", "")]
    database.close()


async def test_503_is_the_answer_while_the_ledger_is_gone(closed_port: int, dead_temporal: Client) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{closed_port}/none")
    api = Api(doors_over(Ledger(database), dead_temporal))
    answer = await api.send(alert())
    assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
    assert (await api.request("POST", "/webhook", alert())).status_code == 401
    database.close()
