"""Alerts and signals: what came in, kept once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from sqlalchemy import Executable, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from domain.signals import Signal
from domain.values import Value
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.tables import AlertKeyRow, AlertRow, SignalRow, TradeRow
from ledger.transaction import Transaction

Fate = Literal["accepted", "duplicate", "refused"]

_NOT_STARTED = (
    select(SignalRow)
    .where(col(SignalRow.started_at).is_(None))
    .order_by(col(SignalRow.accepted_at))
    .limit(bindparam("most"))
)
_MARK_STARTED = (
    update(SignalRow)
    .where(col(SignalRow.signal_id).in_(bindparam("signal_ids", expanding=True)), col(SignalRow.started_at).is_(None))
    .values(started_at=bindparam("at"))
)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Alert(Value):
    """An authenticated alert on its way into the books. `body` is its redacted text.

    `key`: what makes two alerts the same one; `window`: for how long, None for ever.
    """

    source: str
    remote: str
    body: str
    key: str
    body_hash: str
    window: timedelta | None


class Kept(Value):
    """The answer that an alert gets. A duplicate gets the first one's, `differs` when its body is another."""

    signal: Signal
    duplicate: bool = False
    differs: bool = False


class Signals(Book):
    """The door's book."""

    @writes
    def keep(self, tx: Transaction, alert: Alert, signal: Signal) -> Kept:
        """Keep `signal` unless an alert with the same key was accepted within its window.

        One statement decides, on both databases: two identical alerts at the same instant make one signal.
        """
        at = tx.now()
        if not _take_key(tx, alert, signal.signal_id, at):
            kept = _first(tx, alert)
            _log(tx, alert, at, "duplicate", kept.signal.signal_id)
            return kept
        signal = signal.model_copy(update={"received_at": at})
        tx.add(
            SignalRow(
                signal_id=signal.signal_id,
                trade_id=signal.trade_id,
                source=signal.source,
                accepted_at=at,
                signal=signal.model_dump_json(),
            )
        )
        tx.add(
            TradeRow(
                trade_id=signal.trade_id,
                signal_id=signal.signal_id,
                source=signal.source,
                strategy=signal.strategy,
                action=signal.action,
                pair=str(signal.pair),
                received_at=at,
            )
        )
        _log(tx, alert, at, "accepted", signal.signal_id)
        note(tx, signal.trade_id, "received", "accepted", f"{signal.headline} from {signal.source}")
        return Kept(signal=signal)

    @writes
    def refuse(self, tx: Transaction, alert: Alert, code: str, reason: str) -> Kept | None:
        """Record a refused alert. One that repeats an accepted alert is not refused: it gets that one's answer."""
        at = tx.now()
        row = tx.find(AlertKeyRow, alert.key)
        if row is not None and (alert.window is None or row.accepted_at > at - alert.window):
            kept = _first(tx, alert)
            _log(tx, alert, at, "duplicate", kept.signal.signal_id)
            return kept
        _log(tx, alert, at, "refused", None, code, reason)
        return None

    @reads
    def not_started(self, tx: Transaction, limit: int) -> Sequence[Signal]:
        """Signals that Temporal has not confirmed yet, oldest first."""
        return [Signal.model_validate_json(row.signal) for row in tx.select(SignalRow, _NOT_STARTED, most=limit)]

    @writes
    def mark_started(self, tx: Transaction, signal_ids: Sequence[str]) -> None:
        """Temporal has their workflows."""
        tx.execute(_MARK_STARTED, signal_ids=list(signal_ids), at=tx.now())


def _take_key(tx: Transaction, alert: Alert, signal_id: str, at: datetime) -> bool:
    """Whether this alert is the first of its key within the window. A refused conflict returns no row."""
    taken = tx.execute(
        _take(tx.is_sqlite),
        key=alert.key,
        signal_id=signal_id,
        body_hash=alert.body_hash,
        accepted_at=at,
        expired_before=at - alert.window if alert.window is not None else _NEVER,
    )
    return taken.first() is not None


@cache
def _take(is_sqlite: bool) -> Executable:
    names = ("key", "signal_id", "body_hash", "accepted_at")
    insert = (sqlite if is_sqlite else postgresql).insert(AlertKeyRow).values({name: bindparam(name) for name in names})
    new = {name: insert.excluded[name] for name in names[1:]}
    is_over = col(AlertKeyRow.accepted_at) <= bindparam("expired_before")
    upsert = insert.on_conflict_do_update(index_elements=[col(AlertKeyRow.key)], set_=new, where=is_over)
    take: Executable = upsert.returning(col(AlertKeyRow.key))
    return take


def _first(tx: Transaction, alert: Alert) -> Kept:
    key = tx.get(AlertKeyRow, alert.key)
    row = tx.get(SignalRow, key.signal_id)
    differs = key.body_hash != alert.body_hash
    return Kept(signal=Signal.model_validate_json(row.signal), duplicate=True, differs=differs)


def _log(tx: Transaction, alert: Alert, at: datetime, fate: Fate, signal_id: str | None, *refusal: str) -> None:
    code, reason = refusal or ("", "")
    tx.add(
        AlertRow(
            received_at=at,
            source=alert.source,
            remote=alert.remote,
            fate=fate,
            code=code,
            reason=reason,
            signal_id=signal_id,
            body=alert.body,
        )
    )
