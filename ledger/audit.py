"""The audit log: one row per decision, written in the transaction that makes it."""

from typing import Literal

from ledger.tables import AuditRow
from ledger.transaction import Transaction

Level = Literal["info", "alert"]


def note(
    tx: Transaction, trade_id: str | None, stop: str, decision: str, reason: str = "", *, level: Level = "info"
) -> None:
    """Record that `decision` was taken at `stop`. An `alert` is for a person to look at."""
    tx.add(AuditRow(at=tx.now(), trade_id=trade_id, stop=stop, decision=decision, reason=reason, level=level))
