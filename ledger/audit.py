"""The audit log: one row per decision, written in the transaction that makes it."""

from typing import Literal

from sqlmodel import Session

from ledger.database import now
from ledger.tables import AuditRow

Level = Literal["info", "alert"]


def note(
    session: Session, trade_id: str | None, stop: str, decision: str, reason: str = "", *, level: Level = "info"
) -> None:
    """Record that `decision` was taken at `stop`. An `alert` is for a person to look at."""
    session.add(AuditRow(at=now(session), trade_id=trade_id, stop=stop, decision=decision, reason=reason, level=level))
