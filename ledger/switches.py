"""The kill switch, and which Temporal drives this ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from domain.attempts import FENCE_MARGIN
from domain.values import Value
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.database import insert_once, now
from ledger.tables import AttemptRow, EpochRow, OrderRow, SignalRow, SwitchRow, TradeRow

_HALT = "halt"


class Halt(Value):
    """Whether trading is halted, since when, by whom and why."""

    is_on: bool
    reason: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None


class SendUnderway(Value):
    """An attempt that the gate admitted before the halt and that has no answer yet: it may still reach its venue."""

    trade_id: str
    order_id: str
    number: int
    fence_at: datetime | None


class Halted(Value):
    """What `halt` and `resume` answer."""

    halt: Halt
    underway: tuple[SendUnderway, ...] = ()


class Epoch(Value):
    """The latest Temporal database that a person or `surefill up` confirmed."""

    epoch: int
    namespace_id: str


class Switches(Book):
    """What stops everything."""

    @reads
    def halt(self, session: Session) -> Halt:
        """The kill switch as it stands."""
        return _halt(session.get_one(SwitchRow, _HALT))

    @writes
    def set_halt(self, session: Session, is_on: bool, reason: str, by: str) -> Halted:
        """Turn the kill switch. Once this returns, no gate admits a send; `underway` were admitted before."""
        return turn_halt(session, is_on, reason, by)

    @reads
    def epoch(self, session: Session) -> Epoch | None:
        """The Temporal database that may drive this ledger; None: any, there was none yet."""
        return latest_epoch(session)

    @writes
    def confirm_epoch(self, session: Session, namespace_id: str, by: str) -> Epoch:
        """Let the Temporal database with this namespace id drive the ledger; workers of another stop at the gate.

        Trades that have not ended are started there again, and go on from their rows.
        """
        latest = latest_epoch(session)
        if latest is not None and latest.namespace_id == namespace_id:
            return latest
        number = latest.epoch + 1 if latest else 1
        row = EpochRow(epoch=number, namespace_id=namespace_id, confirmed_by=by, confirmed_at=now(session))
        if insert_once(session, row):
            _start_again(session)
            note(session, None, "temporal", f"epoch {number}", f"namespace {namespace_id}, confirmed by {by}")
        kept = session.get_one(EpochRow, number)
        return Epoch(epoch=kept.epoch, namespace_id=kept.namespace_id)


def _start_again(session: Session) -> None:
    ended = select(TradeRow.signal_id).where(col(TradeRow.status) == "closed")
    going_on = update(SignalRow).where(col(SignalRow.signal_id).not_in(ended))
    session.execute(going_on.values(started_at=None))


def turn_halt(session: Session, is_on: bool, reason: str, by: str) -> Halted:
    """Turn the kill switch inside a transaction. The row lock waits for every gate that is reading it."""
    row = session.get_one(SwitchRow, _HALT, with_for_update=True)
    row.is_on, row.reason, row.changed_by, row.changed_at = is_on, reason, by, now(session)
    note(session, None, "halt" if is_on else "resume", "by " + by, reason, level="alert")
    session.flush()
    return Halted(halt=_halt(row), underway=tuple(_underway(session)) if is_on else ())


def latest_epoch(session: Session) -> Epoch | None:
    row = session.exec(select(EpochRow).order_by(col(EpochRow.epoch).desc()).limit(1)).first()
    return Epoch(epoch=row.epoch, namespace_id=row.namespace_id) if row else None


def halt_under_lock(session: Session) -> Halt:
    """The kill switch, held still until the transaction ends: a halt is not acknowledged while a gate is open."""
    statement = select(SwitchRow).where(col(SwitchRow.name) == _HALT).with_for_update(read=True)
    return _halt(session.exec(statement.execution_options(populate_existing=True)).one())


def _halt(row: SwitchRow) -> Halt:
    return Halt(is_on=row.is_on, reason=row.reason, changed_by=row.changed_by, changed_at=row.changed_at)


def _underway(session: Session) -> Sequence[SendUnderway]:
    rows = session.exec(
        select(AttemptRow, OrderRow.trade_id)
        .join(OrderRow, col(OrderRow.order_id) == col(AttemptRow.order_id))
        .where(col(AttemptRow.verdict) == "unknown", col(OrderRow.final_at).is_(None))
        .where(col(AttemptRow.fence_at).is_(None) | (col(AttemptRow.fence_at) > now(session) - FENCE_MARGIN))
    )
    return [
        SendUnderway(trade_id=trade_id, order_id=row.order_id, number=row.number, fence_at=row.fence_at)
        for row, trade_id in rows
    ]
