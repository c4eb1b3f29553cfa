"""The house that is struck: every part a process of its own, as in production, on loopback."""

import resource
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.pipeline.stack import SECRET, Stack

_RICH = "USD=100000000,ETH=100000,BTC=1000"
_LOCK_PATIENCE_S = 30
_ANSWER_S = 5.0


class House(Stack):
    """A stack that can be made whole again. `twins`: two workers and two apis; `mutant`: what the workers get wrong."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str] | None = None, *, twins: bool = False, mutant: str = ""
    ) -> None:
        super().__init__(folder, {"EXCHANGE_BALANCES": _RICH, **(environ or {})})
        self.workers = ("worker-1", "worker-2") if twins else ("worker-1",)
        self.apis = ("api-1", "api-2") if twins else ("api-1",)
        self._mutant = mutant
        self._hours_off: dict[str, int] = {}

    @property
    def serving(self) -> tuple[str, ...]:
        """Every part, in the order in which they start."""
        return ("temporal", "exchange", *self.workers, *self.apis)

    def open(self) -> None:
        self.run("migrate")
        self.make_whole()

    def make_whole(self) -> None:
        """Let go of what is held, wake what is frozen, start what is dead."""
        for process in self.parts.values():
            if process.lives:
                process.thaw()
        for name in self.serving:
            self.start(name)
        self.control("DELETE", "/faults")

    def restore_exchange(self) -> None:
        """The exchange is as good as ever."""
        self.control("PATCH", "/settings", json={"visibility_delay_ms": 0, "duplicate_ids": "return_old"})

    def lose_temporal(self) -> None:
        """Temporal's database is gone; somebody confirms the new one."""
        self.kill("temporal", *self.workers, *self.apis)
        for path in self.folder.glob("temporal.db*"):
            path.unlink()

    def confirm_new_temporal(self) -> None:
        self.start("temporal")
        self.run("confirm-temporal")
        self.make_whole()

    def fill_disk(self, *names: str) -> None:
        """What these parts write to files fails from now on, as on a disk that is full."""
        for name in names:
            resource.prlimit(self.parts[name].handle.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free_disk(self, *names: str) -> None:
        for name in names:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(self.parts[name].handle.pid, resource.RLIMIT_FSIZE, unlimited)

    def set_clock(self, hours: int, *names: str) -> None:
        """Start these parts again with a clock that is off; 0: right again."""
        self.kill(*names)
        self._hours_off |= dict.fromkeys(names, hours)
        for name in names:
            self.start(name)

    def kill(self, *names: str) -> None:
        for name in names:
            self.parts[name].kill()

    def alert_at(self, api: str, **fields: Any) -> httpx.Response:
        """Post an alert, with the patience of a sender. Raises httpx.TransportError."""
        body = {"api_key": SECRET, "exchange": "coinbase", **fields}
        return httpx.post(f"{self.url(api)}/webhook/hummingbot", json=body, timeout=_ANSWER_S, trust_env=False)

    @contextmanager
    def ledger_locked(self) -> Iterator[None]:
        """Nobody writes to the ledger meanwhile."""
        url = self._told["SUREFILL_DATABASE_URL"]
        if url.startswith("sqlite:///"):
            connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=_LOCK_PATIENCE_S)
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield
            finally:
                connection.close()
        else:
            with psycopg.connect(url) as held:
                held.execute("LOCK TABLE orders, trades, signals, alerts IN EXCLUSIVE MODE")
                yield

    def until_answered(self, method: str, path: str, patience_s: float = 30) -> None:
        """Wait until the api answers this at all."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            with suppress(httpx.HTTPError, AssertionError):
                self.operate(method, path)
                return
            time.sleep(0.1)
        raise AssertionError(f"no answer to {method} {path} in {patience_s} s")

    def _environ(self, name: str) -> dict[str, str]:
        environ = super()._environ(name)
        if hours := self._hours_off.get(name):
            # Temporal's library waits on the clock that nobody sets.
            wrong = {"FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
            environ |= {"LD_PRELOAD": str(_fake_clock()), **wrong}
        return environ

    def _command(self, name: str) -> list[str]:
        command = super()._command(name)
        if self._mutant and name.startswith("worker"):
            return [command[0], "-m", "faults.mutants", self._mutant, *command[3:]]
        return command


def _fake_clock() -> Path:
    import libfaketime

    (library,) = Path(libfaketime.__file__).parent.rglob("libfaketime.so.1")
    return library
