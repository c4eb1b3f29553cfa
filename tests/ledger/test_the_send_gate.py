"""Design: Exactly once, 2 to 7."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.attempts import FENCE_MARGIN, Answer, Send
from domain.errors import LedgerBehind
from domain.orders import Order
from ledger.ledger import Ledger
from ledger.tables import SignalRow
from ledger.transaction import Transaction
from tests.ledger.conftest import sized_order
from tests.worlds import a_report, a_signal, accepted, prepared, some_rules

pytestmark = pytest.mark.anyio

UNKNOWN = Answer(verdict="unknown", evidence="no answer in 5 s")
REJECTED = Answer(verdict="rejected", reason_code="FundsInsufficient", evidence="INSUFFICIENT_FUND")
RATE_LIMITED = Answer(verdict="not_placed", reason_code="RateLimited", evidence="429")


def sending(order: Order, *, fence_s: int = 12, window_s: int | None = 30, epoch: int = 0) -> Send:
    return Send(
        prepared=prepared(order),
        fence_at=datetime.now(UTC) + timedelta(seconds=fence_s),
        resend_window=timedelta(seconds=window_s) if window_s is not None else None,
        epoch=epoch,
    )


async def test_the_first_attempt_needs_no_look_up(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    admission = await ledger.orders.admit(sending(order))
    assert admission.attempt is not None
    assert admission.attempt.number == 1
    assert not admission.look_up_first
    assert (await ledger.orders.standing(order.order_id)).state == "sending"


async def test_a_second_send_comes_after_a_look_up_with_what_was_prepared_first(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    first = sending(order)
    await ledger.orders.admit(first)
    other = first.model_copy(update={"prepared": first.prepared.model_copy(update={"payload": "another"})})
    admission = await ledger.orders.admit(other)
    assert admission.look_up_first
    assert admission.attempt is not None
    assert admission.attempt.number == 2
    assert admission.prepared == first.prepared


async def test_a_venue_that_takes_no_repeats_is_sent_to_once(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    assert (await ledger.orders.admit(sending(order, window_s=None))).attempt is not None
    again = await ledger.orders.admit(sending(order, window_s=None))
    assert again.attempt is None
    assert again.look_up_first
    assert not again.closed_code


async def test_a_venue_that_takes_no_repeats_gets_no_second_attempt_though_nothing_came_of_it(
    ledger: Ledger,
) -> None:
    order = await sized_order(ledger, a_signal())
    first = (await ledger.orders.admit(sending(order, window_s=None))).attempt
    assert first is not None
    await ledger.orders.answer(first, RATE_LIMITED)
    again = await ledger.orders.admit(sending(order, window_s=None))
    assert (again.attempt, again.look_up_first, again.closed_code) == (None, False, "")
    assert (await ledger.orders.conclude_unplaced(order.order_id, None)).final


async def test_after_the_resend_window_there_are_only_look_ups(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(order, window_s=0))
    again = await ledger.orders.admit(sending(order, window_s=0))
    assert again.attempt is None
    assert again.look_up_first


async def test_an_accepted_order_is_never_sent_again(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    admission = await ledger.orders.admit(sending(order))
    assert admission.attempt is not None
    standing = await ledger.orders.answer(admission.attempt, accepted(order))
    assert standing.state == "open"
    assert (await ledger.orders.admit(sending(order))).attempt is None


async def test_many_workers_at_the_gate_of_a_venue_without_repeats_make_one_attempt(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    admissions = await asyncio.gather(*(ledger.orders.admit(sending(order, window_s=None)) for _ in range(20)))
    assert [admission.attempt is not None for admission in admissions].count(True) == 1


async def test_an_order_is_rejected_only_when_every_attempt_is(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    first = (await ledger.orders.admit(sending(order))).attempt
    second = (await ledger.orders.admit(sending(order))).attempt
    assert first is not None
    assert second is not None
    assert (await ledger.orders.answer(second, REJECTED)).state == "unknown"
    standing = await ledger.orders.answer(first, REJECTED)
    assert standing.state == "rejected"
    assert standing.final
    assert standing.reason_code == "FundsInsufficient"


async def test_a_rejection_leaves_an_earlier_unknown_attempt_unknown(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    first = (await ledger.orders.admit(sending(order))).attempt
    assert first is not None
    await ledger.orders.answer(first, UNKNOWN)
    second = (await ledger.orders.admit(sending(order))).attempt
    assert second is not None
    standing = await ledger.orders.answer(second, REJECTED)
    assert standing.state == "unknown"
    assert not standing.final


async def test_a_pause_that_the_venue_asks_for_lets_another_attempt_follow_without_look_up(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    first = (await ledger.orders.admit(sending(order))).attempt
    assert first is not None
    assert (await ledger.orders.answer(first, RATE_LIMITED)).state == "sized"
    second = await ledger.orders.admit(sending(order))
    assert second.attempt is not None
    assert not second.look_up_first


async def test_the_answer_of_an_attempt_is_booked_once(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    attempt = (await ledger.orders.admit(sending(order))).attempt
    assert attempt is not None
    await ledger.orders.answer(attempt, accepted(order))
    assert (await ledger.orders.answer(attempt, REJECTED)).state == "open"


async def test_an_acceptance_overrules_what_we_had_concluded(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    attempt = (await ledger.orders.admit(sending(order, fence_s=-60))).attempt
    assert attempt is not None
    assert (await ledger.orders.conclude_unplaced(order.order_id, datetime.now(UTC))).state == "not_placed"
    standing = await ledger.orders.answer(attempt, accepted(order))
    assert standing.state == "open"
    assert not standing.final
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert any(event.level == "alert" for event in sheet.timeline)


async def test_a_second_order_at_the_venue_calls_a_person(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    attempts = [(await ledger.orders.admit(sending(order))).attempt for _ in range(2)]
    for attempt, venue_order_id in zip(attempts, ("v-1", "v-2"), strict=True):
        assert attempt is not None
        standing = await ledger.orders.answer(attempt, Answer(verdict="accepted", venue_order_id=venue_order_id))
        assert (standing.state, standing.venue_order_id) == ("open", "v-1")
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert [event.reason for event in sheet.timeline if event.level == "alert"] == ["known as v-1, accepted as v-2 too"]


async def test_a_halt_closes_the_gate_and_lists_what_may_still_go_out(ledger: Ledger) -> None:
    going, waiting = await sized_order(ledger, a_signal()), await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(going))
    halted = await ledger.switches.set_halt(True, "exchange misbehaves", "ann")
    assert [send.order_id for send in halted.underway] == [going.order_id]
    closed = await ledger.orders.admit(sending(waiting))
    assert closed.attempt is None
    assert closed.closed_code == "TradingHalted"
    assert "exchange misbehaves" in closed.closed_because
    await ledger.switches.set_halt(False, "fine again", "ann")
    assert (await ledger.orders.admit(sending(waiting))).attempt is not None


async def test_no_send_is_admitted_once_a_halt_is_acknowledged(ledger: Ledger) -> None:
    orders = [await sized_order(ledger, a_signal()) for _ in range(12)]
    halting = asyncio.create_task(ledger.switches.set_halt(True, "stop", "ann"))
    admissions = await asyncio.gather(*(ledger.orders.admit(sending(order)) for order in orders))
    underway = {send.order_id for send in (await halting).underway}
    admitted = {admission.attempt.order_id for admission in admissions if admission.attempt}
    assert admitted == underway


async def test_a_stale_signal_is_not_sent(ledger: Ledger) -> None:
    signal = a_signal()
    order = await sized_order(ledger, signal, some_rules(max_signal_age_s=120))
    older = signal.model_copy(update={"alerted_at": datetime.now(UTC) - timedelta(seconds=121)})

    def grow_old(tx: Transaction) -> None:
        tx.get(SignalRow, signal.signal_id).signal = older.model_dump_json()

    await ledger.database.write(grow_old)
    closed = await ledger.orders.admit(sending(order))
    assert closed.closed_code == "SignalExpired"


async def test_nothing_worse_than_the_route_is_sent(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    send = sending(order)
    worse = send.prepared.model_copy(update={"limit_price": order.limit_price + Decimal("0.01")})
    closed = await ledger.orders.admit(send.model_copy(update={"prepared": worse}))
    assert closed.closed_code == "OrderMismatch"


async def test_a_worker_of_another_temporal_sends_nothing(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    old = await ledger.switches.confirm_epoch("namespace-1", "up")
    new = await ledger.switches.confirm_epoch("namespace-2", "ann")
    assert (old.epoch, new.epoch) == (1, 2)
    assert (await ledger.orders.admit(sending(order, epoch=old.epoch))).closed_code == "OtherTemporal"
    assert (await ledger.orders.admit(sending(order, epoch=new.epoch))).attempt is not None


async def test_a_cancelled_trade_is_not_sent_and_its_order_is_concluded(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.trades.request_cancel(order.trade_id, "changed my mind", "ann")
    standing = await ledger.orders.standing(order.order_id)
    assert standing.state == "not_placed"
    assert standing.reason_code == "CancelRequested"
    assert (await ledger.orders.admit(sending(order))).attempt is None


async def test_closing_the_gate_concludes_nothing_once_there_is_an_attempt(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(order))
    standing = await ledger.orders.close_gate(order.order_id, "CancelRequested", "cancelled")
    assert standing.state == "sending"
    assert not standing.final
    assert (await ledger.orders.admit(sending(order))).attempt is None


async def test_not_placed_needs_a_look_up_that_began_after_every_fence_and_a_margin(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(order, fence_s=10))
    last = (await ledger.orders.admit(sending(order, fence_s=20))).attempt
    assert last is not None
    assert last.fence_at is not None
    too_early = last.fence_at + FENCE_MARGIN - timedelta(milliseconds=1)
    assert (await ledger.orders.conclude_unplaced(order.order_id, None)).state == "sending"
    assert (await ledger.orders.conclude_unplaced(order.order_id, too_early)).state == "sending"
    concluded = await ledger.orders.conclude_unplaced(order.order_id, last.fence_at + FENCE_MARGIN)
    assert concluded.state == "not_placed"
    assert concluded.final


async def test_an_attempt_without_a_fence_is_never_called_not_placed(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(order).model_copy(update={"fence_at": None}))
    later = datetime.now(UTC) + timedelta(days=365)
    assert (await ledger.orders.conclude_unplaced(order.order_id, later)).state == "sending"


async def test_an_order_that_the_venue_reported_is_never_called_not_placed(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.admit(sending(order, fence_s=-60))
    await ledger.reports.merge(a_report(order, "open"))
    assert (await ledger.orders.conclude_unplaced(order.order_id, datetime.now(UTC))).state == "open"


async def test_an_order_that_the_ledger_has_lost_stops_the_sender(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    lost = order.model_copy(update={"order_id": "lost-1"})
    with pytest.raises(LedgerBehind, match="lost-1"):
        await ledger.orders.admit(sending(lost))
