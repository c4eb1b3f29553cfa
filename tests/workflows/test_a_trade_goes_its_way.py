"""Design: the trip of one signal; Exactly once, 4 to 9."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities import policies
from activities.recording import Recording, SizeRequest
from domain.errors import OrderMismatch, PairUnknown
from domain.outcomes import Outcome
from domain.quotes import Quotes, best_route
from domain.rules import Rules
from domain.signals import Signal
from ledger.ledger import Ledger
from ledger.reading import TradeSheet
from tests.fakes import FakeVenue, fill_silently, nothing, reject, rest
from tests.workflows.conftest import open_desk
from tests.worlds import PAPER, a_fill, a_quote, a_signal, an_alert, some_limits, some_rules

pytestmark = pytest.mark.anyio


class Trip:
    """One trade from its start to its end."""

    def __init__(self, temporal: WorkflowEnvironment, ledger: Ledger) -> None:
        self._temporal, self._ledger = temporal, ledger

    async def __call__(
        self, venue: FakeVenue, signal: Signal | None = None, rules: Rules | None = None
    ) -> tuple[Outcome, TradeSheet]:
        async with open_desk(self._temporal, self._ledger, venue, rules) as desk:
            handle = await desk.start(signal)
            result = await handle.result()
            sheet = await desk.sheet(handle)
            described = await handle.describe()
        assert described.status is WorkflowExecutionStatus.COMPLETED
        assert sheet.outcome == result.outcome
        return result.outcome, sheet


@pytest.fixture
def trip(temporal: WorkflowEnvironment, ledger: Ledger) -> Trip:
    return Trip(temporal, ledger)


async def reserved(ledger: Ledger) -> Decimal:
    return sum((line.usd_reserved for line in await ledger.reading.budgets()), Decimal(0))


async def test_a_buy_is_quoted_sized_placed_filled_and_recorded(trip: Trip) -> None:
    outcome, sheet = await trip(FakeVenue(), a_signal(amount=Decimal(25)))
    assert (outcome.kind, outcome.filled_base) == ("filled", Decimal("0.01"))
    assert [fill.base_qty for fill in sheet.fills] == [Decimal("0.01")]
    stops = [event.stop for event in sheet.timeline]
    assert stops == ["received", "opened", "quoted", "sized", "gate", "sent", "fill", "report", "closed"]


async def test_a_rejected_order_is_a_refused_trade_and_is_sent_once(trip: Trip, ledger: Ledger) -> None:
    venue = FakeVenue(reject)
    outcome, _ = await trip(venue)
    assert (outcome.kind, outcome.code) == ("refused", "FundsInsufficient")
    assert len(venue.submits) == 1
    assert await reserved(ledger) == 0


async def test_an_order_whose_answer_was_lost_is_found_and_not_sent_again(trip: Trip) -> None:
    venue = FakeVenue(fill_silently)
    outcome, _ = await trip(venue)
    assert outcome.kind == "filled"
    assert len(venue.submits) == 1


async def test_an_order_that_never_arrived_is_sent_again_under_the_same_id(trip: Trip) -> None:
    venue = FakeVenue(nothing, fill_silently)
    outcome, sheet = await trip(venue)
    assert outcome.kind == "filled"
    assert len({sent.client_order_id for sent in venue.submits}) == 1
    assert len(venue.submits) == 2
    assert [attempt.verdict for attempt in sheet.attempts] == ["unknown", "unknown", "not_placed"]
    assert "not sent" in sheet.attempts[-1].evidence


async def test_a_venue_that_takes_no_repeats_is_sent_to_once_and_then_only_asked(trip: Trip) -> None:
    venue = FakeVenue(fill_silently, resend_window=None)
    outcome, _ = await trip(venue)
    assert outcome.kind == "filled"
    assert len(venue.submits) == 1


async def test_an_order_that_is_nowhere_after_every_fence_was_not_placed(trip: Trip, ledger: Ledger) -> None:
    venue = FakeVenue(nothing, resend_window=None)
    venue.clock_ahead = timedelta(minutes=1)
    outcome, _ = await trip(venue)
    assert (outcome.kind, outcome.code) == ("refused", "NotPlaced")
    assert "lost on its way" in outcome.reason
    assert len(venue.submits) == 1
    assert await reserved(ledger) == 0


async def test_a_trade_stays_open_and_calls_a_person_while_nobody_can_tell(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(nothing, resend_window=None)
    async with open_desk(temporal, ledger, venue, some_rules(unresolved_alert_s=30)) as desk:
        handle = await desk.start()
        await temporal.fast_forward(handle, timedelta(minutes=5))
        sheet = await desk.sheet(handle)
        assert sheet.status == "open"
        assert sheet.unresolved_since is not None
        assert [event.stop for event in sheet.timeline if event.level == "alert"] == ["unresolved"]
        venue.clock_ahead = timedelta(hours=1)
        result = await handle.result()
    assert result.outcome.code == "NotPlaced"


async def test_a_budget_without_room_refuses_the_trade(trip: Trip) -> None:
    venue = FakeVenue()
    outcome, _ = await trip(venue, rules=some_rules(limits=some_limits(daily_trades=0)))
    assert (outcome.kind, outcome.code) == ("refused", "BudgetExhausted")
    assert venue.submits == []


async def test_a_pair_that_the_venue_does_not_know_refuses_the_trade(trip: Trip) -> None:
    venue = FakeVenue()
    venue.quote_error = PairUnknown("coinbase: HTTP 404")
    outcome, _ = await trip(venue)
    assert (outcome.kind, outcome.code, outcome.reason) == ("refused", "PairUnknown", "coinbase: HTTP 404")


async def test_a_quote_that_grew_old_on_its_way_is_asked_for_again(trip: Trip) -> None:
    venue = FakeVenue()
    venue.quote_ages = [timedelta(seconds=11)]
    outcome, _ = await trip(venue)
    assert outcome.kind == "filled"
    assert venue.quotes == 2


async def test_a_repeat_of_sizing_gets_the_order_that_was_kept_though_the_quote_is_old_by_now(ledger: Ledger) -> None:
    recording, signal = Recording(ledger, some_rules()), a_signal()
    await ledger.signals.keep(an_alert(), signal)
    await ledger.trades.register(PAPER)
    trade = await recording.open_trade(signal.trade_id)
    first = await recording.size_order(SizeRequest(trade=trade, route=best_route(Quotes(quotes=(a_quote(),)))))
    old = a_quote(quoted_at=datetime.now(UTC) - timedelta(minutes=1))
    again = await recording.size_order(SizeRequest(trade=trade, route=best_route(Quotes(quotes=(old,)))))
    assert again == first


async def test_a_signal_for_another_venue_is_not_traded_here(trip: Trip) -> None:
    venue = FakeVenue()
    outcome, _ = await trip(venue, a_signal(exchange="kraken"))
    assert (outcome.kind, outcome.code) == ("refused", "VenueNotHere")
    assert venue.submits == []


async def test_a_venue_whose_quotes_are_always_old_is_not_traded_on(trip: Trip) -> None:
    venue = FakeVenue()
    venue.quote_ages = [timedelta(seconds=11)] * 5
    outcome, _ = await trip(venue)
    assert (outcome.kind, outcome.code) == ("refused", "QuoteStale")
    assert venue.quotes == policies.QUOTES_AT_MOST
    assert venue.submits == []


async def test_a_stale_signal_expires_without_a_quote(trip: Trip) -> None:
    venue = FakeVenue()
    outcome, _ = await trip(venue, a_signal(alerted_at=datetime.now(UTC) - timedelta(hours=1)))
    assert (outcome.kind, outcome.code) == ("expired", "SignalExpired")
    assert venue.submits == []


async def test_a_halt_refuses_the_trade_with_its_reason(trip: Trip, ledger: Ledger) -> None:
    await ledger.switches.set_halt(True, "maintenance", "ann")
    outcome, _ = await trip(FakeVenue())
    assert (outcome.kind, outcome.code) == ("refused", "TradingHalted")
    assert "maintenance" in outcome.reason


async def test_a_sale_takes_its_share_of_the_balance(trip: Trip) -> None:
    venue = FakeVenue()
    venue.sellable = Decimal(2)
    outcome, _ = await trip(venue, a_signal(action="SELL", percentage=Decimal(50)))
    assert (outcome.kind, outcome.filled_base) == ("filled", Decimal(1))


async def test_an_ioc_that_fills_in_part_is_kept_and_reported(trip: Trip) -> None:
    def partly(venue: FakeVenue, order: object, sent: object) -> object:
        return venue.accept(order, sent, "cancelled", a_fill("f1", "0.004"))  # type: ignore[arg-type]

    outcome, _ = await trip(FakeVenue(partly))  # type: ignore[arg-type]
    assert (outcome.kind, outcome.filled_base) == ("partly_filled", Decimal("0.004"))
    assert "0.006 ETH were not filled" in outcome.reason


async def test_a_limit_order_rests_until_its_watcher_sees_it_fill(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue(rest)
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start(a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
        (order,) = (await desk.sheet(handle)).orders
        venue.now_says(order.order.order_id, "open", a_fill("f1", "0.004", "2400"))
        venue.now_says(order.order.order_id, "filled", a_fill("f1", "0.004", "2400"), a_fill("f2", "0.006", "2400"))
        result = await handle.result()
    assert (result.outcome.kind, result.outcome.filled_base) == ("filled", Decimal("0.01"))
    assert result.outcome.average_price == Decimal(2400)


async def test_a_limit_order_ends_at_its_deadline(trip: Trip, ledger: Ledger) -> None:
    venue = FakeVenue(rest)
    outcome, _ = await trip(venue, a_signal(limit_price=Decimal(2400), cancel_after_s=1, amount=Decimal(24)))
    assert (outcome.kind, outcome.code) == ("expired", "DeadlinePassed")
    assert len(venue.cancels) == 1
    assert await reserved(ledger) == 0


@pytest.mark.slow
async def test_an_order_that_cannot_be_looked_at_calls_a_person_and_is_settled_when_it_can(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue()
    venue.report_error = OrderMismatch("the venue's order is not ours")
    async with open_desk(temporal, ledger, venue, some_rules(unresolved_alert_s=120)) as desk:
        handle = await desk.start()
        await temporal.fast_forward(handle, timedelta(minutes=10))
        sheet = await desk.sheet(handle)
        assert sheet.status == "open"
        assert [event.stop for event in sheet.timeline if event.level == "alert"] == ["unresolved"]
        venue.report_error = None
        result = await handle.result()
    assert result.outcome.kind == "filled"
