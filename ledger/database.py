"""Connections, threads and transactions, for SQLite and PostgreSQL.

The books are plain blocking functions over a transaction; they run here in threads: no event loop waits for a disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import OperationalError

from ledger.transaction import Transaction

T = TypeVar("T")

_WRITE = "BEGIN IMMEDIATE"
_READERS = 4
_POSTGRES_WRITERS = 8
# How long a transaction waits for a lock that another process holds before it fails and its caller tries again: shorter
# than the 3 s after which TradingView gives up, so that it hears a 503 and sends the alert again.
_LOCK_TIMEOUT_S = 2
# A process that is frozen inside a transaction holds its locks, the kill switch's among them. PostgreSQL ends the
# transaction after so long; SQLite cannot, there the frozen process has to be killed.
_FROZEN_S = 5
# Either side notices within about 10 s that the other's host is gone.
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
# SQLite waits for its lock in naps that grow to 100 ms; beside a busy process one comes too late time after time. It is
# asked again after so long, while its naps are still short.
_SQLITE_ASK_MS = 10


class Database:
    """One database, opened once for each process."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self.is_sqlite = target.get_backend_name() == "sqlite"
        writers = 1 if self.is_sqlite else _POSTGRES_WRITERS
        self._writing = _open(target, _WRITE, writers)
        self._reading = _open(target, "BEGIN", _READERS, isolation_level="REPEATABLE READ")
        # SQLite has one writer at a time: queueing here is fair, polling for its lock is not.
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="ledger-write")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="ledger-read")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction; when this returns it is on disk, when it raises nothing happened.

        Cancelling the caller does not stop a transaction that has begun.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writers, _transact, self._writing, work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, which only reads, on one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, _transact, self._reading, work)

    @contextmanager
    def schema_connection(self) -> Iterator[Connection]:
        """A connection in one writing transaction, for changing the shape of the database."""
        with self._writing.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that only reads, whoever writes or is stuck with the lock."""
        with self._reading.begin() as connection:
            yield connection

    def close(self) -> None:
        """Finish what runs, then close every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        self._writing.dispose()
        self._reading.dispose()


def _transact(engine: Engine, work: Callable[[Transaction], T]) -> T:
    with engine.begin() as connection:
        tx = Transaction(connection)
        done = work(tx)
        tx.save()
        return done


def _open(url: URL, begin: str, connections: int, isolation_level: IsolationLevel = "READ COMMITTED") -> Engine:
    if url.get_backend_name() != "sqlite":
        options = (
            f"-c lock_timeout={_LOCK_TIMEOUT_S * 1000} -c synchronous_commit=on"
            f" -c idle_in_transaction_session_timeout={_FROZEN_S * 1000}"
        )
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level=isolation_level,
            connect_args={"options": options, "connect_timeout": _LOCK_TIMEOUT_S, **_KEEPALIVES},
        )
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, pool_size=connections, max_overflow=0, connect_args={"isolation_level": None, "timeout": _LOCK_TIMEOUT_S}
    )
    event.listen(engine, "connect", _tune_sqlite)
    if begin == _WRITE:
        event.listen(engine, "connect", _ask_often)
    # The driver's own transactions start deferred, and a deferred read-then-write fails at once under contention.
    event.listen(engine, "begin", lambda connection: _begin(connection, begin))
    return engine


def _begin(connection: Connection, statement: str) -> None:
    """Begin a transaction; one that writes waits for SQLite's lock, at most _LOCK_TIMEOUT_S."""
    end = monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            connection.exec_driver_sql(statement)
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY or monotonic() > end:
                raise


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _ask_often(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout={_SQLITE_ASK_MS}")
