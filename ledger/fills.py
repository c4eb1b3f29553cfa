"""Fills, and the positions that they move: booked once, and taken back only if a person's word was all there was."""

from typing import cast

from sqlalchemy import bindparam, delete
from sqlmodel import col, select

from domain.money import plain
from domain.orders import Fill
from domain.pairs import parse_pair
from domain.positions import Position, after_fill
from domain.signals import Action
from ledger import rows
from ledger.audit import note
from ledger.tables import FillRow, OrderRow, PositionRow, TradeRow
from ledger.transaction import Transaction

_DELETE = delete(FillRow).where(
    col(FillRow.account) == bindparam("account"), col(FillRow.venue_fill_id) == bindparam("venue_fill_id")
)
_OF_POSITION = (
    select(FillRow)
    .where(col(FillRow.account) == bindparam("account"), col(FillRow.pair) == bindparam("pair"))
    .order_by(col(FillRow.booked_at), col(FillRow.filled_at), col(FillRow.venue_fill_id))
)


def book(tx: Transaction, row: OrderRow, fill: Fill) -> None:
    """Book a fill that is not booked yet, on its order and on the position. The order's row is locked."""
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
    position = _lock_position(tx, row)
    _store(tx, position, after_fill(rows.position(position), rows.action(row), fill))
    what, fee = f"{plain(fill.base_qty)} at {plain(fill.price)}", f"fee {plain(fill.fee)}, {fill.liquidity}"
    if _is_late(tx, row):
        note(tx, row.trade_id, "late fill", what, f"{fee}; the trade was closed already", level="alert")
    else:
        note(tx, row.trade_id, "fill", what, fee)


def take_back(tx: Transaction, row: OrderRow, venue_fill_id: str) -> bool:
    """Undo a fill that never was, and build the position anew from the others; whether it was booked.

    Average costs depend on every fill before, so no counter-entry could undo one. The order's row is locked.
    """
    kept = tx.find(FillRow, row.account, venue_fill_id)
    if kept is None:
        return False
    undone = rows.fill(kept)
    position = _lock_position(tx, row)
    tx.execute(_DELETE, account=row.account, venue_fill_id=venue_fill_id)
    row.filled_base -= undone.base_qty
    row.filled_quote -= undone.quote_qty
    row.fee -= undone.fee
    built = Position(account=row.account, pair=parse_pair(row.pair))
    for other in tx.select(FillRow, _OF_POSITION, account=row.account, pair=row.pair):
        built = after_fill(built, cast(Action, other.action), rows.fill(other))
    _store(tx, position, built)
    return True


def _lock_position(tx: Transaction, row: OrderRow) -> PositionRow:
    key = (row.account, row.pair)
    kept = tx.find(PositionRow, *key, lock="update")
    if kept is None:
        tx.add_once(PositionRow(account=row.account, pair=row.pair))
        kept = tx.get(PositionRow, *key, lock="update")
    return kept


def _store(tx: Transaction, kept: PositionRow, moved: Position) -> None:
    kept.base_qty, kept.cost, kept.realised, kept.fees = moved.base_qty, moved.cost, moved.realised, moved.fees
    kept.changed_at = tx.now()


def _is_late(tx: Transaction, row: OrderRow) -> bool:
    """Whether the trade was closed before this fill was known."""
    return tx.get(TradeRow, row.trade_id).status == "closed"
