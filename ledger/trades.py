"""Trades: opened once, cancelled on request, closed once."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam
from sqlmodel import col, select

from domain.outcomes import Outcome, conclude, without_order
from domain.rules import Rules
from domain.signals import Signal
from domain.trades import OpenedTrade
from domain.values import Value
from ledger import rows
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.orders import shut_gate
from ledger.switches import halt_under_lock
from ledger.tables import AccountRow, SignalRow, TradeRow
from ledger.transaction import Transaction

_NOT_CLOSED = (
    select(SignalRow)
    .join(TradeRow)
    .where(col(TradeRow.trade_id).in_(bindparam("trade_ids", expanding=True)), col(TradeRow.status) != "closed")
)
_TO_CANCEL = select(TradeRow.trade_id, TradeRow.cancel_reason).where(
    col(TradeRow.status) == "open", col(TradeRow.cancel_requested_at).is_not(None)
)


class Account(Value):
    """Keys or a wallet at a venue. `mode`: paper or live; they never share a position, a budget or an order."""

    name: str
    venue: str
    mode: str


class CancelAnswer(Value):
    """What became of a request to cancel. `too_late`: the trade had ended; `outcome` says how."""

    trade_id: str
    too_late: bool
    outcome: Outcome | None = None


class Trades(Book):
    """The book of trades."""

    @writes
    def register(self, tx: Transaction, account: Account) -> None:
        """Make the account known. Raises ValueError when its name stands for another venue or mode already."""
        tx.add_once(AccountRow(**account.model_dump(), created_at=tx.now()))
        kept = tx.get(AccountRow, account.name)
        if (kept.venue, kept.mode) != (account.venue, account.mode):
            raise ValueError(
                f"account {account.name} is {kept.mode} at {kept.venue} in this ledger, not {account.mode}"
            )

    @writes
    def open(self, tx: Transaction, trade_id: str, rules: Rules) -> OpenedTrade:
        """Open the trade under `rules`, or end it: expired when too old, refused when halted, cancelled when asked to.

        The one place that decides this, once; a repeat gets the trade as it stands. Raises LedgerBehind.
        """
        row = rows.lock_trade(tx, trade_id)
        signal = rows.signal_of(tx, row)
        if row.status == "received":
            _open(tx, row, signal, rules)
            return rows.opened_trade(row, signal, order=None)
        return rows.opened_trade(row, signal, rows.order_of_trade(tx, trade_id))

    @writes
    def request_cancel(self, tx: Transaction, trade_id: str, reason: str, by: str) -> CancelAnswer:
        """Ask for the end of a trade: from now on nothing of it is sent. Raises LedgerBehind for an unknown trade."""
        row = rows.lock_trade(tx, trade_id)
        if row.status == "closed":
            outcome = Outcome.model_validate_json(row.outcome) if row.outcome else None
            return CancelAnswer(trade_id=trade_id, too_late=True, outcome=outcome)
        if row.cancel_requested_at is None:
            row.cancel_requested_at, row.cancel_reason, row.cancelled_by = tx.now(), reason, by
            note(tx, trade_id, "cancel", f"asked for by {by}", reason)
        order = rows.order_of_trade(tx, trade_id)
        if order is not None:
            shut_gate(tx, rows.lock_order(tx, order.order_id), "CancelRequested", reason)
        return CancelAnswer(trade_id=trade_id, too_late=False)

    @writes
    def close(self, tx: Transaction, trade_id: str, outcome: Outcome) -> Outcome:
        """Close the trade with `outcome`, once; a repeat gets the first one. Raises ValueError while an order lives.

        Amounts are those of the order's fills: one may have come since `outcome` was concluded.
        """
        row = rows.lock_trade(tx, trade_id)
        if row.status != "closed":
            order = rows.order_of_trade(tx, trade_id)
            if order is not None and order.final_at is None:
                raise ValueError(f"trade {trade_id} cannot close: its order {order.order_id} is {order.state}")
            if order is not None and order.filled_base != outcome.filled_base:
                outcome = conclude(rows.standing(order), outcome.code, outcome.reason)
            _close(tx, row, outcome)
        if row.outcome is None:
            raise ValueError(f"trade {trade_id} is closed without an outcome")
        return Outcome.model_validate_json(row.outcome)

    @writes
    def mark_unresolved(self, tx: Transaction, trade_id: str, reason: str) -> None:
        """Nobody can say yet whether its order exists: a person should look. Said once."""
        row = rows.lock_trade(tx, trade_id)
        if row.unresolved_since is None and row.status == "open":
            row.unresolved_since = tx.now()
            note(tx, trade_id, "unresolved", "a person should look", reason, level="alert")

    @reads
    def not_closed(self, tx: Transaction, trade_ids: Sequence[str]) -> Sequence[Signal]:
        """The signals of those of the trades that have not ended in the books."""
        found = tx.select(SignalRow, _NOT_CLOSED, trade_ids=list(trade_ids))
        return [Signal.model_validate_json(row.signal) for row in found]

    @reads
    def cancels_underway(self, tx: Transaction) -> Mapping[str, str]:
        """Open trades that somebody wants to end, and why; their workflows may not have heard of it."""
        return {row.trade_id: row.cancel_reason or "cancelled" for row in tx.execute(_TO_CANCEL)}

    @reads
    def accounts_with_resting_orders(self, tx: Transaction) -> Sequence[str]:
        """Accounts that need a watcher."""
        return rows.accounts_with_resting_orders(tx)


def _open(tx: Transaction, row: TradeRow, signal: Signal, rules: Rules) -> None:
    row.account, row.rules, row.opened_at = rules.account, rules.model_dump_json(), tx.now()
    if ended := _ended_at_once(tx, row, signal, rules):
        _close(tx, row, ended)
    else:
        row.status = "open"
        note(tx, row.trade_id, "opened", f"on account {rules.account}", signal.headline)


def _ended_at_once(tx: Transaction, row: TradeRow, signal: Signal, rules: Rules) -> Outcome | None:
    if row.cancel_requested_at is not None:
        return without_order("CancelRequested", row.cancel_reason or "cancelled")
    age_s, limit_s = (tx.now() - signal.asked_at).total_seconds(), rules.max_signal_age_s
    if age_s > limit_s:
        text = f"the signal was {age_s:.0f} s old when its trade could begin, at most {limit_s} s are allowed"
        return without_order("SignalExpired", text)
    if (halt := halt_under_lock(tx)).is_on:
        return without_order("TradingHalted", f"trading is halted by {halt.changed_by}: {halt.reason}")
    return None


def _close(tx: Transaction, row: TradeRow, outcome: Outcome) -> None:
    row.status, row.closed_at = "closed", tx.now()
    row.outcome_kind, row.outcome = outcome.kind, outcome.model_dump_json()
    row.unresolved_since = None
    note(tx, row.trade_id, "closed", outcome.kind.replace("_", " "), outcome.reason)
