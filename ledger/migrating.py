"""Bring a ledger to the shape that this version needs. Imports Alembic, so only commands that migrate import this."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from ledger.database import Database

# Any number, the same for everyone: two processes that migrate one PostgreSQL database take turns.
_POSTGRES_LOCK = 7_335_117


class LedgerShape(Exception):
    """The ledger has another shape than this version of surefill needs."""


def migrate(database: Database) -> str:
    """Apply the missing steps, all or none; the revision that the ledger has then."""
    with database.schema_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return _revision(connection) or "empty"


def check(database: Database) -> None:
    """Raise LedgerShape, with the command that helps, unless the ledger has this version's shape."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    with database.schema_connection() as connection:
        found = _revision(connection)
    if found != wanted:
        have = found or "none"
        raise LedgerShape(f"the ledger is at revision {have}, this version needs {wanted}: run `surefill migrate`")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
