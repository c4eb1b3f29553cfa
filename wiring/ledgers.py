"""Opening the ledger that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from ledger.database import Database
from ledger.ledger import Ledger
from ledger.shape import check


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger, until the end of the block. Raises LedgerShape when `surefill migrate` has to run first."""
    database = Database(settings.database_url)
    try:
        check(database)
        yield Ledger(database)
    finally:
        database.close()
