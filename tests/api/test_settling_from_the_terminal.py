"""`surefill settle`, against an api on a port."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from temporalio.client import Client

from ledger.ledger import Ledger
from tests.api.conftest import TOKEN, Api, doors_over
from tests.api.serving import served
from tests.api.test_settling import an_unknown_order

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent


async def surefill(port: int, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command to its end: its exit code, and what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUREFILL_", "HBOT_"))}
    told = {"SUREFILL_API_URL": f"http://127.0.0.1:{port}", "SUREFILL_OPERATOR_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        cwd=folder,
        env={**kept, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_an_order_is_settled_from_the_terminal(ledger: Ledger, dead_temporal: Client, tmp_path: Path) -> None:
    api = Api(doors_over(ledger, dead_temporal))
    gone, filled, found = [await an_unknown_order(api) for _ in range(3)]
    async with served(ledger, dead_temporal) as port:
        because = ("--reason", "seen on the venue's page")
        code, said = await surefill(port, tmp_path, "settle", gone.trade_id, "--never-placed", *because)
        assert (code, "settled: the order is not placed, 0 of 0.01 ETH filled" in said) == (0, True), said
        code, said = await surefill(port, tmp_path, "settle", found.trade_id, "--found", "v-1", *because)
        assert (code, "looked up there" in said) == (0, True), said
        amounts = ("--filled", "0.004", "--price", "2490", "--fee", "0.1", "--json")
        code, said = await surefill(port, tmp_path, "settle", filled.trade_id, *amounts, *because)
        assert code == 0, said
        assert json.loads(said)["standing"]["filled_base"] == "0.004"
        code, said = await surefill(port, tmp_path, "settle", gone.trade_id, "--found", "v-1", *because)
        assert (code, "settled before: never placed by" in said) == (1, True), said
    sheet = await ledger.reading.trade(gone.trade_id)
    assert sheet is not None
    assert [event.decision.endswith("(terminal)") for event in sheet.timeline if event.stop == "settled"] == [True]


@pytest.mark.parametrize(
    "options", [(), ("--never-placed", "--found", "v-1"), ("--never-placed", "--price", "2500"), ("--price", "2500")]
)
async def test_saying_nothing_or_two_things_at_once_is_wrong_usage(options: tuple[str, ...], tmp_path: Path) -> None:
    assert (await surefill(1, tmp_path, "settle", "any-trade", *options, "--reason", "x"))[0] == 2
