"""The floor's processes: beside the trades' own, on the same server."""

import json
import subprocess
import sys
from typing import Any

ROLES = {"split": ("worker", "client"), "all": ("all",)}


class Floor:
    """Runs the bare workflow in the processes of `mode`: a worker and a client, or both in one."""

    def __init__(self, mode: str, address: str) -> None:
        self._processes = [self._start(role, address) for role in ROLES[mode]]
        self.pids = {role: process.pid for role, process in zip(ROLES[mode], self._processes, strict=True)}

    def measure(self, count: int, at_once: int, every_s: float) -> dict[str, Any]:
        """See bench.floor.measure."""
        client = self._processes[-1]
        assert client.stdin is not None
        client.stdin.write(json.dumps({"count": count, "at_once": at_once, "every_s": every_s}) + "\n")
        client.stdin.flush()
        measured: dict[str, Any] = _answer(client)
        return measured

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self, role: str, address: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.floor", role, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert _answer(process) == "ready"
        return process


def _answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the floor's process ended: see its error above")
    return json.loads(line)
