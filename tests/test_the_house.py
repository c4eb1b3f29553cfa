"""What the design promises about the code itself."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from temporalio import activity

from activities import policies
from activities.auditing import Auditing
from activities.placing import Placing
from activities.quoting import Quoting
from activities.recording import Recording
from activities.watching import Watching
from config.declaring import spec_of
from config.settings import GROUPS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def code_of(path: Path) -> str:
    """The file without its docstrings and comments."""
    return re.sub(r'"""(?:.|\n)*?"""|#[^\n]*', "", path.read_text())


def test_importing_a_workflow_reaches_no_network_and_no_database() -> None:
    forbidden = ("httpx", "fastapi", "sqlmodel", "sqlalchemy", "alembic", "uvicorn")
    ours = "workflows.trade, workflows.watch, workflows.reconcile"
    code = f"import sys, {ours}; print([m for m in {forbidden} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_every_activity_has_a_policy_of_its_own_name() -> None:
    defined = {
        found.name.upper()
        for owner in (Recording, Quoting, Placing, Watching, Auditing)
        for member in vars(owner).values()
        if (found := activity._Definition.from_callable(member)) is not None and found.name is not None
    }
    declared = {name for name, value in vars(policies).items() if name.isupper() and isinstance(value, dict)}
    assert declared == defined


def test_timing_lives_on_the_page_of_policies() -> None:
    """Workflows may build a timer from a rule of the trade; they may not decide how long anything technical takes."""
    for path in (ROOT / "workflows").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "timedelta":
                numbers = [value for value in ast.walk(node) if isinstance(value, ast.Constant) and value.value != 0]
                assert not numbers, f"{path.name}:{node.lineno} decides a time of its own"


def test_only_temporal_retries() -> None:
    """No venue and no book pauses: a second retry engine inside an adapter is how such projects turn ugly."""
    for package in ("venues", "ledger"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(r"\b(sleep|tenacity|backoff|retries)\b", code_of(path)), path


def test_money_is_never_a_float() -> None:
    """Amounts, prices and fees are Decimal; floats are left to seconds of the machine, in names that end with _s."""
    for package in ("domain", "venues", "ledger", "activities", "workflows"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(r"\bfloat\b", code_of(path)), path


def test_every_package_is_in_the_wheel_and_held_to_the_floors() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "faults"}
    assert found == set(PACKAGES)
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


def test_a_setting_that_says_it_is_in_use_is_read() -> None:
    """By somebody outside of config/, or by the settings' own properties there."""
    readers = [path for package in PACKAGES if package != "config" for path in (ROOT / package).rglob("*.py")]
    text = "\n".join(map(code_of, [*readers, ROOT / "config" / "settings.py"]))
    for group in GROUPS:
        for name, field in group.model_fields.items():
            if not spec_of(field).later:
                assert re.search(rf"\b{name}\b", text), f"{name} is read by nobody"


def test_no_test_uses_mock_patch() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert "mock" + ".patch" not in path.read_text().replace("no mock" + ".patch", ""), path


def test_nothing_is_left_to_do_silently() -> None:
    """No swallowed errors and no unfinished code in what is shipped."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert not re.search(r"except( Exception| BaseException)?:\s*\n\s*pass", text), path
            assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text), path
