"""What the ledger should believe, said again in plain Python: an order, its attempts, its venue."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from domain.attempts import Verdict
from domain.money import ceil_to_micro
from domain.orders import TERMINAL, Fill, Order, OrderReport, OrderState
from domain.settlements import Settlement
from tests.worlds import a_fill, a_report

HOUR = timedelta(hours=1)
# The fill that was booked on a person's word.
STATED = "stated"
AT_VENUE = ("open", "filled", "cancelled", "expired")
Fence = Literal["past", "future", "none"]
Deed = Literal["none", "fill some", "fill all", "cancelled", "expired"]
LookUp = Literal["none", "before the fences", "between the fences", "after the fences"]


def fence_at(fence: Fence) -> datetime | None:
    """The fence of an attempt that is made now."""
    return {"past": datetime.now(UTC) - HOUR, "future": datetime.now(UTC) + HOUR, "none": None}[fence]


def looked_up_from(look_up: LookUp) -> datetime | None:
    hours = {"before the fences": -2, "between the fences": 0, "after the fences": 2}
    return datetime.now(UTC) + hours[look_up] * HOUR if look_up in hours else None


@dataclass
class ModelAttempt:
    """One send. Until it is answered nobody knows what it did."""

    number: int
    fence: Fence
    verdict: Verdict = "unknown"
    is_answered: bool = False

    @property
    def may_be_live(self) -> bool:
        return self.verdict in ("unknown", "accepted")

    def is_dead_after(self, look_up: LookUp) -> bool:
        if not self.may_be_live:
            return True
        proofs = {"past": ("between the fences", "after the fences"), "future": ("after the fences",), "none": ()}
        return self.verdict == "unknown" and look_up in proofs[self.fence]


@dataclass
class VenueOrder:
    """What is true at the venue, whether we know or not."""

    state: OrderState = "open"
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.base_qty for fill in self.fills), Decimal(0))

    def act(self, order: Order, deed: Deed, fill: Callable[[str], Fill]) -> None:
        """Something happens at the venue; a fill may come after an end that it did not stop."""
        left = order.base_qty - self.filled
        if deed in ("cancelled", "expired"):
            self.state = deed if self.state == "open" else self.state
        elif deed != "none" and left > 0:
            share = left if deed == "fill all" else left / 4
            self.fills.append(fill(f"{share:f}"))
            self.state = "filled" if share == left else self.state

    def report(self, order: Order, known_fills: int) -> OrderReport:
        """What the venue says now; its list of fills lags behind its totals."""
        return a_report(order, self.state, *self.fills[:known_fills], filled_base=self.filled)


@dataclass
class ModelOrder:
    """What we should believe about an order."""

    asked: Order
    attempts: list[ModelAttempt] = field(default_factory=list)
    venue: VenueOrder = field(default_factory=VenueOrder)
    state: OrderState = "sized"
    is_known_at_venue: bool = False
    is_gate_shut: bool = False
    prepared_loosely: bool | None = None
    reported: Decimal = Decimal(0)
    fills: dict[str, Fill] = field(default_factory=dict)
    reserved: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    trades: int = 0
    word: Settlement | None = None
    before_word: tuple[OrderState, Decimal] = ("sized", Decimal(0))

    @property
    def filled(self) -> Decimal:
        return sum((fill.base_qty for fill in self.fills.values()), Decimal(0))

    @property
    def fee(self) -> Decimal:
        return sum((fill.fee for fill in self.fills.values()), Decimal(0))

    @property
    def quote(self) -> Decimal:
        return sum((fill.quote_qty for fill in self.fills.values()), Decimal(0))

    @property
    def final(self) -> bool:
        return self.state in TERMINAL and self.filled == self.reported

    @property
    def outcome(self) -> str:
        """How its trade ends when it is closed as refused: what was filled counts more."""
        if not self.filled:
            return "refused"
        return "filled" if self.filled >= self.asked.base_qty else "partly_filled"

    @property
    def any_live(self) -> bool:
        return any(attempt.may_be_live for attempt in self.attempts)

    @property
    def slice(self) -> tuple[Decimal, Decimal, int]:
        """What it holds of each budget: dollars reserved, dollars spent, trades."""
        return self.reserved, self.spent, self.trades

    @property
    def underway(self) -> list[ModelAttempt]:
        """Sends that may still arrive at the venue."""
        return [attempt for attempt in self.attempts if not attempt.is_answered and attempt.fence != "past"]

    def reserve(self) -> None:
        self.reserved, self.trades = ceil_to_micro(self.asked.largest_quote_qty), 1

    def may_be_sent(self, may_repeat: bool) -> bool:
        """Whether another attempt may follow, once the gate is open."""
        if self.is_known_at_venue or any(attempt.verdict == "accepted" for attempt in self.attempts):
            return False
        return not self.any_live or may_repeat

    def send(self, fence: Fence) -> None:
        self.attempts.append(ModelAttempt(len(self.attempts) + 1, fence))
        self.state = "sending"

    def answer(self, attempt: ModelAttempt, verdict: Verdict) -> None:
        """The first answer counts; what the venue has on record outranks every refusal."""
        if attempt.is_answered:
            return
        attempt.verdict, attempt.is_answered = verdict, True
        if verdict == "accepted":
            if not self.is_known_at_venue:
                self.forget_word()
            self.is_known_at_venue = True
            self.state = self.state if self.state in AT_VENUE else "open"
        elif self.state in TERMINAL or self.is_known_at_venue:
            return
        elif self.any_live:
            self.state = "unknown"
        elif verdict == "rejected":
            self.end("rejected")
        else:
            self.state = "sized"

    def shut_gate(self) -> None:
        if self.state in TERMINAL:
            return
        self.is_gate_shut = True
        if not self.attempts:
            self.end("not_placed")

    def conclude(self, look_up: LookUp) -> None:
        if self.state in TERMINAL or self.is_known_at_venue:
            return
        if all(attempt.is_dead_after(look_up) for attempt in self.attempts):
            self.end("not_placed")

    def allows(self, word: Settlement, is_unresolved: bool) -> bool:
        """Whether a person may say that. The id that is told is always the right one."""
        if self.word is not None and self.word.said == word.said:
            return True
        if self.final or not self.attempts:
            return False
        if word.kind == "found":
            return True
        unknown = [attempt.fence for attempt in self.attempts if attempt.verdict == "unknown"]
        if "future" in unknown or ("none" in unknown and not is_unresolved):
            return False
        is_taken = self.is_known_at_venue or any(attempt.verdict == "accepted" for attempt in self.attempts)
        if word.kind == "never_placed":
            return not is_taken and not self.filled and not self.reported
        if is_taken and not is_unresolved:
            return False
        return self._adds_up(word)

    def _adds_up(self, word: Settlement) -> bool:
        assert word.filled_base is not None
        if not max(self.filled, self.reported) <= word.filled_base <= self.asked.base_qty:
            return False
        rest = word.filled_base - self.filled
        if not rest:
            return True
        assert word.price is not None
        price = (word.filled_base * word.price - self.quote) / rest
        limit = self.asked.limit_price
        is_within = price <= limit if self.asked.action == "BUY" else price >= limit
        return is_within and price > 0 and word.fee >= self.fee

    def believe(self, word: Settlement) -> None:
        """Somebody says it, and the books leave room for it."""
        if self.word is not None and self.word.said == word.said:
            return
        self.word, self.before_word = word, (self.state, self.reported)
        self.shut_gate()
        if word.kind == "never_placed":
            self.end("not_placed")
        elif word.kind == "filled":
            assert word.filled_base is not None
            if rest := word.filled_base - self.filled:
                assert word.price is not None
                price = (word.filled_base * word.price - self.quote) / rest
                stated = a_fill(STATED, f"{rest:f}").model_copy(update={"price": price, "fee": word.fee - self.fee})
                self.fills[STATED] = stated
            self.reported = word.filled_base
            self.end(self._stated_end())

    def _stated_end(self) -> OrderState:
        if self.filled == self.asked.base_qty:
            return "filled"
        return self.state if self.state in TERMINAL else "cancelled"

    def forget_word(self) -> None:
        """The venue speaks: only that counts from now on."""
        if self.word is not None and self.word.kind != "found":
            self.fills.pop(STATED, None)
            self.state, self.reported = self.before_word
            self.word = None

    def _is_news(self, report: OrderReport) -> bool:
        state, reported = self.before_word
        return (
            not self.is_known_at_venue
            or any(fill.venue_fill_id not in self.fills for fill in report.fills)
            or report.filled_base > reported
            or (report.state in TERMINAL and state not in TERMINAL)
        )

    def hear(self, report: OrderReport) -> None:
        """A report moves us forward, whenever it was written."""
        if self.word is not None and self.word.kind != "found":
            if not self._is_news(report):
                return
            self.forget_word()
        self.is_known_at_venue = True
        self.fills |= {fill.venue_fill_id: fill for fill in report.fills}
        self.reported = max(self.reported, report.filled_base, self.filled)
        if self.state not in AT_VENUE or self.state == "open" or report.state == "filled":
            self.state = report.state
        self._settle_if_final()

    def end(self, state: OrderState) -> None:
        self.state = state
        self._settle_if_final()

    def _settle_if_final(self) -> None:
        if self.final:
            self.reserved, self.spent, self.trades = Decimal(0), ceil_to_micro(self.quote), int(self.filled > 0)


@dataclass
class ModelTrade:
    """What we should believe about a trade."""

    trade_id: str
    signal_id: str
    is_stale: bool
    is_sale: bool
    status: Literal["received", "open", "closed"] = "received"
    outcome: str | None = None
    is_cancelled: bool = False
    is_started: bool = False
    is_unresolved: bool = False
    order: ModelOrder | None = None
