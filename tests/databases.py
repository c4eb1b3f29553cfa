"""Fresh ledgers, copied from one that was migrated: SQLite files and PostgreSQL databases."""

import shutil
import uuid
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from ledger.database import Database
from ledger.migrating import migrate


def migrated(url: str) -> str:
    """Bring the database at `url` to the current shape."""
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()
    return url


class SqliteLedgers:
    """Ledgers in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        migrated(f"sqlite:///{self._template}")

    def fresh(self) -> str:
        path = self._folder / f"{uuid.uuid4().hex}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"


class PostgresLedgers:
    """Ledgers on one PostgreSQL server."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._template = self._create("surefill_template", "template1")
        migrated(self._template)

    def fresh(self) -> str:
        return self._create(f"ledger_{uuid.uuid4().hex}", "surefill_template")

    def _create(self, name: str, template: str) -> str:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)
