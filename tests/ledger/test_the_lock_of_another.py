"""A process that is frozen inside a transaction holds SQLite's lock; whoever only reads does not wait for it."""

import sqlite3

from ledger.database import Database
from ledger.shape import check
from tests.databases import SqliteLedgers


def test_the_shape_is_known_while_somebody_holds_the_lock(sqlite_ledgers: SqliteLedgers) -> None:
    url = sqlite_ledgers.fresh()
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    database = Database(url)
    try:
        check(database)
    finally:
        database.close()
        holder.close()
