"""More than there should be: `python -m faults.load flood|slow|resting`; the books are compared at the end."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measuring import Meter, milliseconds
from bench.resting import measure_resting
from bench.trading import Sent, send_alerts
from faults.house import House
from faults.judge import judge
from faults.runs import all_ended
from faults.trades import Asked
from tests.pipeline.stack import until

_AN_HOUR = {"SUREFILL_MAX_SIGNAL_AGE_S": "3600"}
_PATIENCE_S = 600


def flood(house: House) -> dict[str, Any]:
    """2,000 alerts, 100 a second."""
    sent = asyncio.run(send_alerts(house.url("api-1"), 2000, 100, 0.01))
    return {"answers_ms": milliseconds(sent.answers_s, 50, 99), **_judged(house, sent)}


def slow(house: House) -> dict[str, Any]:
    """300 open trades at an exchange that takes 3 s for each answer; the webhook is asked meanwhile."""
    house.control("POST", "/faults", json={"match": {}, "times": None, "do": {"delay_ms": 3000}})
    sent = asyncio.run(send_alerts(house.url("api-1"), 300, 50, 0.02))
    return {"answers_ms": milliseconds(sent.answers_s, 50, 99), **_judged(house, sent)}


def resting(house: House) -> dict[str, Any]:
    """5,000 limit orders at rest; then one of them is cancelled."""
    serving = {name: house.parts[name].handle.pid for name in (*house.workers, *house.apis, "temporal")}
    measured = measure_resting(house, Meter(serving), 5000)
    trades = house.operate("GET", "/trades", params={"status": "open", "limit": 500})["trades"]
    trade_id = random.choice(trades)["trade_id"]
    began = time.monotonic()
    house.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "one of many"})
    outcome = house.closed(trade_id)["outcome"]
    return {**measured, "cancelled_in_s": round(time.monotonic() - began, 1), "outcome": outcome["kind"]}


LOADS: dict[str, tuple[Callable[[House], dict[str, Any]], dict[str, str]]] = {
    "flood": (flood, _AN_HOUR),
    "slow": (slow, _AN_HOUR),
    "resting": (resting, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m faults.load", description=__doc__)
    parser.add_argument("load", choices=LOADS)
    load, environ = LOADS[parser.parse_args().load]
    folder = Path(tempfile.mkdtemp(prefix="surefill-load-"))
    house = House(folder, environ)
    try:
        house.open()
        found = load(house)
    finally:
        house.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    print(found)
    sys.exit(1 if found.get("findings") else 0)


def _judged(house: House, sent: Sent) -> dict[str, Any]:
    began = time.monotonic()
    until(lambda: all_ended(house), "every trade to end", _PATIENCE_S)
    took_s = round(time.monotonic() - began, 1)
    findings = judge(house, [Asked("", "buy", trade_id) for trade_id in sent.at], frozenset())
    return {"alerts": len(sent.at), "ended_after_s": took_s, "findings": findings}


if __name__ == "__main__":
    main()
