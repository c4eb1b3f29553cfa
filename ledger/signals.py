"""Alerts and signals: what came in, kept once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from domain.signals import Signal
from domain.values import Value
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.database import now
from ledger.tables import AlertKeyRow, AlertRow, SignalRow, TradeRow

Fate = Literal["accepted", "duplicate", "refused"]

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
    def keep(self, session: Session, alert: Alert, signal: Signal) -> Kept:
        """Keep `signal` unless an alert with the same key was accepted within its window.

        One statement decides, on both databases: two identical alerts at the same instant make one signal.
        """
        at = now(session)
        if not _take_key(session, alert, signal.signal_id, at):
            kept = _first(session, alert)
            _log(session, alert, at, "duplicate", kept.signal.signal_id)
            return kept
        signal = signal.model_copy(update={"received_at": at})
        session.add(
            SignalRow(
                signal_id=signal.signal_id,
                trade_id=signal.trade_id,
                source=signal.source,
                accepted_at=at,
                signal=signal.model_dump_json(),
            )
        )
        session.flush()
        session.add(
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
        _log(session, alert, at, "accepted", signal.signal_id)
        note(session, signal.trade_id, "received", "accepted", f"{signal.headline} from {signal.source}")
        return Kept(signal=signal)

    @writes
    def refuse(self, session: Session, alert: Alert, code: str, reason: str) -> Kept | None:
        """Record a refused alert. One that repeats an accepted alert is not refused: it gets that one's answer."""
        at = now(session)
        row = session.get(AlertKeyRow, alert.key)
        if row is not None and (alert.window is None or row.accepted_at > at - alert.window):
            kept = _first(session, alert)
            _log(session, alert, at, "duplicate", kept.signal.signal_id)
            return kept
        _log(session, alert, at, "refused", None, code, reason)
        return None

    @reads
    def not_started(self, session: Session, limit: int) -> Sequence[Signal]:
        """Signals that Temporal has not confirmed yet, oldest first."""
        rows = session.exec(
            select(SignalRow)
            .where(col(SignalRow.started_at).is_(None))
            .order_by(col(SignalRow.accepted_at))
            .limit(limit)
        )
        return [Signal.model_validate_json(row.signal) for row in rows]

    @writes
    def mark_started(self, session: Session, signal_ids: Sequence[str]) -> None:
        """Temporal has their workflows."""
        session.execute(
            update(SignalRow)
            .where(col(SignalRow.signal_id).in_(signal_ids), col(SignalRow.started_at).is_(None))
            .values(started_at=now(session))
        )


def _take_key(session: Session, alert: Alert, signal_id: str, at: datetime) -> bool:
    """Whether this alert is the first of its key within the window. A refused conflict returns no row."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    expired_before = at - alert.window if alert.window is not None else _NEVER
    values = {"signal_id": signal_id, "body_hash": alert.body_hash, "accepted_at": at}
    insert = dialect.insert(AlertKeyRow).values(key=alert.key, **values)
    upsert = insert.on_conflict_do_update(
        index_elements=[col(AlertKeyRow.key)], set_=values, where=col(AlertKeyRow.accepted_at) <= expired_before
    )
    return session.execute(upsert.returning(col(AlertKeyRow.key))).first() is not None


def _first(session: Session, alert: Alert) -> Kept:
    key = session.get_one(AlertKeyRow, alert.key, populate_existing=True)
    row = session.get_one(SignalRow, key.signal_id)
    differs = key.body_hash != alert.body_hash
    return Kept(signal=Signal.model_validate_json(row.signal), duplicate=True, differs=differs)


def _log(session: Session, alert: Alert, at: datetime, fate: Fate, signal_id: str | None, *refusal: str) -> None:
    code, reason = refusal or ("", "")
    session.add(
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
