"""The kill switch, and which Temporal drives this ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import col, select

from domain.attempts import FENCE_MARGIN
from domain.values import Value
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.tables import AttemptRow, EpochRow, OrderRow, SignalRow, SwitchRow, TradeRow
from ledger.transaction import Transaction

_HALT = "halt"
_LATEST_EPOCH = select(EpochRow).order_by(col(EpochRow.epoch).desc()).limit(1)
_UNDERWAY = (
    select(OrderRow.trade_id, AttemptRow.order_id, AttemptRow.number, AttemptRow.fence_at)
    .join(OrderRow, col(OrderRow.order_id) == col(AttemptRow.order_id))
    .where(col(AttemptRow.verdict) == "unknown", col(OrderRow.final_at).is_(None))
    .where(col(AttemptRow.fence_at).is_(None) | (col(AttemptRow.fence_at) > bindparam("over")))
)


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
    def halt(self, tx: Transaction) -> Halt:
        """The kill switch as it stands."""
        return _halt(tx.get(SwitchRow, _HALT))

    @writes
    def set_halt(self, tx: Transaction, is_on: bool, reason: str, by: str) -> Halted:
        """Turn the kill switch. Once this returns, no gate admits a send; `underway` were admitted before."""
        return turn_halt(tx, is_on, reason, by)

    @reads
    def epoch(self, tx: Transaction) -> Epoch | None:
        """The Temporal database that may drive this ledger; None: any, there was none yet."""
        return latest_epoch(tx)

    @writes
    def confirm_epoch(self, tx: Transaction, namespace_id: str, by: str) -> Epoch:
        """Let the Temporal database with this namespace id drive the ledger; workers of another stop at the gate.

        Trades that have not ended are started there again, and go on from their rows.
        """
        latest = latest_epoch(tx)
        if latest is not None and latest.namespace_id == namespace_id:
            return latest
        number = latest.epoch + 1 if latest else 1
        row = EpochRow(epoch=number, namespace_id=namespace_id, confirmed_by=by, confirmed_at=tx.now())
        if tx.add_once(row):
            _start_again(tx)
            note(tx, None, "temporal", f"epoch {number}", f"namespace {namespace_id}, confirmed by {by}")
        kept = tx.get(EpochRow, number)
        return Epoch(epoch=kept.epoch, namespace_id=kept.namespace_id)


def _start_again(tx: Transaction) -> None:
    ended = select(TradeRow.signal_id).where(col(TradeRow.status) == "closed")
    going_on = update(SignalRow).where(col(SignalRow.signal_id).not_in(ended))
    tx.execute(going_on.values(started_at=None))


def turn_halt(tx: Transaction, is_on: bool, reason: str, by: str) -> Halted:
    """Turn the kill switch inside a transaction. The row lock waits for every gate that is reading it."""
    row = tx.get(SwitchRow, _HALT, lock="update")
    row.is_on, row.reason, row.changed_by, row.changed_at = is_on, reason, by, tx.now()
    note(tx, None, "halt" if is_on else "resume", "by " + by, reason, level="alert")
    return Halted(halt=_halt(row), underway=tuple(_underway(tx)) if is_on else ())


def latest_epoch(tx: Transaction) -> Epoch | None:
    row = tx.first(EpochRow, _LATEST_EPOCH)
    return Epoch(epoch=row.epoch, namespace_id=row.namespace_id) if row else None


def halt_under_lock(tx: Transaction) -> Halt:
    """The kill switch, held still until the transaction ends: a halt is not acknowledged while a gate is open."""
    return _halt(tx.get(SwitchRow, _HALT, lock="share"))


def _halt(row: SwitchRow) -> Halt:
    return Halt(is_on=row.is_on, reason=row.reason, changed_by=row.changed_by, changed_at=row.changed_at)


def _underway(tx: Transaction) -> Sequence[SendUnderway]:
    return [SendUnderway(**row) for row in tx.execute(_UNDERWAY, over=tx.now() - FENCE_MARGIN).mappings()]
