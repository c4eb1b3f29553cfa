"""The exchange's memory: one SQLite file. What is committed here survives kill -9."""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from simulators.exchange.books import Book, Level
from simulators.exchange.decimals import plain
from simulators.exchange.markets import MarketRow
from simulators.exchange.orders import Account, Fill, Order

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE keys (name TEXT PRIMARY KEY, public_key_pem TEXT NOT NULL);
CREATE TABLE accounts (currency TEXT PRIMARY KEY, available TEXT NOT NULL, hold TEXT NOT NULL);
CREATE TABLE markets (product_id TEXT PRIMARY KEY, mid TEXT NOT NULL, last TEXT NOT NULL, tick INTEGER NOT NULL,
  bids TEXT NOT NULL, asks TEXT NOT NULL, trading_disabled INTEGER NOT NULL);
CREATE TABLE orders (seq INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL UNIQUE,
  client_order_id TEXT NOT NULL, product_id TEXT NOT NULL, side TEXT NOT NULL, kind TEXT NOT NULL,
  configuration TEXT NOT NULL, base_size TEXT, quote_size TEXT, limit_price TEXT, post_only INTEGER NOT NULL,
  end_time TEXT, status TEXT NOT NULL, created_at TEXT NOT NULL, accepted_ms INTEGER NOT NULL,
  filled_size TEXT NOT NULL, filled_value TEXT NOT NULL, total_fees TEXT NOT NULL, number_of_fills INTEGER NOT NULL,
  last_fill_at TEXT, hold TEXT NOT NULL, hold_rate TEXT NOT NULL, queue_ahead TEXT NOT NULL,
  reject_reason TEXT NOT NULL, reject_message TEXT NOT NULL, cancel_message TEXT NOT NULL);
CREATE INDEX orders_by_status ON orders (status, product_id);
CREATE TABLE fills (seq INTEGER PRIMARY KEY AUTOINCREMENT, trade_id TEXT NOT NULL UNIQUE, entry_id TEXT NOT NULL UNIQUE,
  order_id TEXT NOT NULL, product_id TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL,
  value TEXT NOT NULL, commission TEXT NOT NULL, liquidity TEXT NOT NULL, size_in_quote INTEGER NOT NULL,
  traded_at TEXT NOT NULL, traded_ms INTEGER NOT NULL);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE TABLE posts (seq INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, client_order_id TEXT,
  product_id TEXT, side TEXT, order_configuration TEXT, authorised INTEGER NOT NULL DEFAULT 0, result TEXT,
  order_id TEXT);
CREATE INDEX orders_by_client_order_id ON orders (client_order_id);
CREATE INDEX posts_by_client_order_id ON posts (client_order_id);
CREATE TABLE cancels (seq INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, order_id TEXT NOT NULL,
  success INTEGER NOT NULL, failure_reason TEXT NOT NULL);
