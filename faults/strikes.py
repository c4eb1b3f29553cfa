"""What strikes: processes that die or freeze, a ledger that is locked, people who change their mind."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faults.house import House
from faults.trades import Asked

_SHORT_S, _LONG_S = 3, 35
# Longer than every timeout of a try, and shorter than a signal may be old.
_TERM_PATIENCE_S = 40
# An attempt is valid for 12 s, and its sender gives up after 5 s.
_BEFORE_FENCE_S = 8


@dataclass(frozen=True)
class Strike:
    """`begin` strikes the house while `asked` is at its stop; `end` brings back what was struck.

    `lasts_s`: how long it goes on after the trade was let go. `may_end`: codes with which a trade may be told off.
    """

    name: str
    begin: Callable[[House, Asked], None]
    end: Callable[[House], None] = House.make_whole
    lasts_s: float = 0
    may_end: frozenset[str] = frozenset()


def _parts(house: House, role: str) -> Sequence[str]:
    return [name for name in house.serving if role in ("all", name.partition("-")[0])]


def _kill(role: str) -> Strike:
    def begin(house: House, _asked: Asked) -> None:
        house.kill(*_parts(house, role))

    return Strike(f"kill -9 {role}", begin)


def _kill_and_forget(house: House, _asked: Asked) -> None:
    """The exchange remembers no client order ids any more: a plain repeat would be another order."""
    house.control("PATCH", "/settings", json={"duplicate_ids": "forget"})
    house.kill(*house.workers)


def _terminate(role: str) -> Strike:
    def begin(house: House, _asked: Asked) -> None:
        for name in _parts(house, role):
            house.parts[name].send(signal.SIGTERM)

    def end(house: House) -> None:
        for name in _parts(house, role):
            house.parts[name].handle.wait(_TERM_PATIENCE_S)
        house.make_whole()

    return Strike(f"SIGTERM {role}", begin, end)


def _freeze(role: str, lasts_s: float) -> Strike:
    def begin(house: House, _asked: Asked) -> None:
        for name in _parts(house, role):
            house.parts[name].freeze()

    # A price is asked for twice; whoever was frozen both times has none that is young enough. A venue that was away for
    # longer than it remembers ids is not sent the order again.
    away = {"NotPlaced"} if role == "exchange" and lasts_s == _LONG_S else set[str]()
    return Strike(f"freeze {role} for {lasts_s:g} s", begin, lasts_s=lasts_s, may_end=frozenset({"QuoteStale", *away}))


def _replace_worker(house: House, _asked: Asked) -> None:
    """Another worker takes over from one that is frozen, which wakes up when all is over."""
    house.start("worker-9")
    house.parts["worker-1"].freeze()


def _end_replacement(house: House) -> None:
    house.make_whole()
    house.kill("worker-9")


def _cancel(house: House, asked: Asked) -> None:
    house.operate("POST", f"/trades/{asked.trade_id}/cancel", json={"reason": "changed my mind"})


def _cancel_by_message(house: House, asked: Asked) -> None:
    for _ in range(2):
        house.temporal(
            *("workflow", "signal", "--name", "cancel", "--input", '"changed my mind"'),
            *("--workflow-id", f"trade-{asked.trade_id}"),
        )


def _cancel_in_temporal(house: House, asked: Asked) -> None:
    house.temporal("workflow", "cancel", "--workflow-id", f"trade-{asked.trade_id}")


def _terminate_in_temporal(house: House, asked: Asked) -> None:
    house.temporal("workflow", "terminate", "--reason", "by hand", "--workflow-id", f"trade-{asked.trade_id}")


def _cancel_and_wait(house: House, asked: Asked) -> None:
    """The order goes on its way again when nobody of ours waits for it any more, and before its fence."""
    _cancel(house, asked)
    time.sleep(_BEFORE_FENCE_S)


def _lose_temporal(house: House, _asked: Asked) -> None:
    house.lose_temporal()


def _fill_disk(house: House, _asked: Asked) -> None:
    house.fill_disk(*house.workers, *house.apis)


def _free_disk(house: House) -> None:
    house.free_disk(*house.workers, *house.apis)
    house.make_whole()


def _clock_off(hours: int) -> Strike:
    """Workers whose clock is off: their tokens are none, their fences lie."""

    def begin(house: House, _asked: Asked) -> None:
        house.set_clock(hours, *house.workers)

    def end(house: House) -> None:
        house.set_clock(0, *house.workers)
        house.make_whole()

    may_end = frozenset({"CredentialsRefused", "QuoteStale", "SignalExpired"})
    return Strike(f"workers' clock {hours:+d} h", begin, end, lasts_s=5, may_end=may_end)


def _lock_ledger(house: House, _asked: Asked) -> None:
    with house.ledger_locked():
        time.sleep(20)


_CANCELLED = frozenset({"CancelRequested"})
FROZEN_LONG = tuple(_freeze(role, _LONG_S) for role in ("worker", "api", "temporal", "exchange"))
PROCESSES = (
    *(_kill(role) for role in ("worker", "api", "temporal", "exchange", "all")),
    Strike("kill -9 worker, ids forgotten", _kill_and_forget),
    *(_terminate(role) for role in ("worker", "api")),
    *(_freeze(role, _SHORT_S) for role in ("worker", "api", "temporal", "exchange")),
)
_REPLACED = Strike("a frozen worker replaced", _replace_worker, _end_replacement, 7, frozenset({"QuoteStale"}))
WITH_A_NEW_WORKER = (_REPLACED, _clock_off(1), _clock_off(-1))
LEDGER = (Strike("ledger locked for 20 s", _lock_ledger, may_end=frozenset({"QuoteStale"})),)
LOSSES = (
    Strike("Temporal's database lost", _lose_temporal, House.confirm_new_temporal),
    Strike("disk full for 5 s", _fill_disk, _free_disk, lasts_s=5, may_end=frozenset({"QuoteStale"})),
)
PEOPLE = (
    Strike("cancelled by the api", _cancel, may_end=_CANCELLED),
    Strike("cancelled, then held for 8 s", _cancel_and_wait, may_end=_CANCELLED),
    Strike("cancelled twice by message", _cancel_by_message, may_end=_CANCELLED),
    Strike("cancelled in Temporal", _cancel_in_temporal, may_end=_CANCELLED),
    Strike("terminated in Temporal", _terminate_in_temporal, may_end=_CANCELLED),
)
