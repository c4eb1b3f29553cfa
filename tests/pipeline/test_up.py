"""Issue: the local stack. It starts, supervises, stops, and says what is in its way."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pipeline.stack import free_port, until

pytestmark = pytest.mark.slow


class Up:
    """One `surefill up` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        names = ("WEBHOOK_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT", "EXCHANGE_PORT", "EXCHANGE_CONTROL_PORT")
        self.ports = {name: free_port() for name in names}
        self.folder, self.log = folder, folder / "up.log"
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("SUREFILL_", "TEMPORAL_", "HBOT_"))
        }
        self.environ = {**kept, **{f"SUREFILL_{name}": str(port) for name, port in self.ports.items()}}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> "Up":
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "cli", "up", *options]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)
        until(
            lambda: "surefill is up:" in self.said() or (self.process and self.process.poll() is not None),
            "it to be up",
        )
        assert "surefill is up:" in self.said(), self.said()
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=90)

    def pid_of(self, child: str) -> int:
        found = re.findall(rf"child_started name={child} pid=(\d+)", self.said())
        return int(found[-1])


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path)
    yield up
    if up.process is not None and up.process.poll() is None:
        up.end(signal.SIGTERM)


def test_it_comes_up_trades_and_leaves_nothing_behind(up: Up) -> None:
    up.start()
    (command,) = re.findall(r"curl .*", up.said())
    url, body = re.findall(r"http://\S+|\{.*\}", command)
    answer = httpx.post(url, content=body, trust_env=False)
    assert answer.status_code == 202, answer.text
    trade_id = answer.json()["trade_id"]
    done = until(lambda: is_closed(up, trade_id), "the trade to close")
    assert done["outcome"]["kind"] == "filled"
    assert (up.folder / ".surefill" / "operator-token").stat().st_mode & 0o077 == 0
    children = [up.pid_of(name) for name in ("temporal", "exchange", "worker", "api")]
    assert up.end(signal.SIGINT) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_a_child_that_dies_is_started_again_and_open_trades_go_on(up: Up) -> None:
    up.start()
    sent = json.loads(up.run("send", "BUY", "ETH-USD", "--usd", "24", "--limit", "100", "--no-wait", "--json").stdout)
    until(lambda: "open" in up.run("trades").stdout, "the order to rest")
    os.kill(up.pid_of("worker"), signal.SIGKILL)
    os.kill(up.pid_of("api"), signal.SIGKILL)
    until(lambda: up.said().count("child_started name=worker") == 2, "the worker to be back")
    until(lambda: up.said().count("api_started") == 2, "the api to be back")
    assert up.end(signal.SIGTERM) == 0
    up.start()
    assert up.run("cancel", sent["trade_id"], "--reason", "enough").returncode == 0
    done = until(lambda: is_closed(up, sent["trade_id"]), "the trade to close")
    assert (done["outcome"]["kind"], done["outcome"]["reason"]) == ("cancelled", "enough")


def test_one_process_does_it_too(up: Up) -> None:
    up.start("--one-process")
    done = up.run("send", "BUY", "ETH-USD", "--usd", "25")
    assert done.returncode == 0, done.stdout + done.stderr
    assert up.end(signal.SIGTERM) == 0


def test_its_children_die_with_it(up: Up) -> None:
    up.start()
    children = [up.pid_of(name) for name in ("temporal", "exchange", "worker", "api")]
    assert up.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the children to end")


def test_a_taken_port_is_named_with_the_setting_that_moves_it(up: Up) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", up.ports["TEMPORAL_UI_PORT"]))
        other.listen()
        done = up.run("up")
    assert done.returncode == 1
    assert f"port {up.ports['TEMPORAL_UI_PORT']}" in done.stderr
    assert "SUREFILL_TEMPORAL_UI_PORT moves it" in done.stderr


def test_a_misspelt_setting_stops_it_with_the_right_name(up: Up) -> None:
    up.environ["SUREFILL_MAX_DAILY_TRADE"] = "5"
    done = up.run("up")
    assert done.returncode == 1
    assert "SUREFILL_MAX_DAILY_TRADES" in done.stderr


def is_closed(up: Up, trade_id: str) -> dict[str, Any] | None:
    done = up.run("trade", trade_id, "--json")
    if done.returncode != 0:
        return None
    trade: dict[str, Any] = json.loads(done.stdout)
    return trade if trade["status"] == "closed" else None
