"""The auditor's own book: a difference is told when it appears, and when it comes back, and never in between."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from domain.audits import AuditReport, Book, Difference, Look
from domain.outcomes import conclude
from ledger.ledger import Ledger
from ledger.tables import AuditRow, SignalRow
from ledger.transaction import Transaction
from tests.ledger.conftest import open_trade, sized_order
from tests.worlds import PAPER, a_report, a_signal, an_alert

pytestmark = pytest.mark.anyio


def missed(**changes: Any) -> Difference:
    values = {
        "code": "missed_fill",
        "book": "venue",
        "account": PAPER.name,
        "place": "o-1/f-1",
        "what": "the venue has it, the ledger does not",
    }
    return Difference(**{**values, **changes})


class Rounds:
    """One round of looks after the other, a minute apart."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.at: datetime | None = None

    async def next(self, *differences: Difference, book: Book = "venue", trouble: str = "", left_out: int = 0) -> None:
        self.at = (self.at or await self.ledger.auditing.now()) + timedelta(minutes=1)
        await self.again(*differences, book=book, trouble=trouble, left_out=left_out)

    async def again(self, *differences: Difference, book: Book = "venue", trouble: str = "", left_out: int = 0) -> None:
        assert self.at is not None
        account = PAPER.name if book != "temporal" else ""
        look = Look(book=book, account=account, began_at=self.at, trouble=trouble, left_out=left_out)
        await self.ledger.findings.record(AuditReport(looks=(look,), differences=differences))

    async def told(self) -> list[tuple[str, str]]:
        def events(tx: Transaction) -> Sequence[AuditRow]:
            query = select(AuditRow).where(col(AuditRow.stop) == "audit").order_by(col(AuditRow.event_id))
            return tx.select(AuditRow, query)

        return [(row.decision, row.level) for row in await self.ledger.database.read(events)]

    async def present(self) -> list[str]:
        return [finding.difference.place for finding in await self.ledger.findings.present()]


@pytest.fixture
def rounds(ledger: Ledger) -> Rounds:
    return Rounds(ledger)


async def test_a_difference_that_stays_is_told_once(rounds: Rounds) -> None:
    for _ in range(3):
        await rounds.next(missed())
    assert await rounds.told() == [("missed_fill", "alert")]
    (finding,) = await rounds.ledger.findings.present()
    assert finding.last_seen_at - finding.first_seen_at == timedelta(minutes=2)


async def test_one_that_is_gone_is_told_and_told_anew_when_it_comes_back(rounds: Rounds) -> None:
    await rounds.next(missed())
    await rounds.next()
    assert await rounds.present() == []
    await rounds.next(missed())
    assert await rounds.told() == [("missed_fill", "alert"), ("missed_fill is gone", "info"), ("missed_fill", "alert")]
    assert await rounds.present() == ["o-1/f-1"]


async def test_the_same_round_recorded_twice_changes_nothing(rounds: Rounds) -> None:
    """The activity that records may be repeated after its transaction."""
    repaired = missed(repaired="booked what the venue has on record")
    await rounds.next(repaired, missed(place="o-2/f-2"))
    await rounds.again(repaired, missed(place="o-2/f-2"))
    assert await rounds.told() == [("missed_fill", "alert")] * 2
    assert await rounds.present() == ["o-2/f-2"]


async def test_what_was_mended_is_gone_and_an_older_look_does_not_bring_it_back(rounds: Rounds) -> None:
    await rounds.next(missed(repaired="booked"))
    late = AuditReport(
        looks=(Look(book="venue", account=PAPER.name, began_at=await rounds.ledger.auditing.now()),),
        differences=(missed(),),
    )
    await rounds.ledger.findings.record(late)
    assert await rounds.present() == []
    assert await rounds.told() == [("missed_fill", "alert")]


@pytest.mark.parametrize("why", [{"trouble": "VenueDown: 503"}, {"left_out": 7}])
async def test_a_look_that_was_not_whole_says_nothing_about_what_was_found_before(
    rounds: Rounds, why: dict[str, Any]
) -> None:
    await rounds.next(missed())
    await rounds.next(**why)
    assert await rounds.present() == ["o-1/f-1"]


async def test_a_look_at_other_books_says_nothing_about_these(rounds: Rounds) -> None:
    await rounds.next(missed())
    await rounds.next(book="ledger")
    await rounds.next(book="temporal")
    assert await rounds.present() == ["o-1/f-1"]


async def test_the_latest_look_at_each_pair_of_books_is_remembered(rounds: Rounds) -> None:
    await rounds.next()
    await rounds.next(trouble="VenueDown: 503")
    await rounds.next(book="temporal")
    looks = {kept.look.book: kept.look.trouble for kept in await rounds.ledger.findings.looks()}
    assert looks == {"venue": "VenueDown: 503", "temporal": ""}


async def test_an_alert_stands_in_the_timeline_of_its_trade(rounds: Rounds) -> None:
    order = await sized_order(rounds.ledger, a_signal())
    await rounds.next(missed(trade_id=order.trade_id, repaired="booked what the venue has on record"))
    sheet = await rounds.ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert sheet.timeline[-1].stop == "audit"
    assert sheet.timeline[-1].reason.endswith("does not; repaired: booked what the venue has on record")


async def test_information_alarms_nobody(rounds: Rounds) -> None:
    await rounds.next(missed(code="foreign_order", level="info"))
    assert await rounds.told() == [("foreign_order", "info")]


async def test_a_trade_without_a_workflow_is_given_back_to_the_relay(ledger: Ledger) -> None:
    signal = a_signal()
    await open_trade(ledger, signal)
    await ledger.signals.mark_started([signal.signal_id])
    assert await ledger.signals.not_started(10) == []
    assert await ledger.findings.start_again(signal.trade_id)
    assert [kept.trade_id for kept in await ledger.signals.not_started(10)] == [signal.trade_id]


async def test_a_closed_trade_is_never_started_again(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    standing = await ledger.reports.merge(a_report(order, "cancelled"))
    await ledger.trades.close(order.trade_id, conclude(standing))

    def started(tx: Transaction) -> None:
        for row in tx.select(SignalRow, select(SignalRow)):
            row.started_at = tx.now()

    await ledger.database.write(started)
    assert not await ledger.findings.start_again(order.trade_id)
    assert await ledger.signals.not_started(10) == []


async def test_trades_are_read_with_what_temporal_confirmed(ledger: Ledger) -> None:
    waits = (await ledger.signals.keep(an_alert(), a_signal())).signal
    runs = (await ledger.signals.keep(an_alert(), a_signal())).signal
    await ledger.signals.mark_started([runs.signal_id])
    books = await ledger.auditing.trades([runs.trade_id, "unheard-of"])
    assert {trade.trade_id: trade.is_started for trade in books.trades} == {waits.trade_id: False, runs.trade_id: True}
