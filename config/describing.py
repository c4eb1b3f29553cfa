"""The settings as people read them: a table of what is in force, and the text of .env.example."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.declaring import PREFIX, Group, as_text, default_text, spec_of
from config.loading import Loaded
from config.settings import GROUPS

_WIDTH = 118
_HEAD = """\
# surefill's settings. Copy this file to .env, and take the # away from what you change; the values are the defaults.
# The environment wins over .env. An empty value counts as not set. A misspelt SUREFILL_ name stops the start.
# The HBOT_ names of the old bot are read too; where both stand in one place, the SUREFILL_ name counts.
# This text is made by config/describing.py.
"""


@dataclass(frozen=True)
class Row:
    """One setting, for people. `name` is the variable; `value` shows no secret."""

    group: str
    name: str
    value: str
    unit: str
    origin: str
    status: str
    description: str
    legacy: str | None


def describe(loaded: Loaded) -> list[Row]:
    """Every setting in force, in the order of .env.example."""
    return [_row(loaded, group, name, field) for group in GROUPS for name, field in group.model_fields.items()]


def example_env() -> str:
    """The whole text of .env.example."""
    return _HEAD + "".join(f"\n\n# ---- {_heading(group)} ----\n{_section(group)}" for group in GROUPS)


def _row(loaded: Loaded, group: type[Group], name: str, field: FieldInfo) -> Row:
    spec = spec_of(field)
    return Row(
        group=_heading(group),
        name=PREFIX + name.upper(),
        value=_shown(getattr(loaded.settings, name)),
        unit=spec.unit,
        origin=loaded.origins[name],
        status=spec.status,
        description=field.description or "",
        legacy=spec.legacy,
    )


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "set (hidden)" if value.get_secret_value() else "not set"
    return as_text(value)


def _heading(group: type[Group]) -> str:
    return (group.__doc__ or group.__name__).strip()


def _section(group: type[Group]) -> str:
    return "".join(
        "\n" + "".join(f"# {line}\n" for line in _comment(field)) + f"# {PREFIX}{name.upper()}={default_text(field)}\n"
        for name, field in group.model_fields.items()
    )


def _comment(field: FieldInfo) -> Iterator[str]:
    spec = spec_of(field)
    notes = [f"Unit: {spec.unit}." if spec.unit else "", f"Formerly {spec.legacy}." if spec.legacy else ""]
    notes += [f"Like {spec.sample}" if spec.sample else "", _sentence(spec.status) if spec.later else ""]
    yield from textwrap.wrap(" ".join([_sentence(field.description or ""), *filter(None, notes)]), _WIDTH)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
