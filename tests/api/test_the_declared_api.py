"""What /openapi.json declares is what everybody gets: held to it by schemathesis, over real sockets."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest
from starlette.types import Message
from temporalio.client import Client

from api.bodies import MAX_BODY_BYTES
from domain.attempts import Send
from ledger.ledger import Ledger
from tests.api.conftest import SECRET, TOKEN, Api, body_of, doors_over, never
from tests.api.serving import say, served
from tests.fuzzing import IS_LONG, TIMES
from tests.ledger.conftest import sized_order
from tests.worlds import a_fill, a_report, a_signal, accepted, prepared

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent.parent
CASES = 5
# The schema of an alert's body is "text": what is wrong with it, it cannot say.
NOT_CHECKED = "positive_data_acceptance"
FRIENDS = f"""
[auth.openapi."operator token"]
bearer = "{TOKEN}"
"""


async def a_trade_with_everything(ledger: Ledger) -> str:
    """A trade with an attempt and fills, one of them tiny."""
    order = await sized_order(ledger, a_signal())
    send = Send(prepared=prepared(order), fence_at=order.quoted_at, resend_window=None, epoch=0)
    attempt = (await ledger.orders.admit(send)).attempt
    assert attempt is not None
    await ledger.orders.answer(attempt, accepted(order))
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.00000001", fee="0.00000001")))
    return order.trade_id


async def held_to_its_word(port: int, folder: Path, friend: str) -> tuple[int, str]:
    """Run schemathesis against the port; its exit code and what it says."""
    (folder / "schemathesis.toml").write_text(FRIENDS if friend else "")
    options = [
        "--exclude-checks",
        NOT_CHECKED,
        "--max-examples",
        str(CASES * TIMES),
        "--no-color",
        "--wait-for-schema=20",
    ]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis",
        *("run", f"http://127.0.0.1:{port}/openapi.json", "--continue-on-failure", "--generation-database=none"),
        *(*options, *([] if IS_LONG else ["--seed", "1"])),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.callers", "FRIEND": friend},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("is_friend", [False, True], ids=["stranger", "friend"])
async def test_every_answer_is_one_that_was_declared(
    ledger: Ledger, dead_temporal: Client, tmp_path: Path, is_friend: bool
) -> None:
    trade_id = await a_trade_with_everything(ledger)
    api = Api(doors_over(ledger, dead_temporal))
    async with served(ledger, dead_temporal, webhook_max_alerts_per_minute=10**6) as port:
        code, said = await held_to_its_word(port, tmp_path, f"{SECRET} {trade_id}" if is_friend else "")
        assert code == 0, said
        log.info(said)
        assert b" 200 " in await say(port, b"GET /readyz HTTP/1.0\r\n\r\n")
    assert "19 selected / 19 total" in said
    fates = {line.fate for line in await api.record() if line.source != "tests"}
    assert fates == ({"accepted", "duplicate", "refused"} if is_friend else set())


async def cut_off() -> Message:
    """A sender that has left."""
    return {"type": "http.disconnect"}


async def test_what_becomes_of_a_body_that_is_not_read_is_declared_wherever_one_is(
    ledger: Ledger, dead_temporal: Client
) -> None:
    api = Api(doors_over(ledger, dead_temporal), body_s=0.05)
    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    path_fits = {"source": "default", "secret": SECRET, "trade_id": "none"}
    declared = {path: methods["post"] for path, methods in api.app.openapi()["paths"].items() if "post" in methods}
    assert len(declared) == 9
    for path, operation in declared.items():
        for body in (body_of(b"x" * (MAX_BODY_BYTES + 1)), cut_off, never):
            answer = await api.by_hand("POST", path.format(**path_fits).encode(), headers, body)
            assert answer.status in (400, 408, 413), path
            assert str(answer.status) in operation["responses"], path
