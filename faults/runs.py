"""One run: a few trades, one of them brought to a stop; the strike; everything made whole; the books compared."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import httpx

from faults.answers import Wrong
from faults.findings import Finding
from faults.house import House
from faults.judge import judge
from faults.stops import Stop
from faults.strikes import Strike
from faults.trades import Batch
from tests.pipeline.stack import until

_RECOVERY_S = 150


@dataclass(frozen=True)
class Case:
    """What strikes, and where. `alone`: without the trades that every other case has beside it."""

    fault: str
    stop: str
    run: Callable[[House, Batch], None]
    may_end: frozenset[str] = frozenset()
    slow: bool = False
    alone: bool = False

    @property
    def name(self) -> str:
        return f"{self.fault} @ {self.stop}"


@dataclass(frozen=True)
class Result:
    """What became of one run. `recovery_s`: from the end of the strike until every trade had ended."""

    fault: str
    stop: str
    trades: int
    recovery_s: float
    findings: tuple[Finding, ...]


def struck(strike: Strike, stop: Stop, *, slow: bool = False) -> Case:
    """The case of a strike at a stop."""

    def run(house: House, batch: Batch) -> None:
        batch.send_some(2)
        with stop.bring(house, batch) as (asked, release):
            strike.begin(house, asked)
            release()
            _send_meanwhile(batch)
            time.sleep(strike.lasts_s)
        strike.end(house)

    return Case(strike.name, stop.name, run, strike.may_end, slow)


def answered_wrong(wrong: Wrong, place: str) -> Case:
    """The case of an answer that goes wrong."""

    def run(house: House, batch: Batch) -> None:
        wrong.arm(house, place)
        batch.send_some(4)

    return Case(wrong.name, f"{place} answered", run, wrong.may_end)


def many_at_once(count: int, limit: int) -> Case:
    """More signals in one moment than a day may have, on a house whose day has `limit` left for them."""

    def run(house: House, batch: Batch) -> None:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(batch.send, ["buy"] * count))
        batch.send_again()
        until(lambda: all_ended(house), "every trade to end")
        made = sum(len(house.orders_at_exchange(alert.trade_id)) for alert in batch.asked)
        if made != limit:
            batch.findings.append(Finding("doubled", "", f"{made} orders were made, {limit} were allowed"))

    return Case("many at once", "a limit", run, frozenset({"BudgetExhausted"}), alone=True)


def play(house: House, case: Case, rng: random.Random) -> Result:
    """Run one case and judge it."""
    batch = Batch(house, rng)
    if not case.alone:
        batch.send("filled at rest")
        batch.send("cancelled at rest")
    findings, healed = batch.findings, time.monotonic()
    try:
        case.run(house, batch)
        healed = time.monotonic()
        if not case.alone:
            batch.send_some(2)
        batch.send_again()
        batch.end_what_rests()
        until(lambda: all_ended(house), "every trade to end")
    except (AssertionError, httpx.HTTPError) as error:
        findings.append(Finding("stuck", "", f"{type(error).__name__} {error}"))
    recovery_s = time.monotonic() - healed
    house.make_whole()
    house.restore_exchange()
    batch.send_again()
    findings += judge(house, batch.asked, case.may_end)
    return Result(case.fault, case.stop, len(batch.asked), round(recovery_s, 1), tuple(findings))


def _send_meanwhile(batch: Batch) -> None:
    """Alerts do not wait for better times; whoever gets no answer sends again later."""
    for _ in range(2):
        batch.send("buy")


def all_ended(house: House) -> bool:
    with suppress(httpx.HTTPError, AssertionError):
        return not any(
            house.operate("GET", "/trades", params={"status": status, "limit": 1})["trades"]
            for status in ("received", "open")
        )
    return False
