"""Orders on their way out: sized with their reservation, admitted by the send gate, answered, concluded."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import col, select

from domain.attempts import Admission, Answer, Attempt, Send, proves_not_placed
from domain.errors import TradeEnded
from domain.money import plain
from domain.orders import TERMINAL, Order, OrderStanding, Prepared, Resting
from domain.rules import Limits
from domain.values import Value
from ledger import budgets, rows
from ledger.audit import note
from ledger.book import Book, reads, writes
from ledger.gate import OTHER_TEMPORAL, why_closed
from ledger.reports import accept, end
from ledger.settled import settled
from ledger.tables import AccountRow, AttemptRow, OrderRow, PreparedRow
from ledger.transaction import Transaction

_ACCOUNT: BindParameter[str] = bindparam("account")
_RESTING = (
    columns(*(getattr(OrderRow, name) for name in Resting._fields))
    .where(col(OrderRow.account) == _ACCOUNT)
    .where(col(OrderRow.final_at).is_(None), col(OrderRow.venue_order_id).is_not(None))
    .order_by(col(OrderRow.sized_at))
)
_SOME_RESTING = _RESTING.where(col(OrderRow.venue_order_id).in_(bindparam("ids", expanding=True)))
_COUNT_RESTING = columns(func.count()).select_from(_RESTING.order_by(None).subquery())
_UNTOLD = select(OrderRow.trade_id, OrderRow.changes).where(
    col(OrderRow.told) < col(OrderRow.changes), col(OrderRow.account) == _ACCOUNT
)
_OF_TRADES_LOCKED = (
    select(OrderRow).where(col(OrderRow.trade_id).in_(bindparam("trade_ids", expanding=True))).with_for_update()
)


class Known(Value):
    """All that the books know of an order. `found_as`: the venue's id for it, as a person says."""

    standing: OrderStanding
    prepared: Prepared | None
    attempts: tuple[Attempt, ...]
    found_as: str | None = None


