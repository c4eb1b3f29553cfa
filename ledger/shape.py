"""The shape of the ledger that this version needs, known without loading the migrations."""

from sqlalchemy import inspect, text

from ledger.database import Database

# The latest file in ledger/migrations/versions; a test holds the two together.
REVISION = "0001"


class LedgerShape(Exception):
    """The ledger has another shape than this version of surefill needs."""


def check(database: Database) -> None:
    """Raise LedgerShape, with the command that helps, unless the ledger has this version's shape."""
    with database.snapshot() as connection:
        known = inspect(connection).has_table("alembic_version")
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if found != REVISION:
        raise LedgerShape(
            f"the ledger is at revision {found or 'none'}, this version needs {REVISION}: run `surefill migrate`"
        )
