"""`make faults`: strike a real house at every stop, and say what was lost, doubled, wrong or stuck."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from bench.__main__ import postgres
from faults.cases import LIMIT, LIMITED, all_cases, short_cases
from faults.house import House
from faults.mutants import MUTANTS
from faults.report import summary, table, write_json
from faults.runs import Case, Result, play

_AS_IT_IS: Mapping[str, str] = MappingProxyType({})


def main() -> None:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few cases of each kind, about four minutes")
    parser.add_argument("--rounds", type=int, default=1, help="how often each case is run")
    parser.add_argument("--only", default="", help="only cases whose name holds this, for example 'kill -9 worker'")
    parser.add_argument("--sample", type=int, default=0, help="so many of the cases, chosen by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("--postgres", action="store_true", help="a ledger on PostgreSQL")
    parser.add_argument("--twins", action="store_true", help="two workers and two apis")
    parser.add_argument("--mutants", action="store_true", help="break our own code on purpose: each must be seen")
    parser.add_argument("--json", type=Path, default=None, help="write everything there")
    asked = parser.parse_args()
    # Whoever stops it finds no processes left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = random.SystemRandom().getrandbits(32) if asked.seed is None else asked.seed
    if asked.mutants:
        sys.exit(0 if all_seen(asked, seed) else 1)
    cases = [case for case in (short_cases() if asked.short else all_cases()) if asked.only in case.name]
    if asked.sample:
        cases = random.Random(seed).sample(cases, min(asked.sample, len(cases)))
    results = play_in_a_house(asked, cases, seed)
    if asked.only in LIMITED.name:
        results += play_in_a_house(asked, [LIMITED], seed, LIMIT)
    print(table(results))
    print(f"{summary(results)}; seed {seed}")
    if asked.json:
        write_json(asked.json, results, seed=seed, at=datetime.now(UTC).isoformat(timespec="seconds"))
    sys.exit(1 if any(result.findings for result in results) else 0)


def all_seen(asked: argparse.Namespace, seed: int) -> bool:
    """Whether each mutant is found out by the case that is there for it."""
    cases = {case.name: case for case in (*all_cases(), LIMITED)}
    unseen = []
    for name, mutant in MUTANTS.items():
        if asked.only not in name:
            continue
        case = cases[mutant.seen_in]
        results = play_in_a_house(asked, [case], seed, LIMIT if case is LIMITED else {}, name)
        seen = any(result.findings for result in results)
        say(f"{name}: {'seen' if seen else 'NOT SEEN'} by {case.name}")
        unseen += [] if seen else [name]
    return not unseen


def play_in_a_house(
    asked: argparse.Namespace,
    cases: Sequence[Case],
    seed: int,
    environ: Mapping[str, str] = _AS_IT_IS,
    mutant: str = "",
) -> list[Result]:
    """The cases, in a house of their own that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="surefill-faults-"))
    with ExitStack() as opened:
        ledger = {"SUREFILL_DATABASE_URL": postgres(opened)()} if asked.postgres else {}
        house = House(folder, {**ledger, **environ}, twins=asked.twins, mutant=mutant)
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        opened.callback(house.stop_all)
        house.open()
        return play_all(house, cases, asked.rounds, random.Random(seed))


def play_all(house: House, cases: Sequence[Case], rounds: int, rng: random.Random) -> list[Result]:
    """Every case `rounds` times, in an order of the dice."""
    results: list[Result] = []
    plan = [case for case in cases for _ in range(rounds)]
    rng.shuffle(plan)
    for number, case in enumerate(plan, 1):
        began = time.monotonic()
        result = play(house, case, rng)
        results.append(result)
        took_s = time.monotonic() - began
        say(f"{number}/{len(plan)} {case.name}: {result.trades} trades, {took_s:.0f} s")
        for finding in result.findings:
            say(f"    {finding.kind.upper()} {finding.trade_id} {finding.text}")
    return results


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
