"""Design: the trip, 4."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.errors import LedgerBehind, TradeEnded
from domain.outcomes import without_order
from ledger.ledger import Ledger
from ledger.trades import Account
from tests.ledger.conftest import open_trade
from tests.worlds import PAPER, a_signal, an_alert, an_order, some_limits, some_rules

pytestmark = pytest.mark.anyio


async def test_a_trade_opens_once_and_keeps_its_rules(ledger: Ledger) -> None:
    signal = a_signal()
    await ledger.signals.keep(an_alert(), signal)
    first = await ledger.trades.open(signal.trade_id, some_rules())
    again = await ledger.trades.open(signal.trade_id, some_rules(trade_amount_usd=Decimal(99)))
    assert again == first
    assert again.rules.trade_amount_usd == Decimal(10)


async def test_a_signal_that_is_too_old_expires(ledger: Ledger) -> None:
    signal = a_signal(alerted_at=datetime.now(UTC) - timedelta(seconds=121))
    await ledger.signals.keep(an_alert(), signal)
    opened = await ledger.trades.open(signal.trade_id, some_rules(max_signal_age_s=120))
    assert opened.outcome is not None
    assert (opened.outcome.kind, opened.outcome.code) == ("expired", "SignalExpired")
    assert "121 s old" in opened.outcome.reason


async def test_a_halt_refuses_new_trades(ledger: Ledger) -> None:
    await ledger.switches.set_halt(True, "maintenance", "ann")
    signal = a_signal()
    await ledger.signals.keep(an_alert(), signal)
    opened = await ledger.trades.open(signal.trade_id, some_rules())
    assert opened.outcome is not None
    assert (opened.outcome.kind, opened.outcome.code) == ("refused", "TradingHalted")


async def test_a_trade_cancelled_before_its_workflow_arrives_never_opens(ledger: Ledger) -> None:
    signal = a_signal()
    await ledger.signals.keep(an_alert(), signal)
    answer = await ledger.trades.request_cancel(signal.trade_id, "changed my mind", "ann")
    assert not answer.too_late
    opened = await ledger.trades.open(signal.trade_id, some_rules())
    assert opened.outcome is not None
    assert (opened.outcome.kind, opened.outcome.reason) == ("cancelled", "changed my mind")


async def test_cancelling_a_closed_trade_says_how_it_ended(ledger: Ledger) -> None:
    signal = a_signal()
    await open_trade(ledger, signal)
    await ledger.trades.request_cancel(signal.trade_id, "first", "ann")
    opened = await ledger.trades.open(signal.trade_id, some_rules())
    assert opened.cancel_reason == "first"


async def test_a_trade_that_the_ledger_has_lost_is_not_opened(ledger: Ledger) -> None:
    with pytest.raises(LedgerBehind):
        await ledger.trades.open("lost-entry", some_rules())


async def test_a_worker_that_wakes_up_late_makes_no_order_for_a_closed_trade(ledger: Ledger) -> None:
    signal = a_signal()
    await open_trade(ledger, signal)
    await ledger.trades.close(signal.trade_id, without_order("BudgetExhausted", "nothing left"))
    with pytest.raises(TradeEnded, match=signal.trade_id):
        await ledger.orders.size(an_order(signal), "the only venue", some_limits())
    assert await ledger.reading.budgets() == []


async def test_an_account_name_stands_for_one_venue_and_mode(ledger: Ledger) -> None:
    await ledger.trades.register(PAPER)
    with pytest.raises(ValueError, match="coinbase-paper is paper at coinbase"):
        await ledger.trades.register(Account(name=PAPER.name, venue="coinbase", mode="live"))


async def test_unresolved_is_said_once(ledger: Ledger) -> None:
    signal = a_signal()
    await open_trade(ledger, signal)
    for _ in range(3):
        await ledger.trades.mark_unresolved(signal.trade_id, "no answer for 300 s")
    sheet = await ledger.reading.trade(signal.trade_id)
    assert sheet is not None
    assert sheet.unresolved_since is not None
    assert [event.stop for event in sheet.timeline].count("unresolved") == 1
