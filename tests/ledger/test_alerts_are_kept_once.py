"""Design: Duplicates."""

import asyncio
from datetime import timedelta

import pytest

from ledger.ledger import Ledger
from tests.worlds import a_signal, an_alert

pytestmark = pytest.mark.anyio


async def test_an_alert_is_kept_and_its_trade_waits_for_its_workflow(ledger: Ledger) -> None:
    kept = await ledger.signals.keep(an_alert(), a_signal())
    assert not kept.duplicate
    assert [signal.signal_id for signal in await ledger.signals.not_started(10)] == [kept.signal.signal_id]
    sheet = await ledger.reading.trade(kept.signal.trade_id)
    assert sheet is not None
    assert sheet.status == "received"


async def test_a_repeat_within_the_window_gets_the_first_answer(ledger: Ledger) -> None:
    alert = an_alert()
    first = await ledger.signals.keep(alert, a_signal())
    again = await ledger.signals.keep(alert, a_signal())
    assert again.duplicate
    assert again.signal == first.signal
    assert not again.differs


async def test_a_repeat_after_the_window_is_a_new_signal(ledger: Ledger) -> None:
    first = await ledger.signals.keep(an_alert(key="k", window=timedelta(0)), a_signal())
    second = await ledger.signals.keep(an_alert(key="k", window=timedelta(0)), a_signal())
    assert not second.duplicate
    assert second.signal.signal_id != first.signal.signal_id


async def test_the_window_counts_from_the_first_accepted_alert_not_from_its_repeats(ledger: Ledger) -> None:
    alert = an_alert(key="k", window=timedelta(seconds=30))
    first = await ledger.signals.keep(alert, a_signal())
    await ledger.signals.keep(alert, a_signal())
    lines = await ledger.reading.alerts(10)
    assert [line.fate for line in lines] == ["duplicate", "accepted"]
    assert {line.signal_id for line in lines} == {first.signal.signal_id}


async def test_an_explicit_id_is_unique_for_ever_and_says_when_the_body_differs(ledger: Ledger) -> None:
    first = await ledger.signals.keep(an_alert(key="id", window=None, body_hash="one"), a_signal())
    again = await ledger.signals.keep(an_alert(key="id", window=None, body_hash="two"), a_signal())
    assert again.duplicate
    assert again.differs
    assert again.signal == first.signal


async def test_identical_alerts_at_once_make_one_signal(ledger: Ledger) -> None:
    alert = an_alert()
    answers = await asyncio.gather(*(ledger.signals.keep(alert, a_signal()) for _ in range(40)))
    assert len({answer.signal.signal_id for answer in answers}) == 1
    assert [answer.duplicate for answer in answers].count(False) == 1
    assert len(await ledger.signals.not_started(100)) == 1


async def test_a_refused_alert_is_recorded_and_takes_no_key(ledger: Ledger) -> None:
    alert = an_alert()
    assert await ledger.signals.refuse(alert, "signal_stale", "too old") is None
    kept = await ledger.signals.keep(alert, a_signal())
    assert not kept.duplicate
    assert [line.fate for line in await ledger.reading.alerts(10)] == ["accepted", "refused"]


async def test_a_stale_resend_of_an_accepted_alert_gets_its_answer(ledger: Ledger) -> None:
    alert = an_alert()
    first = await ledger.signals.keep(alert, a_signal())
    again = await ledger.signals.refuse(alert, "signal_stale", "too old")
    assert again is not None
    assert again.duplicate
    assert again.signal == first.signal


async def test_a_started_signal_is_not_offered_to_the_relay_again(ledger: Ledger) -> None:
    kept = await ledger.signals.keep(an_alert(), a_signal())
    await ledger.signals.mark_started([kept.signal.signal_id])
    assert await ledger.signals.not_started(10) == []
