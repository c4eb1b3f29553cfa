"""One transaction: rows are read, changed in place, and written when it ends.

SQLModel says what the tables are, SQLAlchemy's Core speaks to the database in statements that are built once; a session
for objects cost four times as much processor time as all the rest of the ledger (docs/decisions/0012).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm.attributes import manager_of_class
from sqlmodel import SQLModel

R = TypeVar("R", bound=SQLModel)
Lock = Literal["update", "share"]
_SERVER_CLOCK = text("SELECT clock_timestamp()")


class Transaction:
    """What a book works with. Reads always ask the database, and see what this transaction has changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[tuple[Any, ...], SQLModel] = {}
        self._stored: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._now: datetime | None = None

    @property
    def is_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    def now(self) -> datetime:
        """The ledger's clock, looked at once: the server's; this machine's for SQLite, which has none."""
        if self._now is None:
            self._now = datetime.now(UTC) if self.is_sqlite else self._ask_clock()
        return self._now

    def find(self, table: type[R], *key: object, lock: Lock | None = None) -> R | None:
        """The row with this primary key, held until the transaction ends if `lock`; None if there is none."""
        return self.first(table, _by_key(table, lock), **_numbered(key))

    def get(self, table: type[R], *key: object, lock: Lock | None = None) -> R:
        """`find`, for a row that must be there. Raises LookupError."""
        row = self.find(table, *key, lock=lock)
        if row is None:
            raise LookupError(f"{_table(table).name} has no row {key}")
        return row

    def first(self, table: type[R], statement: Executable, **values: object) -> R | None:
        """The first of the rows that `select` would give."""
        return next(iter(self.select(table, statement, **values)), None)

    def select(self, table: type[R], statement: Executable, **values: object) -> Sequence[R]:
        """The rows of `table` that `statement` selects whole; the same row is the same object every time."""
        return [self._known(table, found._mapping) for found in self.execute(statement, **values)]

    def execute(self, statement: Executable, **values: object) -> CursorResult[Any]:
        """Run any statement, after what was changed so far."""
        self.save()
        return self._connection.execute(statement, values)

    def add(self, row: SQLModel) -> None:
        """Insert `row`, now."""
        self._connection.execute(_insert(type(row)), _to_insert(row))
        self._remember(row)

    def add_once(self, row: SQLModel) -> bool:
        """Insert `row` unless its primary key is taken, by whoever came first; whether it was inserted."""
        inserted = self._connection.execute(_insert_once(type(row), self.is_sqlite), _to_insert(row)).rowcount == 1
        if inserted:
            self._remember(row)
        return inserted

    def save(self) -> None:
        """Write what was changed on rows since they were read or written."""
        for key, row in self._rows.items():
            stored, current = self._stored[key], row.__dict__
            if stored != current:
                changed = [name for name in _columns(type(row)) if stored[name] != current[name]]
                new = {f"new_{name}": current[name] for name in changed}
                self._connection.execute(_update(type(row), tuple(changed)), {**new, **_numbered(key[1:])})
                self._stored[key] = current.copy()

    def _known(self, table: type[R], found: Mapping[Any, Any]) -> R:
        """The object that stands for the row in this transaction, as the database has it now."""
        key = (table, *(found[name] for name in _keys(table)))
        row = self._rows.get(key)
        if row is None:
            # As an object mapper does it: a row that was stored needs no checks.
            row = self._rows[key] = manager_of_class(table).new_instance()
        assert isinstance(row, table)
        row.__dict__.update(found)
        self._stored[key] = row.__dict__.copy()
        return row

    def _remember(self, row: SQLModel) -> None:
        key = (type(row), *(row.__dict__[name] for name in _keys(type(row))))
        self._rows[key], self._stored[key] = row, row.__dict__.copy()

    def _ask_clock(self) -> datetime:
        stamp: datetime = self._connection.execute(_SERVER_CLOCK).scalar_one()
        return stamp.astimezone(UTC)


def _to_insert(row: SQLModel) -> dict[str, Any]:
    """What is not None: the database counts some keys by itself."""
    given = row.__dict__
    return {name: given[name] for name in _columns(type(row)) if given[name] is not None}


def _numbered(key: Sequence[object]) -> dict[str, object]:
    return {f"key{place}": part for place, part in enumerate(key)}


@cache
def _table(table: type[SQLModel]) -> Table:
    local = inspect(table).local_table
    assert isinstance(local, Table)
    return local


@cache
def _columns(table: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).columns)


@cache
def _keys(table: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).primary_key)


@cache
def _is_it(table: type[SQLModel]) -> ColumnElement[bool]:
    columns = _table(table).primary_key
    return and_(*(column == bindparam(f"key{place}") for place, column in enumerate(columns)))


@cache
def _by_key(table: type[SQLModel], lock: Lock | None) -> Select[Any]:
    statement = select(_table(table)).where(_is_it(table))
    # FOR NO KEY UPDATE: no key is ever changed, and PostgreSQL locks the keys of parents when a child is written twice.
    return statement if lock is None else statement.with_for_update(read=lock == "share", key_share=lock == "update")


@cache
def _insert(table: type[SQLModel]) -> Insert:
    return insert(_table(table)).inline()


@cache
def _insert_once(table: type[SQLModel], is_sqlite: bool) -> Insert:
    statement = (sqlite if is_sqlite else postgresql).insert(_table(table)).inline()
    once: Insert = statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return once


@cache
def _update(table: type[SQLModel], changed: tuple[str, ...]) -> Update:
    statement = update(_table(table)).where(_is_it(table))
    return statement.values({name: bindparam(f"new_{name}") for name in changed})
