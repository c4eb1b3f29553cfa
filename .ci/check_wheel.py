"""Looks at surefill as it is installed: run with the Python of a clean environment, in an empty folder."""

import subprocess
import sys
from importlib.metadata import files, version
from pathlib import Path

# Importing a workflow must stay cheap: Temporal's sandbox imports it again for each one that it runs.
_NOT_FOR_WORKFLOWS = ("httpx", "sqlmodel", "sqlalchemy", "fastapi", "cryptography")
_PRINT_COMMANDS = "import typer; from cli.main import app; print(*typer.main.get_command(app).commands)"
_PRINT_STRANGERS = (
    f"import sys, workflows.trade; print(*(name for name in {_NOT_FOR_WORKFLOWS} if name in sys.modules))"
)


def main() -> None:
    """Raises AssertionError or CalledProcessError for what is not as it should be."""
    installed = {str(path) for path in files("surefill") or ()}
    migrations = [name for name in installed if name.startswith("ledger/migrations/versions/") and name.endswith(".py")]
    assert migrations, "the wheel has no migrations"
    assert "ledger/migrations/env.py" in installed, "the wheel cannot run its migrations"
    assert not [name for name in installed if name.startswith(("tests/", "docs/", "bench/", "deploy/"))], (
        "not for users"
    )
    commands = _python(_PRINT_COMMANDS).split()
    for command in commands:
        subprocess.run(["surefill", command, "--help"], check=True, stdout=subprocess.DEVNULL)
    assert (strangers := _python(_PRINT_STRANGERS).strip()) == "", f"importing workflows.trade loads {strangers}"
    subprocess.run(["surefill", "migrate"], check=True, stdout=subprocess.DEVNULL)
    assert Path(".surefill/ledger.db").exists(), "`surefill migrate` made no ledger"
    sys.stdout.write(f"surefill {version('surefill')}: {len(commands)} commands, {len(migrations)} migrations\n")


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


main()
