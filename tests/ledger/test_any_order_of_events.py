"""The ledger against a plain model of it: two workers, late and repeated words, in any order."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, multiple, rule, run_state_machine_as_test

from domain.attempts import Admission, Answer, Attempt, Send
from domain.errors import SettlementRefused
from domain.orders import TERMINAL, Order, OrderReport, OrderStanding
from domain.settlements import Settlement
from tests.fuzzing import tried
from tests.ledger.invariants import check_all, read_tables
from tests.ledger.machine import SELDOM, WORKERS, TradesMachine
from tests.ledger.model import HOUR, Deed, Fence, LookUp, ModelOrder, ModelTrade, fence_at, looked_up_from
from tests.worlds import a_fill, prepared

pytestmark = pytest.mark.slow

FENCES = st.sampled_from(["past", "future", "none"])
RARE = st.sampled_from(
    [
        *("closed", "closed", "started", "cancelled", "late", "halt", "resume", "resume", "temporal one"),
        *("temporal two", "called", "called"),
    ]
)
DEEDS = st.sampled_from(["none", "fill some", "cancelled", "fill all", "expired", "cancelled", "fill some"])
LOOK_UPS = st.sampled_from(["none", "before the fences", "between the fences", "after the fences"])
PRICES = st.sampled_from(["2500", "2524.99", "0.000000000000000001", "2499.123456789012345678"])
FEES = st.sampled_from(["0", "0.1", "-0.01", "0.000000000000000001"])
WORDS = ("never placed", "1", "never placed", "found", "0.5", "0", "1", "2")
STATED = st.tuples(st.sampled_from(["2525", "2525", "2500", "2530"]), st.sampled_from(["0.5", "0.5", "0"]))
trades, orders, attempts, reports = (
    TradesMachine.trades, TradesMachine.orders, TradesMachine.attempts, TradesMachine.reports
)  # fmt: skip


class LedgerMachine(TradesMachine):
    """The same, with those who send, answer, report and stop."""

    # The send gate

    @rule(
        target=attempts,
        trade=orders,
        fence=FENCES,
        may_repeat=st.booleans(),
        is_loose=SELDOM,
        is_of_old_temporal=SELDOM,
        race=st.booleans(),
    )
    def a_worker_comes_to_the_gate(
        self, trade: ModelTrade, fence: Fence, may_repeat: bool, is_loose: bool, is_of_old_temporal: bool, race: bool
    ) -> Any:
        order = trade.order
        assert order is not None
        request = prepared(order.asked)
        if is_loose:
            worse = Decimal("-0.01") if trade.is_sale else Decimal("0.01")
            request = request.model_copy(update={"limit_price": request.limit_price + worse})
        send = Send(
            prepared=request,
            fence_at=fence_at(fence),
            resend_window=HOUR if may_repeat else None,
            epoch=len(self.namespaces) - is_of_old_temporal,
        )
        if order.prepared_loosely is None:
            order.prepared_loosely = is_loose
        is_open = self._is_open(trade, order) and (not is_of_old_temporal or not self.namespaces)
        answers = self.run(*(worker.orders.admit(send) for worker in self.workers[: 1 + race]))
        admitted = []
        for answer in sorted(answers, key=_place) if race else [answers]:
            admitted += self._check_admission(order, answer, is_open=is_open, may_repeat=may_repeat, fence=fence)
        return multiple(*admitted)

    def _is_open(self, trade: ModelTrade, order: ModelOrder) -> bool:
        is_over = order.state in TERMINAL
        return not (is_over or order.is_gate_shut or self.is_halted or trade.is_cancelled or order.prepared_loosely)

    def _check_admission(
        self, order: ModelOrder, answer: Admission, *, is_open: bool, may_repeat: bool, fence: Fence
    ) -> list[tuple[ModelOrder, Attempt]]:
        assert (answer.closed_code == "") == is_open, answer
        assert (answer.attempt is not None) == (is_open and order.may_be_sent(may_repeat))
        if answer.attempt is None:
            return []
        assert answer.look_up_first or not order.any_live or len(order.attempts) == 0
        order.send(fence)
        return [(order, answer.attempt)]

    @rule(
        attempt=attempts,
        verdict=st.sampled_from(["accepted", "rejected", "not_placed", "unknown"]),
        worker=WORKERS,
    )
    def an_answer_comes(self, attempt: tuple[ModelOrder, Attempt], verdict: Any, worker: int) -> None:
        order, sent = attempt
        venue_id = f"v-{order.asked.order_id}" if verdict == "accepted" else None
        answer = Answer(verdict=verdict, venue_order_id=venue_id, reason_code=verdict, evidence=verdict)
        standing = self.run(self.workers[worker].orders.answer(sent, answer))
        order.answer(order.attempts[sent.number - 1], verdict)
        self._check_standing(order, standing)

    @rule(trade=orders, look_up=LOOK_UPS, worker=WORKERS)
    def a_look_up_finds_nothing(self, trade: ModelTrade, look_up: LookUp, worker: int) -> None:
        order = self._order(trade)
        if not order.attempts:
            return
        standing = self.run(
            self.workers[worker].orders.conclude_unplaced(order.asked.order_id, looked_up_from(look_up))
        )
        order.conclude(look_up)
        self._check_standing(order, standing)

    def the_gate_is_closed(self, trade: ModelTrade, worker: int) -> None:
        if trade.order is None:
            return
        order = trade.order
        standing = self.run(self.workers[worker].orders.close_gate(order.asked.order_id, "DeadlinePassed", "late"))
        order.shut_gate()
        self._check_standing(order, standing)

    # The venue

    @rule(
        target=reports, trade=orders, deed=DEEDS, price=PRICES, fee=FEES, lag=st.integers(0, 2), is_slow=st.booleans()
    )
    def the_venue_acts_and_is_asked(
        self, trade: ModelTrade, deed: Deed, price: str, fee: str, lag: int, is_slow: bool
    ) -> Any:
        order = self._order(trade)
        if not order.attempts:
            return multiple()
        self.fill_number += 1
        order.venue.act(order.asked, deed, lambda base_qty: a_fill(f"fill-{self.fill_number}", base_qty, price, fee))
        report = order, order.venue.report(order.asked, max(0, len(order.venue.fills) - lag))
        if not is_slow:
            self.a_report_is_merged(report, again=False, tell=False)
        return report

    @rule(report=reports, again=st.booleans(), tell=st.booleans())
    def a_report_is_merged(self, report: tuple[ModelOrder, OrderReport], again: bool, tell: bool) -> None:
        order, said = report
        merging = [worker.reports.merge(said, tell=tell) for worker in self.workers[: 1 + again]]
        standings = self.run(*merging)
        order.hear(said)
        for standing in standings if again else [standings]:
            self._check_standing(order, standing)

    # People

    @rule(trade=orders, said=st.sampled_from(WORDS), stated=STATED, is_lost=st.booleans(), race=st.booleans())
    def a_person_settles(
        self, trade: ModelTrade, said: str, stated: tuple[str, str], is_lost: bool, race: bool
    ) -> None:
        order = self._order(trade)
        if is_lost:
            self.a_worker_comes_to_the_gate(trade, "past", False, False, False, False)
            self.a_person_is_called(trade, 0)
        word = _word(order.asked, said, *stated)
        may = order.allows(word, trade.is_unresolved)
        settling = [worker.settlements.settle(trade.trade_id, word) for worker in self.workers[: 1 + race]]
        results = self.run(*settling)
        if may:
            order.believe(word)
            trade.is_unresolved = trade.is_unresolved and not order.final
        for result in results if race else [results]:
            assert isinstance(result, OrderStanding) == may, result
            if isinstance(result, OrderStanding):
                self._check_standing(order, result)
            else:
                assert isinstance(result, SettlementRefused), result

    # What is rare

    @rule(trade=TradesMachine.ANY_TRADE, what=RARE, worker=WORKERS)
    def something_rare_happens(self, trade: ModelTrade, what: str, worker: int) -> None:
        match what.split():
            case ["halt" | "resume"]:
                self.the_kill_switch_is_turned(what == "halt", worker)
            case ["temporal", namespace]:
                self.temporal_is_confirmed(namespace, worker)
            case ["started"]:
                self.temporal_has_it(trade)
            case ["cancelled"]:
                self.somebody_cancels(trade, worker)
            case ["late"]:
                self.the_gate_is_closed(trade, worker)
            case ["called"]:
                self.a_person_is_called(trade, worker)
            case ["closed"]:
                self.a_trade_closes(trade, worker)

    def the_kill_switch_is_turned(self, is_on: bool, worker: int) -> None:
        halted = self.run(self.workers[worker].switches.set_halt(is_on, "because", "ann"))
        self.is_halted = is_on
        assert halted.halt.is_on == is_on
        mine = [trade.order for trade in self.known if trade.order and not trade.order.final]
        underway = {(order.asked.order_id, attempt.number) for order in mine for attempt in order.underway}
        assert {(send.order_id, send.number) for send in halted.underway} == (underway if is_on else set())

    def temporal_is_confirmed(self, namespace: str, worker: int) -> None:
        if self.namespaces[-1:] != [namespace]:
            self.namespaces.append(namespace)
            for trade in self.known:
                trade.is_started = trade.is_started and trade.status == "closed"
        epoch = self.run(self.workers[worker].switches.confirm_epoch(namespace, "ann"))
        assert (epoch.epoch, epoch.namespace_id) == (len(self.namespaces), namespace)

    # What must hold

    def _order(self, trade: ModelTrade) -> ModelOrder:
        assert trade.order is not None
        return trade.order

    def _check_standing(self, order: ModelOrder, standing: OrderStanding) -> None:
        assert (standing.state, standing.final) == (order.state, order.final)
        assert (standing.filled_base, standing.filled_quote) == (order.filled, order.quote)
        assert (standing.venue_order_id is not None) == order.is_known_at_venue

    @invariant()
    def the_tables_hold_together(self) -> None:
        tables = self.runner.run(self.databases[0].read(read_tables))
        check_all(tables)
        rows = {row.trade_id: row for row in tables.trades}
        assert rows.keys() == {trade.trade_id for trade in self.known}
        held = {row.order_id: row for row in tables.reservations}
        stored = {row.order_id: row for row in tables.orders}
        for trade in self.known:
            assert (rows[trade.trade_id].status, rows[trade.trade_id].outcome_kind) == (trade.status, trade.outcome)
            if order := trade.order:
                row, slice_ = stored[order.asked.order_id], held[order.asked.order_id]
                assert (row.state, row.reported_base) == (order.state, order.reported)
                assert (slice_.usd_reserved, slice_.usd_spent, slice_.trades) == order.slice
                assert len([one for one in tables.attempts if one.order_id == row.order_id]) == len(order.attempts)
        assert len(stored) == len([trade for trade in self.known if trade.order])

    @invariant()
    def the_relay_is_offered_what_temporal_lacks(self) -> None:
        waiting = self.runner.run(self.workers[1].signals.not_started(1000))
        assert {signal.signal_id for signal in waiting} == {
            trade.signal_id for trade in self.known if not trade.is_started
        }


def _word(asked: Order, said: str, price: str, fee: str) -> Settlement:
    """What a person says; shares are those of the whole order."""
    who: dict[str, Any] = {"by": "ann", "reason": "seen"}
    if said == "never placed":
        return Settlement(kind="never_placed", **who)
    if said == "found":
        return Settlement(kind="found", venue_order_id=f"v-{asked.order_id}", **who)
    base = (asked.base_qty * Decimal(said)).quantize(Decimal("1e-18"))
    return Settlement(kind="filled", filled_base=base, price=Decimal(price), fee=Decimal(fee), **who)


def _place(answer: Admission) -> int:
    """Where an answer of the gate stands among those that were given at the same time."""
    return answer.attempt.number if answer.attempt else 1_000


@pytest.mark.parametrize("database", ["sqlite_ledgers", "postgres_ledgers"])
def test_whatever_happens_in_whatever_order_the_ledger_believes_what_it_should(
    database: str, request: pytest.FixtureRequest
) -> None:
    class Machine(LedgerMachine):
        ledgers = request.getfixturevalue(database)

    run_state_machine_as_test(Machine, settings=tried(25, steps=40))
