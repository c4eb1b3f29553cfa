"""Bring a ledger to the shape that this version needs. Imports Alembic, so only commands that migrate import this."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from ledger.database import Database

# Any number, the same for everyone: two processes that migrate one PostgreSQL database take turns.
_POSTGRES_LOCK = 7_335_117


def migrate(database: Database) -> None:
    """Apply the missing steps, all or none."""
    with database.schema_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
