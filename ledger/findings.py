"""What the auditor found: each difference is told once, and again only when it comes back; and what it mends."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, select

from domain.audits import AuditReport, Difference, Look
from domain.values import Value
from ledger import budgets, rows
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.tables import FindingRow, LookRow, SignalRow
from ledger.transaction import Transaction

_STOP = "audit"
_PRESENT = select(FindingRow).where(col(FindingRow.gone_at).is_(None)).order_by(col(FindingRow.first_seen_at))
_GONE_SINCE = select(FindingRow).where(col(FindingRow.gone_at) >= bindparam("since")).order_by(col(FindingRow.gone_at))
_LOOKS = select(LookRow).order_by(col(LookRow.book), col(LookRow.account))


class Finding(Value):
    """A difference that was there when the auditor looked last, and since when."""

    difference: Difference
    first_seen_at: datetime
    last_seen_at: datetime


class PastLook(Value):
    """The latest time that two books were compared."""

    look: Look
    ended_at: datetime


class Findings(Book):
    """The auditor's book to write in."""

    @writes
    def record(self, tx: Transaction, report: AuditReport) -> None:
        """Keep what a round of looks found. A new difference makes an audit event, one that is gone another.

        A look that could not be made says nothing about what was found before. A repeat changes nothing.
        """
        for look in report.looks:
            _record_look(tx, look)
        for difference in sorted(report.differences, key=lambda one: one.key):
            _record(tx, difference, report.at)
        found = {difference.key for difference in report.differences}
        for row in tx.select(FindingRow, _PRESENT):
            difference = Difference.model_validate_json(row.difference)
            if difference.key not in found and _was_looked_for(difference, report):
                row.gone_at = tx.now()
                note(tx, difference.trade_id, _STOP, f"{row.code} is gone", difference.what)

    @reads
    def present(self, tx: Transaction) -> Sequence[Finding]:
        """Differences that were found and have not gone since, oldest first."""
        return [_finding(row) for row in tx.select(FindingRow, _PRESENT)]

    @reads
    def mended(self, tx: Transaction, within: timedelta) -> Sequence[Finding]:
        """Differences that the auditor mended, in that time until now, oldest first."""
        found = [_finding(row) for row in tx.select(FindingRow, _GONE_SINCE, since=tx.now() - within)]
        return [finding for finding in found if finding.difference.repaired]

    @reads
    def looks(self, tx: Transaction) -> Sequence[PastLook]:
        """The latest look at each pair of books."""
        return [
            PastLook(look=Look.model_validate_json(row.look), ended_at=row.ended_at)
            for row in tx.select(LookRow, _LOOKS)
        ]

    @writes
    def start_again(self, tx: Transaction, trade_id: str) -> bool:
        """Let the relay start the trade's workflow again; it goes on from its rows. Whether there was something to do.

        Only for one that Temporal does not have at all: of two starts it refuses the second.
        """
        trade = rows.lock_trade(tx, trade_id)
        if trade.status == "closed":
            return False
        tx.get(SignalRow, trade.signal_id, lock="update").started_at = None
        return True

    @writes
    def settle_reservation(self, tx: Transaction, order_id: str) -> bool:
        """Book what a final order really used of its budgets and give back the rest; whether it is final."""
        order = rows.lock_order(tx, order_id)
        if order.final_at is None:
            return False
        budgets.settle(tx, order)
        return True


def _record_look(tx: Transaction, look: Look) -> None:
    row = LookRow(book=look.book, account=look.account, ended_at=tx.now(), look=look.model_dump_json())
    if not tx.add_once(row):
        kept = tx.get(LookRow, look.book, look.account, lock="update")
        kept.ended_at, kept.look = row.ended_at, row.look


def _record(tx: Transaction, difference: Difference, at: datetime) -> None:
    kept = _kept(tx, difference, at)
    if kept.last_seen_at is not None and at <= max(kept.last_seen_at, kept.gone_at or kept.last_seen_at):
        # Recorded already, or mended since that look.
        return
    before = Difference.model_validate_json(kept.difference)
    if kept.last_seen_at is None or kept.gone_at is not None or before.level != difference.level:
        kept.first_seen_at = at
        repaired = f"; repaired: {difference.repaired}" if difference.repaired else ""
        note(tx, difference.trade_id, _STOP, difference.code, difference.what + repaired, level=difference.level)
    elif difference.repaired:
        note(tx, difference.trade_id, _STOP, f"{difference.code} is repaired", difference.repaired)
    kept.difference, kept.last_seen_at = difference.model_dump_json(), at
    kept.gone_at = tx.now() if difference.repaired else None


def _kept(tx: Transaction, difference: Difference, at: datetime) -> FindingRow:
    account, code, place = difference.key
    found = difference.model_dump_json()
    tx.add_once(FindingRow(account=account, code=code, place=place, difference=found, first_seen_at=at))
    return tx.get(FindingRow, account, code, place, lock="update")


def _was_looked_for(difference: Difference, report: AuditReport) -> bool:
    """Whether somebody looked at the books that it is about; Temporal is looked at for all accounts at once."""
    return any(
        look.book == difference.book and (look.book == "temporal" or look.account == difference.account)
        for look in report.looks
        if not look.trouble and not look.left_out
    )


def _finding(row: FindingRow) -> Finding:
    assert row.last_seen_at is not None
    return Finding(
        difference=Difference.model_validate_json(row.difference),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )
