"""The one place where what venues say becomes what we believe: forward only, whoever says it and however late."""

from sqlalchemy import bindparam
from sqlmodel import col, select

from domain.errors import OrderMismatch
from domain.money import plain
from domain.orders import AT_VENUE, TERMINAL, Fill, Order, OrderReport, OrderStanding, OrderState, differences
from domain.positions import after_fill
from ledger import budgets, rows
from ledger.audit import note
from ledger.book import Book, writes
from ledger.tables import FillRow, OrderRow, PositionRow, TradeRow
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
        for fill in report.fills:
            if fill.venue_fill_id not in booked:
                _book_fill(tx, row, fill)
        row.reported_base = max(row.reported_base, report.filled_base, row.filled_base)
        row.venue_order_id = report.venue_order_id
        _move_state(tx, row, report)
        if row.state in TERMINAL and row.filled_base == row.reported_base:
            _finish(tx, row)
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
    _finish(tx, row)


def accept(tx: Transaction, row: OrderRow, venue_order_id: str | None) -> None:
    """The venue took the order. If we had concluded that it never would, its word counts, not ours."""
    if venue_order_id and row.venue_order_id not in (None, venue_order_id):
        text = f"known as {row.venue_order_id}, accepted as {venue_order_id} too"
        note(tx, row.trade_id, "sent", "a second order may live at the venue", text, level="alert")
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


def _book_fill(tx: Transaction, row: OrderRow, fill: Fill) -> None:
    tx.add(
        FillRow(
            account=row.account,
            order_id=row.order_id,
            pair=row.pair,
            action=row.action,
            booked_at=tx.now(),
            **fill.model_dump(),
        )
    )
    row.filled_base += fill.base_qty
    row.filled_quote += fill.quote_qty
    row.fee += fill.fee
    _move_position(tx, row, fill)
    late = _is_late(tx, row)
    what, fee = f"{plain(fill.base_qty)} at {plain(fill.price)}", f"fee {plain(fill.fee)}, {fill.liquidity}"
    if late:
        note(tx, row.trade_id, "late fill", what, f"{fee}; the trade was closed already", level="alert")
    else:
        note(tx, row.trade_id, "fill", what, fee)


def _move_position(tx: Transaction, row: OrderRow, fill: Fill) -> None:
    key = (row.account, row.pair)
    kept = tx.find(PositionRow, *key, lock="update")
    if kept is None:
        tx.add_once(PositionRow(account=row.account, pair=row.pair))
        kept = tx.get(PositionRow, *key, lock="update")
    moved = after_fill(rows.position(kept), rows.action(row), fill)
    kept.base_qty, kept.cost, kept.realised, kept.fees = moved.base_qty, moved.cost, moved.realised, moved.fees
    kept.changed_at = tx.now()


def _is_late(tx: Transaction, row: OrderRow) -> bool:
    """Whether the trade was closed before this fill was known."""
    return tx.get(TradeRow, row.trade_id).status == "closed"


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


def _finish(tx: Transaction, row: OrderRow) -> None:
    row.final_at = row.final_at or tx.now()
    budgets.settle(tx, row)


def _progress(row: OrderRow) -> str:
    asked = Order.model_validate_json(row.asked).base_qty
    text = f"{plain(row.filled_base)} of {plain(asked)} filled"
    return text if row.filled_base == row.reported_base else f"{text}, fills of {plain(row.reported_base)} are awaited"