class Orders(Book):
    """The book that decides whether something is sent."""

    @writes
    def size(self, tx: Transaction, order: Order, route_reason: str, limits: Limits) -> OrderStanding:
        """Keep `order` with its reservation; a repeat gets the one that was kept first.

        Raises BudgetExhausted, and TradeEnded for a worker that was stopped and wakes up when all is over.
        """
        trade = rows.lock_trade(tx, order.trade_id)
        if (known := rows.order_of_trade(tx, order.trade_id)) is not None:
            return rows.standing(known)
        if trade.status == "closed":
            raise TradeEnded(f"trade {trade.trade_id} was closed without an order; none is made any more")
        row = OrderRow(
            order_id=order.order_id,
            trade_id=order.trade_id,
            account=order.account,
            pair=str(order.pair),
            action=order.action,
            asked=order.model_dump_json(),
            route_reason=route_reason,
            sized_at=tx.now(),
            state="sized",
        )
        tx.add(row)
        mode = tx.get(AccountRow, order.account).mode
        budgets.reserve(
            tx,
            order.order_id,
            order.largest_quote_qty,
            budgets.budgets_for(mode, limits),
            day_timezone=limits.day_timezone,
            limited=order.action == "BUY",
        )
        note(tx, order.trade_id, "quoted", "route chosen", route_reason)
        note(
            tx,
            order.trade_id,
            "sized",
            order.headline,
            f"worth {plain(order.largest_quote_qty)} {order.pair.quote} at its worst price",
        )
        return rows.standing(row)

    @writes
    def admit(self, tx: Transaction, send: Send) -> Admission:
        """The send gate. Keeps what was prepared (the first to come wins) and, if it lets it pass, the attempt.

        Raises LedgerBehind when the order is not in the books.
        """
        row = rows.lock_order(tx, send.prepared.order_id)
        prepared = _keep_prepared(tx, send.prepared)
        earlier = rows.attempts_of(tx, row.order_id)
        answer = Admission(prepared=prepared, look_up_first=_any_live(earlier))
        if closed := why_closed(tx, row, prepared, send.epoch):
            code, because = closed
            # A worker of another Temporal knocks again and again; that says nothing of the trade.
            if code != OTHER_TEMPORAL:
                note(tx, row.trade_id, "gate", "closed", because)
            return answer.model_copy(update={"closed_code": code, "closed_because": because})
        if row.venue_order_id is not None or not _may_send(earlier, send.resend_window, tx.now()):
            return answer
        attempt = _new_attempt(tx, row, send, number=len(earlier) + 1)
        row.state = "sending" if row.state in ("sized", "sending", "unknown") else row.state
        note(
            tx,
            row.trade_id,
            "gate",
            f"attempt {attempt.number} admitted",
            f"refused by the venue from {send.fence_at}",
        )
        return answer.model_copy(update={"attempt": attempt})

    @writes
    def answer(self, tx: Transaction, attempt: Attempt, answer: Answer) -> OrderStanding:
        """Book what came back from an attempt. The order is rejected only when every one of its attempts is."""
        row = rows.lock_order(tx, attempt.order_id)
        kept = tx.get(AttemptRow, attempt.order_id, attempt.number)
        if kept.answered_at is None:
            kept.verdict, kept.answered_at = answer.verdict, tx.now()
            kept.reason_code, kept.evidence = answer.reason_code, answer.evidence
            note(tx, row.trade_id, "sent", f"attempt {attempt.number} {answer.verdict}", answer.evidence)
            _apply(tx, row, answer)
        return rows.standing(row)

    @writes
    def close_gate(self, tx: Transaction, order_id: str, code: str, because: str) -> OrderStanding:
        """Admit no further attempt. An order that never had one is concluded at once."""
        row = rows.lock_order(tx, order_id)
        shut_gate(tx, row, code, because)
        return rows.standing(row)

    @writes
    def conclude_unplaced(self, tx: Transaction, order_id: str, looked_up_from: datetime | None) -> OrderStanding:
        """Call the order not placed if its attempts and a look-up that found nothing prove it; else leave it.

        `looked_up_from`: when that look-up began, by the venue's clock; None: there was none.
        """
        row = rows.lock_order(tx, order_id)
        attempts = rows.attempts_of(tx, order_id)
        if row.state not in TERMINAL and row.venue_order_id is None and proves_not_placed(attempts, looked_up_from):
            rejected = next((attempt for attempt in attempts if attempt.verdict == "rejected"), None)
            row.reason_code = row.gate_closed_code or (rejected.reason_code if rejected else "NotPlaced")
            row.reason = row.gate_closed_because or _why_not_placed(attempts)
            end(tx, row, "not_placed")
        return rows.standing(row)

    @reads
    def of_trade(self, tx: Transaction, trade_id: str) -> OrderStanding | None:
        """Where the trade's order stands; None: it was never sized."""
        row = rows.order_of_trade(tx, trade_id)
        return rows.standing(row) if row else None

    @reads
    def known(self, tx: Transaction, order_id: str) -> Known:
        """All that the books know of the order. Raises LedgerBehind."""
        kept = tx.find(PreparedRow, order_id, 1)
        row = rows.find_order(tx, order_id)
        word = settled(row)
        return Known(
            standing=rows.standing(row),
            prepared=Prepared.model_validate_json(kept.prepared) if kept else None,
            attempts=tuple(rows.attempts_of(tx, order_id)),
            found_as=word.settlement.venue_order_id if word else None,
        )

    @reads
    def standing(self, tx: Transaction, order_id: str) -> OrderStanding:
        """Where the order stands."""
        return rows.standing(rows.find_order(tx, order_id))

    @reads
    def resting(
        self, tx: Transaction, account: str, venue_order_ids: Collection[str] | None = None
    ) -> Sequence[Resting]:
        """Orders that are known to their venue and not final: what the account's watcher looks after.

        `venue_order_ids`: only these; None: all.
        """
        if venue_order_ids is None:
            return [Resting._make(row) for row in tx.execute(_RESTING, account=account)]
        return [Resting._make(row) for row in tx.execute(_SOME_RESTING, account=account, ids=list(venue_order_ids))]

    @reads
    def count_resting(self, tx: Transaction, account: str) -> int:
        """How many orders `resting` would give."""
        count: int = tx.execute(_COUNT_RESTING, account=account).scalar_one()
        return count

    @reads
    def untold(self, tx: Transaction, account: str) -> Mapping[str, int]:
        """Trades that were not told of the latest change of their order, and how many changes there are by now."""
        return {row.trade_id: row.changes for row in tx.execute(_UNTOLD, account=account)}

    @writes
    def mark_told(self, tx: Transaction, told: Mapping[str, int]) -> None:
        """Their workflows know of so many changes."""
        for row in tx.select(OrderRow, _OF_TRADES_LOCKED, trade_ids=list(told)):
            row.told = max(row.told, told[row.trade_id])


