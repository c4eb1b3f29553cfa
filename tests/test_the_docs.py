"""What README and ARCHITECTURE name must exist: a page that lies is worse than none."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import app
from tests.test_the_house import PACKAGES

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "deploy/README.md",
    "docs/tour.md",
    "docs/reliability.md",
    "docs/unresolved.md",
    "docs/auditor.md",
    "docs/decisions/README.md",
)
SOURCE = "\n".join(path.read_text() for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))
CODE = re.compile(r"```.*?```|`[^`\n]+`|^    \S[^\n]*$", re.DOTALL | re.MULTILINE)


def commands_of(text: str) -> set[str]:
    return {name for code in CODE.findall(text) for name in re.findall(r"(?:^|[\s`/])surefill ([a-z][a-z-]*)", code)}


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_architecture_names_what_exists() -> None:
    """In `code`: a path, a command, or a name that the source spells the same way."""
    for name in re.findall(r"`([^`]+)`", (ROOT / "ARCHITECTURE.md").read_text()):
        if re.fullmatch(r"[\w/]+(/|\.py)", name):
            assert (ROOT / name).exists(), name
        elif re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
            assert re.search(rf"\b{name.rsplit('.', 1)[-1]}\b", SOURCE), name


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_shown_is_there(page: str) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    shown = commands_of((ROOT / page).read_text())
    assert shown <= set(group.commands)
    assert shown or page in ("ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions/README.md")


def test_every_difference_that_the_auditor_can_name_is_explained() -> None:
    spelt = re.compile(r'"([a-z]+(?:_[a-z]+)+)"')
    codes = {
        code
        for name in ("comparisons", "records")
        for code in spelt.findall((ROOT / "domain" / f"{name}.py").read_text())
        if code not in ("not_placed", "trade_id", "order_id")
    }
    rows = [line.split("|")[1] for line in (ROOT / "docs" / "auditor.md").read_text().splitlines() if "|" in line]
    explained = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert explained == codes
