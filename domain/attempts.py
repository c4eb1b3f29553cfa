"""Attempts: each single time that an order goes out to a venue, and what may be concluded from it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from domain.orders import Prepared
from domain.values import Value

# rejected: the venue said no to this attempt for good. not_placed: it provably did nothing, another may follow.
# unknown: it may have placed the order, or may still do so until its fence.
Verdict = Literal["accepted", "rejected", "not_placed", "unknown"]

# How the venue's clock may differ between its front and its matching engine, and how late an order may show up in
# its lists (Coinbase's are eventually consistent): a look-up counts as proof only when it began so long after the last
# fence.
FENCE_MARGIN = timedelta(seconds=30)


class Attempt(Value):
    """One time that an order may have gone out. `fence_at`: from then on, by its own clock, the venue refuses it."""

    order_id: str
    number: int
    generation: int
    fence_at: datetime | None
    admitted_at: datetime
    verdict: Verdict = "unknown"
    reason_code: str = ""
    evidence: str = ""

    @property
    def may_be_live(self) -> bool:
        return self.verdict in ("unknown", "accepted")


class Answer(Value):
    """What came back from one attempt. `reason_code` is the name of an error in `domain.errors`."""

    verdict: Verdict
    venue_order_id: str | None = None
    reason_code: str = ""
    evidence: str = ""
    retry_after_s: int | None = None


class Send(Value):
    """What a worker wants to send: the prepared order, its fence, and what the venue allows.

    `resend_window`: how long after the first attempt the venue still takes a repeat for the same order; None: it never
    does. `epoch`: the Temporal database that drives the worker.
    """

    prepared: Prepared
    fence_at: datetime | None
    resend_window: timedelta | None
    epoch: int


class Admission(Value):
    """What the send gate says. `attempt`: set when a send is admitted, after a look-up if `look_up_first`.

    `prepared`: what was prepared first, the only thing that may be sent. `look_up_first`: an earlier attempt may be
    live.
    """

    prepared: Prepared
    attempt: Attempt | None = None
    look_up_first: bool = False
    closed_code: str = ""
    closed_because: str = ""


def proves_not_placed(attempts: Iterable[Attempt], looked_up_from: datetime | None) -> bool:
    """Whether an order that the venue does not list can be called not placed.

    Every attempt must have been turned down, or its fence must lie a margin before the look-up began
    (`looked_up_from`, by the venue's clock; None when nothing was looked up).
    """
    return all(_is_dead(attempt, looked_up_from) for attempt in attempts)


def _is_dead(attempt: Attempt, looked_up_from: datetime | None) -> bool:
    if not attempt.may_be_live:
        return True
    if attempt.verdict == "accepted" or attempt.fence_at is None or looked_up_from is None:
        return False
    return looked_up_from >= attempt.fence_at + FENCE_MARGIN