def shut_gate(tx: Transaction, row: OrderRow, code: str, because: str) -> None:
    """Close the gate of an order whose row is locked."""
    if row.state in TERMINAL:
        return
    if not row.gate_closed_code:
        row.gate_closed_code, row.gate_closed_because = code, because
        note(tx, row.trade_id, "gate", "closed", because)
    if not rows.attempts_of(tx, row.order_id):
        row.reason_code, row.reason = code, because
        end(tx, row, "not_placed")


def _keep_prepared(tx: Transaction, prepared: Prepared) -> Prepared:
    """What was prepared first for this generation; the order's row is locked."""
    row = PreparedRow(
        order_id=prepared.order_id,
        generation=prepared.generation,
        client_order_id=prepared.client_order_id,
        prepared=prepared.model_dump_json(),
        prepared_at=tx.now(),
    )
    if tx.add_once(row):
        return prepared
    kept = tx.get(PreparedRow, prepared.order_id, prepared.generation)
    return Prepared.model_validate_json(kept.prepared)


def _any_live(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.may_be_live for attempt in attempts)


def _may_send(earlier: Sequence[Attempt], resend_window: timedelta | None, at: datetime) -> bool:
    """A first attempt, or a repeat that the venue still takes for the same order; never after an acceptance."""
    if not earlier:
        return True
    if any(attempt.verdict == "accepted" for attempt in earlier):
        return False
    if resend_window is None:
        return False
    if not _any_live(earlier):
        return True
    return at <= earlier[0].admitted_at + resend_window


def _new_attempt(tx: Transaction, row: OrderRow, send: Send, number: int) -> Attempt:
    kept = AttemptRow(
        order_id=row.order_id,
        number=number,
        generation=send.prepared.generation,
        epoch=send.epoch,
        fence_at=send.fence_at,
        admitted_at=tx.now(),
    )
    tx.add(kept)
    return rows.attempt(kept)


def _apply(tx: Transaction, row: OrderRow, answer: Answer) -> None:
    if answer.verdict == "accepted":
        accept(tx, row, answer.venue_order_id)
    elif row.state in TERMINAL or row.venue_order_id is not None:
        # What the venue has on record outranks a refusal that comes late.
        return
    elif _any_live(rows.attempts_of(tx, row.order_id)):
        row.state = "unknown" if row.state == "sending" else row.state
    elif answer.verdict == "rejected":
        row.reason_code, row.reason = answer.reason_code, answer.evidence
        end(tx, row, "rejected")
    else:
        row.state = "sized"


def _why_not_placed(attempts: Sequence[Attempt]) -> str:
    # What was in doubt says more than what was never sent after it.
    told = sorted(attempts, key=lambda attempt: attempt.verdict == "unknown")
    evidence = next((attempt.evidence for attempt in reversed(told) if attempt.evidence), "no answer came")
    return f"it did not reach the venue's books: {evidence}"
