"""The whole house as processes on free ports: every part can be killed, frozen and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli import local_temporal
from config.loading import load_settings
from domain.names import client_order_id

TOKEN = "operator-token-of-the-tests"
SECRET = "webhook-secret-of-the-tests"
_PATIENCE_S = 120
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.02, 0.3

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Process:
    """One running part."""

    name: str
    handle: subprocess.Popen[bytes]

    def send(self, number: signal.Signals) -> None:
        self.handle.send_signal(number)

    def kill(self) -> None:
        """kill -9, whatever state it is in."""
        with suppress(ProcessLookupError):
            self.handle.kill()
        self.handle.wait()

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    @property
    def lives(self) -> bool:
        return self.handle.poll() is None


@dataclass
class Stack:
    """Parts by name. `environ`: what they are told beyond the defaults; `door`: where alerts go."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    door: str = "api-1"

    def __post_init__(self) -> None:
        self.parts: dict[str, Process] = {}
        self._http = httpx.Client(trust_env=False, timeout=40)
        self._ports = {
            name: free_port() for name in ("temporal", "ui", "exchange", "control", "api-1", "api-2", "all-1")
        }
        self._told = {
            "SUREFILL_STATE_DIR": str(self.folder),
            "SUREFILL_DATABASE_URL": f"sqlite:///{self.folder}/ledger.db",
            "SUREFILL_PAPER_KEY_FILE": str(self.folder / "key.json"),
            "SUREFILL_EXCHANGE_PORT": str(self._ports["exchange"]),
            "SUREFILL_TEMPORAL_PORT": str(self._ports["temporal"]),
            "SUREFILL_TEMPORAL_UI_PORT": str(self._ports["ui"]),
            "SUREFILL_WEBHOOK_API_KEY": SECRET,
            "SUREFILL_OPERATOR_TOKEN": TOKEN,
            "SUREFILL_MAX_DAILY_TRADES": "100000",
            "SUREFILL_MAX_DAILY_VOLUME_USD": "100000000",
            "SUREFILL_CEX_DAILY_LIMIT_USD": "100000000",
            "EXCHANGE_PORT": str(self._ports["exchange"]),
            "EXCHANGE_CONTROL_PORT": str(self._ports["control"]),
            "EXCHANGE_DATABASE_PATH": str(self.folder / "exchange.db"),
            "EXCHANGE_KEY_FILE": str(self.folder / "key.json"),
            "EXCHANGE_PRICES": "fixed",
            "EXCHANGE_PRIVATE_REQUESTS_PER_S": "0",
            "EXCHANGE_PUBLIC_REQUESTS_PER_S": "0",
            **self.environ,
        }

    # Starting and stopping

    def start_all(self) -> None:
        """Start what does not run."""
        self.run("migrate")
        for name in ("temporal", "exchange", "worker-1", "api-1"):
            self.start(name)

    def start(self, name: str) -> Process:
        """Start a part unless it runs, and wait until it is ready."""
        if name not in self.parts or not self.parts[name].lives:
            starts_before = self._starts(name)
            log = (self.folder / f"{name}.log").open("ab")
            handle = subprocess.Popen(self._command(name), env=self._environ(name), stdout=log, stderr=log)
            log.close()
            self.parts[name] = Process(name, handle)
            self._await_ready(name, starts_before)
        return self.parts[name]

    def stop_all(self) -> None:
        self._http.close()
        for process in self.parts.values():
            if process.lives:
                process.kill()

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `surefill` command to its end."""
        environ = {**self._environ(self.door), "SUREFILL_API_URL": self.url(self.door)}
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def temporal(self, *arguments: str) -> str:
        """Run Temporal's own command."""
        program = local_temporal.executable()
        command = [program, *arguments, "--address", self.temporal_address]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # Talking

    @property
    def temporal_address(self) -> str:
        return f"127.0.0.1:{self._ports['temporal']}"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def alert(self, api: str = "", **fields: Any) -> httpx.Response:
        """Post an alert in the legacy format."""
        body = {"api_key": SECRET, "action": "BUY", "symbol": "ETH-USD", "exchange": "coinbase", **fields}
        return self._http.post(f"{self.url(api or self.door)}/webhook/hummingbot", json=body)

    def send(self, **fields: Any) -> str:
        """Send an alert that is like no other; its trade's id."""
        return self.send_to(self.door, **fields)

    def send_to(self, api: str, **fields: Any) -> str:
        answer = self.alert(api, id=os.urandom(8).hex(), **fields)
        assert answer.status_code == 202, answer.text
        trade_id: str = answer.json()["trade_id"]
        return trade_id

    def operate(self, method: str, path: str, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = self._http.request(method, f"{self.url(self.door)}{path}", headers=headers, **request)
        assert answer.is_success, answer.text
        return answer.json()

    def trade(self, trade_id: str) -> Json:
        found: Json = self.operate("GET", f"/trades/{trade_id}")
        return found

    def closed(self, trade_id: str) -> Json:
        """The trade once it has ended."""
        return until(lambda: self._if(trade_id, lambda trade: trade["status"] == "closed"), f"{trade_id} to close")

    def once(self, trade_id: str, is_so: Callable[[Json], bool]) -> Json:
        """The trade once something is so."""
        return until(lambda: self._if(trade_id, is_so), f"{trade_id} to get there")

    def control(self, method: str, path: str, **request: Any) -> Any:
        """The exchange's control port."""
        answer = self._http.request(method, f"{self.url('control')}{path}", **request)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, method: str, path: str, **do: Any) -> str:
        """Arm one fault at the exchange for requests that match; its id."""
        times = do.pop("times", 1)
        when = do.pop("when", "before")
        match = {"method": method, "path_prefix": f"/api/v3/brokerage{path}"}
        armed: Json = self.control("POST", "/faults", json={"match": match, "times": times, "when": when, "do": do})
        return str(armed["fault_id"])

    def refuse_listeners(self) -> None:
        """Cut the exchange's user channel, for as long as no fault is removed."""
        refusal = {"match": {"method": "CONNECT"}, "times": None, "do": {"status": 503}}
        self.control("POST", "/faults", json=refusal)
        self.control("DELETE", "/connections")

    def await_listener(self) -> None:
        """Wait until somebody listens to the exchange's user channel."""
        until(lambda: "user" in str(self.control("GET", "/connections")), "somebody to listen")

    def await_held(self, fault_id: str) -> None:
        """Wait until a request is held by the fault."""
        view = self.control("GET", f"/faults/{fault_id}", params={"wait_held": 30})
        assert view["held"], view

    def release(self, fault_id: str) -> None:
        self.control("POST", f"/faults/{fault_id}/release")

    def orders_at_exchange(self, trade_id: str) -> list[Json]:
        """What the exchange really made of the trade's order."""
        orders: list[Json] = self._audit(trade_id)["orders"]
        return orders

    def posts(self, trade_id: str) -> list[Json]:
        """Every time that the trade's order arrived at the exchange, and what became of it."""
        posts: list[Json] = self._audit(trade_id)["posts"]
        return posts

    def _audit(self, trade_id: str) -> Json:
        audit: Json = self.control("GET", "/audit", params={"client_order_id": client_order_id(f"{trade_id}-1", 1)})
        return audit

    # Inside

    def _if(self, trade_id: str, is_so: Callable[[Json], bool]) -> Json | None:
        with suppress(httpx.HTTPError):
            trade = self.trade(trade_id)
            return trade if is_so(trade) else None
        return None

    def _command(self, name: str) -> list[str]:
        role = name.partition("-")[0]
        if role == "temporal":
            return [*local_temporal.command(self._settings())]
        return [sys.executable, "-m", "cli", role]

    def _settings(self) -> Any:
        ours = {name: value for name, value in self._told.items() if name.startswith("SUREFILL_")}
        return load_settings(ours, None)

    def _environ(self, name: str) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("SUREFILL_", "EXCHANGE_", "HBOT_"))
        }
        own = {"SUREFILL_WEBHOOK_PORT": str(self._ports[name])} if name.startswith(("api", "all")) else {}
        return {**kept, **self._told, **own}

    def _await_ready(self, name: str, starts_before: int) -> None:
        role = name.partition("-")[0]
        signs: dict[str, Callable[[], bool]] = {
            "temporal": lambda: _listens(self._ports["temporal"]),
            "exchange": lambda: _answers(f"{self.url('control')}/healthz"),
            "api": lambda: _answers(f"{self.url(name)}/healthz"),
            "all": lambda: _answers(f"{self.url(name)}/healthz"),
            "worker": lambda: self._starts(name) > starts_before,
        }

        def is_ready() -> bool:
            assert self.parts[name].lives, f"{name} ended:\n{self.log(name)[-3000:]}"
            return signs[role]()

        until(is_ready, f"{name} to be ready")

    def _starts(self, name: str) -> int:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace").count("worker_started") if path.exists() else 0


def until(found: Callable[[], T | None], what: str, patience_s: float = _PATIENCE_S) -> T:
    """What `found` gives once it gives something. Asks less and less often: asking is work for who is asked."""
    end, pause_s = time.monotonic() + patience_s, _FIRST_PAUSE_S
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, _LAST_PAUSE_S)
    raise AssertionError(f"waited {patience_s:g} s for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2, trust_env=False).is_success
    return False
