"""docker-compose.yml as Compose reads it, without Docker: merged, with its variables filled in."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DEPLOY = ROOT / "deploy"
OURS = "surefill"

# ${NAME}, or ${NAME:-default}, where the default is plain text.
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^${}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service of the file."""

    name: str
    told: Mapping[str, Any]

    @property
    def image(self) -> str:
        return str(self.told["image"])

    @property
    def program(self) -> str:
        """The image without its tag."""
        return self.image.partition(":")[0]

    @property
    def is_ours(self) -> bool:
        return self.program == OURS

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.told.get("environment", {}))

    @property
    def ports(self) -> list[str]:
        return list(self.told.get("ports", []))

    @property
    def depends_on(self) -> dict[str, dict[str, Any]]:
        return dict(self.told.get("depends_on", {}))

    @property
    def volumes(self) -> list[tuple[str, str, bool]]:
        """Where from, where to, and whether it may be written to."""
        parts = [text.split(":") for text in self.told.get("volumes", [])]
        return [(part[0], part[1], part[2:] != ["ro"]) for part in parts]

    @property
    def named_volumes(self) -> dict[str, str]:
        return {source: target for source, target, _ in self.volumes if not source.startswith(".")}

    @property
    def mounted_files(self) -> dict[str, Path]:
        """Files of this repository, by their place in the container."""
        return {target: ROOT / source for source, target, _ in self.volumes if source.startswith(".")}

    @property
    def health_command(self) -> list[str]:
        kind, *command = self.told["healthcheck"]["test"]
        assert kind == "CMD", "without a shell: nothing to quote wrong"
        return list(command)


@dataclass(frozen=True)
class Compose:
    """The file. `text`: as it is written."""

    text: str
    services: Mapping[str, Service]
    volumes: frozenset[str]

    @property
    def once(self) -> set[str]:
        """Services that end when they are done."""
        conditions = [each for service in self.services.values() for each in service.depends_on.items()]
        return {name for name, how in conditions if how["condition"] == "service_completed_successfully"}

    @property
    def ours(self) -> list[Service]:
        return [service for service in self.services.values() if service.is_ours]


def read_compose(variables: Mapping[str, str] | None = None) -> Compose:
    """The file, with `variables` filled in as Compose does from the environment and .env."""
    text = COMPOSE_FILE.read_text()
    whole = yaml.safe_load(_VARIABLE.sub(lambda found: _filled_in(found, variables or {}), text))
    services = {name: Service(name, told) for name, told in whole["services"].items()}
    return Compose(text, services, frozenset(whole["volumes"]))


def variables_of(text: str) -> set[str]:
    """Names of the variables that Compose fills in."""
    return {found["name"] for found in _VARIABLE.finditer(text)}


def surefill_commands(text: str) -> Iterator[list[str]]:
    """The words after `surefill` in each command that a text shows."""
    for shown in re.findall(r"(?:`|exec surefill-api )surefill ([^`\n]+)", text):
        yield shlex.split(re.split(r"\s{2,}", shown)[0])


def _filled_in(found: re.Match[str], variables: Mapping[str, str]) -> str:
    return variables.get(found["name"]) or found["default"] or ""
