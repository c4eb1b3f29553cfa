"""Every case: which strikes at which stops, which answers in which places."""

from collections.abc import Sequence

from faults.answers import WRONGS
from faults.runs import Case, answered_wrong, many_at_once, struck
from faults.stops import BY_NAME, STOPS
from faults.strikes import FROZEN_LONG, LEDGER, LOSSES, PEOPLE, PROCESSES, WITH_A_NEW_WORKER

# A long freeze and a locked ledger take half a minute each: where they can do most harm.
_FOR_LONG = ("order on its way", "order taken, answer on its way", "at rest")
# One of each kind, and the stops at which the most can go wrong: about four minutes.
_SHORT_STRIKES = (
    ("kill -9 worker", "order on its way"),
    ("kill -9 worker", "order taken, answer on its way"),
    ("kill -9 worker", "fills to be booked"),
    ("kill -9 api", "kept, not started"),
    ("kill -9 temporal", "order taken, answer on its way"),
    ("kill -9 exchange", "order taken, answer on its way"),
    ("kill -9 all", "order lost on its way"),
    ("kill -9 all", "cancel on its way"),
    ("SIGTERM worker", "looking the order up"),
    ("freeze worker for 3 s", "order on its way"),
    ("freeze temporal for 3 s", "asking for its fills"),
    ("a frozen worker replaced", "order taken, answer on its way"),
    ("cancelled by the api", "order on its way"),
    ("Temporal's database lost", "at rest"),
    ("disk full for 5 s", "order taken, answer on its way"),
    ("workers' clock +1 h", "asking for a quote"),
    ("cancelled, then held for 8 s", "order on its way"),
    ("cancelled in Temporal", "at rest"),
    ("terminated in Temporal", "order taken, answer on its way"),
)
_SHORT_WRONGS = (
    ("reset after it acted", "order"),
    ("no answer until the timeout", "order"),
    ("502, though it did it", "order"),
    ("429 with Retry-After", "order"),
    ("half an answer", "fills"),
    ("fills that lag", "order"),
    ("orders that lag", "order"),
    ("repeats refused as such", "order"),
    ("repeats taken for new", "order"),
    ("503", "cancel"),
)


def all_cases() -> Sequence[Case]:
    """Strikes at every stop, long ones at few; wrong answers in every place."""
    cases = [struck(strike, stop) for strike in (*PROCESSES, *WITH_A_NEW_WORKER, *LOSSES, *PEOPLE) for stop in STOPS]
    cases += [struck(strike, BY_NAME[name], slow=True) for strike in (*FROZEN_LONG, *LEDGER) for name in _FOR_LONG]
    cases += [answered_wrong(wrong, place) for wrong in WRONGS for place in wrong.only]
    return [case for case in cases if _can_happen(case)]


LIMITED = many_at_once(count=20, limit=5)
LIMIT = {"SUREFILL_MAX_DAILY_TRADES": "5"}


def short_cases() -> Sequence[Case]:
    """A few of each kind."""
    wanted = {*_SHORT_STRIKES, *((name, f"{place} answered") for name, place in _SHORT_WRONGS)}
    chosen = [case for case in all_cases() if (case.fault, case.stop) in wanted]
    assert len(chosen) == len(wanted), wanted - {(case.fault, case.stop) for case in chosen}
    return chosen


def _can_happen(case: Case) -> bool:
    """Where Temporal is frozen or the ledger is held, nobody's word is taken, and no worker gets as far as its work."""
    if case.fault == "cancelled, then held for 8 s":
        return case.stop == "order on its way"
    needs_both = {strike.name for strike in (*PEOPLE, *WITH_A_NEW_WORKER)}
    return not (case.fault in needs_both and case.stop in ("kept, not started", "fills to be booked"))
