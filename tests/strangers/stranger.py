"""A foreign client in a process and a virtual environment of its own, and a way to tell it what to do."""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulators.clients import RunningExchange

HERE = Path(__file__).parent
PYTHON = HERE.parent.parent / ".venv-strangers" / "bin" / "python"


class Complaint(NamedTuple):
    """What a client raised."""

    kind: str
    text: str


class Stranger:
    """`program`: the script that speaks for the client. It reads calls and writes answers, a line of JSON each."""

    def __init__(self, program: str, exchange: RunningExchange, log: Path) -> None:
        assert PYTHON.exists(), "`make .venv-strangers/.made` makes the environment of the foreign clients"
        command = [str(PYTHON), str(HERE / program), exchange.venue_url, str(exchange.key_file)]
        pipe = subprocess.PIPE
        with log.open("a") as errors:
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        self._log = log

    def call(self, path: str, *args: Any, **options: Any) -> Any:
        """What the client's method at `path` returns."""
        answer = self._ask(path, args, options)
        assert "returned" in answer, answer
        return answer["returned"]

    def complaint(self, path: str, *args: Any, **options: Any) -> Complaint:
        """What the client's method at `path` raises."""
        answer = self._ask(path, args, options)
        assert "raised" in answer, answer
        return Complaint(answer["raised"], answer["text"])

    def _ask(self, path: str, args: Any, options: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"call": path, "args": args, "options": options}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self._log.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def leave(self) -> None:
        """End the client's process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