"""

R = TypeVar("R", bound=BaseModel)
Value = str | int | None


class StoreError(Exception):
    """The database file cannot be used by this exchange."""


class Store:
    """All reads and writes; not thread-safe. Writes outside `transaction()` commit one by one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=1, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        try:
            self._open(path)
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise StoreError(f"{path}: {error}") from error
            raise

    def _open(self, path: Path) -> None:
        # Exclusive: a second exchange on the same file would keep books of its own.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise StoreError(f"{path} has schema {version}, this exchange writes {SCHEMA_VERSION}: remove the file")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is kept together or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def once(self, name: str) -> str:
        """A random id that is drawn once per database."""
        if self.meta(name) is None:
            self.set_meta(name, str(uuid.uuid4()))
        return str(self.meta(name))

    def keys(self) -> dict[str, str]:
        return {row["name"]: row["public_key_pem"] for row in self._db.execute("SELECT * FROM keys")}

    def set_key(self, name: str, public_key_pem: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (name, public_key_pem))

    def accounts(self, currencies: Iterable[str] | None = None) -> dict[str, Account]:
        if currencies is None:
            rows = self._db.execute("SELECT * FROM accounts ORDER BY currency")
        else:
            wanted = list(currencies)
            rows = self._db.execute(f"SELECT * FROM accounts WHERE currency IN ({_marks(wanted)})", wanted)
        return {row["currency"]: Account.model_validate(dict(row)) for row in rows}

    def save_accounts(self, accounts: Iterable[Account]) -> None:
        rows = [(account.currency, plain(account.available), plain(account.hold)) for account in accounts]
        self._db.executemany("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", rows)

    def markets(self) -> list[MarketRow]:
        return [_market(row) for row in self._db.execute("SELECT * FROM markets")]

    def save_market(self, row: MarketRow) -> None:
        bids, asks = (_levels_text(levels) for levels in row.book)
        values = (row.product_id, plain(row.mid), plain(row.last), row.tick, bids, asks, int(row.trading_disabled))
        self._db.execute("INSERT OR REPLACE INTO markets VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def add_order(self, order: Order) -> None:
        self._insert("orders", _cells(order))

    def save_order(self, order: Order) -> None:
        cells = _cells(order)
        changes = ", ".join(f"{name} = :{name}" for name in cells)
        self._db.execute(f"UPDATE orders SET {changes} WHERE order_id = :order_id", cells)

    def add_fill(self, fill: Fill) -> None:
        self._insert("fills", _cells(fill))

    def order(self, column: str, value: str) -> Order | None:
        orders = self.find(Order, "orders", f"{column} = ?", [value])
        return orders[0] if orders else None

    def find(self, kind: type[R], table: str, where: str, values: Sequence[Value], tail: str = "") -> list[R]:
        """The rows of `table` that satisfy `where`, read as `kind`."""
        rows = self._db.execute(f"SELECT * FROM {table} WHERE {where} {tail}", values)
        return [kind.model_validate(dict(row)) for row in rows]

    def add_post(self, received_at: datetime, body: Mapping[str, object]) -> int:
        configuration = body.get("order_configuration")
        named = {name: body.get(name) for name in ("client_order_id", "product_id", "side")}
        texts = {name: value for name, value in named.items() if isinstance(value, str)}
        written = None if configuration is None else json.dumps(configuration)
        return self._insert("posts", {"received_at": stamp(received_at), "order_configuration": written, **texts})

    def finish_post(self, seq: int, result: str, authorised: bool, order_id: str | None = None) -> None:
        values = (result, int(authorised), order_id, seq)
        self._db.execute("UPDATE posts SET result = ?, authorised = ?, order_id = ? WHERE seq = ?", values)

    def add_cancel(self, received_at: datetime, order_id: str, failure_reason: str | None) -> None:
        outcome = {"success": int(failure_reason is None), "failure_reason": failure_reason or ""}
        self._insert("cancels", {"received_at": stamp(received_at), "order_id": order_id, **outcome})

    def rows(self, table: str, where: str = "1", values: Sequence[Value] = ()) -> list[dict[str, Value]]:
        return [dict(row) for row in self._db.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY seq", values)]

    def _insert(self, table: str, cells: Mapping[str, object]) -> int:
        names = ", ".join(cells)
        row = self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({_marks(cells)})", list(cells.values()))
        assert row.lastrowid is not None
        return row.lastrowid


def stamp(instant: datetime) -> str:
    """`instant` in the one notation in which kept times sort as text."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _cells(record: Order | Fill) -> dict[str, Value]:
    return {name: _cell(value) for name, value in record if name != "seq"}


def _cell(value: object) -> Value:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, bool):
        return int(value)
    assert value is None or isinstance(value, str | int)
    return value


def _market(row: sqlite3.Row) -> MarketRow:
    book = Book(_levels(row["bids"]), _levels(row["asks"]))
    amounts = Decimal(row["mid"]), Decimal(row["last"])
    return MarketRow(row["product_id"], *amounts, row["tick"], book, bool(row["trading_disabled"]))


def _levels(text: str) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in json.loads(text))


def _levels_text(levels: Iterable[Level]) -> str:
    return json.dumps([(plain(price), plain(size)) for price, size in levels])
