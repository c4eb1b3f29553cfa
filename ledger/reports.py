"""The one place where what venues say becomes what we believe: forward only, whoever says it and however late."""

from collections.abc import Set

from sqlalchemy import bindparam
from sqlmodel import col, select

from domain.errors import OrderMismatch
from domain.money import plain
from domain.orders import AT_VENUE, TERMINAL, Order, OrderReport, OrderStanding, OrderState, differences
from ledger import budgets, fills, rows
from ledger.audit import note
from ledger.book import Book, writes
from ledger.settled import Settled, overrule, settled_end
from ledger.tables import FillRow, OrderRow
from ledger.transaction import Transaction

_RANK: dict[str, int] = {"sized": 0, "sending": 1, "unknown": 2, "open": 3}
_ENDED = 4
_BOOKED = select(FillRow.venue_fill_id).where(col(FillRow.order_id) == bindparam("order_id"))


class Reports(Book):
    """What the venues say."""

    @writes
    def merge(self, tx: Transaction, report: OrderReport, *, tell: bool = False) -> OrderStanding:
        """Merge one report: fills once for each fill id, quantities never down, states by rank.

        `tell`: the trade's workflow does not see this return value and must be told of a change. Raises OrderMismatch
        when the venue's order is not the one that we asked for.
        """
        row = rows.lock_order(tx, report.order_id)
        _check_ours(tx, row, report)
        before = (row.state, row.reported_base, row.filled_base, row.final_at)
        booked = set(tx.execute(_BOOKED, order_id=row.order_id).scalars())
        if (settled := settled_end(row)) is not None:
            if not _says_news(row, settled, report, booked):
                return rows.standing(row)
            overrule(tx, row, settled, f"the venue says {report.state}, {plain(report.filled_base)} filled")
        for fill in report.fills:
            if fill.venue_fill_id not in booked:
                fills.book(tx, row, fill)
        row.reported_base = max(row.reported_base, report.filled_base, row.filled_base)
        row.venue_order_id = report.venue_order_id
        _move_state(tx, row, report)
        if row.state in TERMINAL and row.filled_base == row.reported_base:
            finish(tx, row)
        else:
            # An end that fills are missing from is no end: somebody has to look again.
            row.final_at = None
        if before != (row.state, row.reported_base, row.filled_base, row.final_at):
            row.changes += tell
            note(tx, row.trade_id, "report", row.state.replace("_", " "), _progress(row))
        return rows.standing(row)


def end(tx: Transaction, row: OrderRow, state: OrderState) -> None:
    """Conclude an order of which the venue has nothing; its row is locked and not ended yet."""
    row.state = state
    note(tx, row.trade_id, "concluded", state.replace("_", " "), row.reason)
    finish(tx, row)


def accept(tx: Transaction, row: OrderRow, venue_order_id: str | None) -> None:
    """The venue took the order. If we had concluded that it never would, its word counts, not ours."""
    if venue_order_id and row.venue_order_id not in (None, venue_order_id):
        text = f"known as {row.venue_order_id}, accepted as {venue_order_id} too"
        note(tx, row.trade_id, "sent", "a second order may live at the venue", text, level="alert")
    if row.venue_order_id is None and (settled := settled_end(row)) is not None:
        overrule(tx, row, settled, "the venue has taken the order")
    row.venue_order_id = row.venue_order_id or venue_order_id
    if row.state in AT_VENUE:
        return
    if row.state in TERMINAL:
        _overrule(tx, row, "open")
    row.state = "open"


def _check_ours(tx: Transaction, row: OrderRow, report: OrderReport) -> None:
    order = Order.model_validate_json(row.asked)
    wrong = list(differences(order, report))
    if row.venue_order_id not in (None, report.venue_order_id):
        wrong.append(f"venue's id: {row.venue_order_id} before, {report.venue_order_id} now")
    if wrong:
        raise OrderMismatch(f"the venue's order {report.venue_order_id} is not ours: {'; '.join(wrong)}")


def _says_news(row: OrderRow, settled: Settled, report: OrderReport, booked: Set[str]) -> bool:
    """Whether the report says more than the venue had said when a person settled the order; late ones do not."""
    return (
        row.venue_order_id is None
        or any(fill.venue_fill_id not in booked for fill in report.fills)
        or report.filled_base > settled.reported_base
        or _RANK.get(report.state, _ENDED) > _RANK.get(settled.state, _ENDED)
    )


def _move_state(tx: Transaction, row: OrderRow, report: OrderReport) -> None:
    if _RANK.get(report.state, _ENDED) <= _RANK.get(row.state, _ENDED) and not _overrules(row, report):
        return
    if row.state in TERMINAL:
        _overrule(tx, row, report.state)
    row.state = report.state
    if report.state in TERMINAL:
        row.reason = row.reason or report.reason


def _overrule(tx: Transaction, row: OrderRow, state: OrderState) -> None:
    text = f"was {row.state}, the venue says {state}"
    note(tx, row.trade_id, "report", "conclusion overruled", text, level="alert")
    row.final_at = None


def _overrules(row: OrderRow, report: OrderReport) -> bool:
    """Whether the venue's word replaces an end: our own conclusion always, its earlier word when more was filled."""
    if row.state not in TERMINAL or report.state not in AT_VENUE:
        return False
    return row.state not in AT_VENUE or (report.state == "filled" and row.state != "filled")


def finish(tx: Transaction, row: OrderRow) -> None:
    """Nothing more will happen to the order: give back what is left of its reservation. Its row is locked."""
    row.final_at = row.final_at or tx.now()
    budgets.settle(tx, row)


def _progress(row: OrderRow) -> str:
    asked = Order.model_validate_json(row.asked).base_qty
    text = f"{plain(row.filled_base)} of {plain(asked)} filled"
    return text if row.filled_base == row.reported_base else f"{text}, fills of {plain(row.reported_base)} are awaited"
