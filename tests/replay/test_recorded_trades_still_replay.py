"""Workflow code changes under live trades: histories of every way that a trade can go are replayed with today's code.

Record new ones with `python -m tests.replay.record` when a way is added; never replace those of a released version.
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from worker.building import WORKFLOWS, sandbox

pytestmark = pytest.mark.anyio

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*/*.json"))


def test_there_are_histories() -> None:
    assert len(HISTORIES) >= 8


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_a_recorded_trade_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(f"trade-{path.stem}", path.read_text())  # noqa: ASYNC240 - nothing else runs
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=sandbox())
    await replayer.replay_workflow(history)
