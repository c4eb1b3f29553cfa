"""Issue: exact decimals on SQLite and PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel

import ledger.migrations.versions
from domain.money import plain
from ledger.database import Database
from ledger.migrating import migrate
from ledger.shape import REVISION, LedgerShape, check
from ledger.tables import BudgetRow, PositionRow
from tests.fuzzing import tried

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=18)
DOLLARS = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12, places=6)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@tried(150)
@given(amount=AMOUNTS, dollars=DOLLARS)
def test_decimals_of_18_places_and_dollars_of_6_come_back_exact(
    database: Database, amount: Decimal, dollars: Decimal
) -> None:
    day = datetime.now(UTC).date()
    with database.schema_connection() as connection, Session(bind=connection) as session:
        session.merge(PositionRow(account="a", pair="ETH-USD", base_qty=amount))
        session.merge(BudgetRow(budget="b", day=day, usd_spent=dollars))
        session.flush()
        session.expire_all()
        assert session.get_one(PositionRow, ("a", "ETH-USD")).base_qty == amount
        assert session.get_one(BudgetRow, ("b", day)).usd_spent == dollars


@given(amount=AMOUNTS)
def test_plain_numbers_have_no_exponent_and_stay_exact(amount: Decimal) -> None:
    text = plain(amount)
    assert "E" not in text
    assert Decimal(text) == amount


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - what is refused
    with database.schema_connection() as connection, Session(bind=connection) as session:
        session.add(PositionRow(account="a", pair="ETH-USD", changed_at=naive))
        with pytest.raises(Exception, match="without a zone"):
            session.flush()


def test_the_migrations_make_the_tables_that_the_code_has(database: Database) -> None:
    with database.schema_connection() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_twice_is_harmless(database: Database) -> None:
    migrate(database)
    check(database)


def test_an_empty_database_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(LedgerShape, match="surefill migrate"):
        check(empty)
    empty.close()


def test_the_shape_that_the_code_asks_for_is_the_latest_migration() -> None:
    files = Path(ledger.migrations.versions.__path__[0]).glob("[0-9]*.py")
    assert max(file.name.partition("_")[0] for file in files) == REVISION
