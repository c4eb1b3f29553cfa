"""From the environment and a .env file to the settings. Whatever is wrong is reported at once, with its place."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from config.declaring import LEGACY_PREFIX, PREFIX, spec_of, without_password
from config.settings import Conflicts, Settings

ENVIRONMENT, DOTENV = "environment", ".env"

_KNOWN = {PREFIX + name.upper(): name for name in Settings.model_fields}
_LEGACY = {old: name for name, field in Settings.model_fields.items() if (old := spec_of(field).legacy)}
_NOT_OURS = frozenset({"HUMMINGBOT_VERSION", "GATEWAY_VERSION"})
# HBOT_TRADE_AMOUT is a slip; HBOT_WEBHOOK_HOST and HBOT_GATEWAY_CA_PATH are other names.
_NEAR = 0.88


class SettingsError(ValueError):
    """Settings with which nothing may start. `problems`: one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the settings are wrong:\n" + "\n".join(f"- {problem}" for problem in self.problems))


@dataclass(frozen=True)
class Loaded:
    """The settings, and where each came from: `default`, `environment SUREFILL_X`, `.env HBOT_X`, ...

    `ignored`: names of the old bot that were found and mean nothing here.
    """

    settings: Settings
    origins: Mapping[str, str]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """A variable that was found: where, and its text."""

    place: str
    variable: str
    text: str

    @property
    def origin(self) -> str:
        return f"{self.place} {self.variable}"


def load_settings(environ: Mapping[str, str], dotenv_path: Path | None) -> Settings:
    """The settings. Raises SettingsError."""
    return load(environ, dotenv_path).settings


def load(environ: Mapping[str, str], dotenv_path: Path | None) -> Loaded:
    """The settings and their origins. The environment wins over the file, a new name over its old one beside it; an
    empty text counts as not set. Raises SettingsError.
    """
    problems: list[str] = []
    everything = [_Found(ENVIRONMENT, name, text) for name, text in environ.items()]
    everything += _read_dotenv(dotenv_path, problems)
    ours = [found for found in everything if found.variable in _KNOWN or found.variable in _LEGACY]
    strangers = [found for found in everything if found not in ours]
    problems += [problem for found in strangers if (problem := _slip(found))]
    chosen = _choose(ours)
    settings = _validated(chosen, problems)
    if settings is None or problems:
        raise SettingsError(problems)
    origins = {name: chosen[name].origin if name in chosen else "default" for name in Settings.model_fields}
    ignored = sorted({found.variable for found in strangers if _is_legacy(found.variable)})
    return Loaded(settings, MappingProxyType(origins), tuple(ignored))


def _read_dotenv(path: Path | None, problems: list[str]) -> list[_Found]:
    """What stands in the file, word for word: `${...}` is not filled in. A file that is not there is empty."""
    if path is None or not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path} cannot be read: {error}")
        return []
    last: dict[str, _Found] = {}
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line
        if binding.error or (binding.value is None and _has_our_prefix(binding.key or "")):
            problems.append(f"{path} line {line} cannot be read: write NAME=value")
        elif binding.key:
            last[binding.key] = _Found(DOTENV, binding.key, binding.value or "")
    return list(last.values())


def _has_our_prefix(variable: str) -> bool:
    return variable.upper().startswith((PREFIX, LEGACY_PREFIX))


def _choose(ours: list[_Found]) -> dict[str, _Found]:
    """The one text that counts for each setting."""
    chosen: dict[str, _Found] = {}
    for place in (ENVIRONMENT, DOTENV):
        for names in (_KNOWN, _LEGACY):
            for found in ours:
                if found.place == place and found.variable in names and found.text.strip():
                    chosen.setdefault(names[found.variable], found)
    return chosen


def _slip(found: _Found) -> str | None:
    """What is wrong with a name that is not known, if anything."""
    name = found.variable.upper()
    if name.startswith(PREFIX):
        near = _nearest(name, PREFIX, _KNOWN, cutoff=0.6)
        return f"{found.origin} is not a setting; {f'is {near} meant?' if near else '`surefill settings` lists them'}"
    if name.startswith(LEGACY_PREFIX):
        near = _nearest(name, LEGACY_PREFIX, _LEGACY, cutoff=_NEAR)
        return f"{found.origin} is not a setting; is {near} meant?" if near else None
    return None


def _nearest(name: str, prefix: str, names: Iterable[str], cutoff: float) -> str | None:
    """Compared without the prefix, which would make all names alike."""
    ends = [known.removeprefix(prefix) for known in names]
    near = difflib.get_close_matches(name.removeprefix(prefix), ends, n=1, cutoff=cutoff)
    return prefix + near[0] if near else None


def _is_legacy(variable: str) -> bool:
    return variable in _NOT_OURS or variable.upper().startswith(LEGACY_PREFIX)


def _validated(chosen: Mapping[str, _Found], problems: list[str]) -> Settings | None:
    """The settings, or None with every problem added."""
    texts = {name: found.text.strip() for name, found in chosen.items()}
    try:
        return Settings.model_validate(texts)
    except ValidationError as error:
        bad = _bad_fields(error)
        problems += [_bad_value(field, chosen[field], why) for field, why in bad.items()]
    # Conflicts are only looked for when each value is good by itself: look again without the bad ones.
    try:
        Settings.model_validate({name: text for name, text in texts.items() if name not in bad})
    except ValidationError as error:
        for fields, why in _conflicts(error):
            if not bad.keys() & set(fields):
                problems.append(f"{why} ({', '.join(_name(field, chosen) for field in fields)})")
    return None


def _bad_fields(error: ValidationError) -> dict[str, str]:
    return {
        str(detail["loc"][0]): detail["msg"]
        for detail in error.errors(include_url=False)
        if detail["loc"] and detail["type"] != "default_factory_not_called"
    }


def _conflicts(error: ValidationError) -> list[tuple[tuple[str, ...], str]]:
    causes = [detail.get("ctx", {}).get("error") for detail in error.errors(include_url=False)]
    return [conflict for cause in causes if isinstance(cause, Conflicts) for conflict in cause.conflicts]


def _bad_value(field: str, found: _Found, why: str) -> str:
    info = Settings.model_fields[field]
    shown = "the value (hidden)" if is_secret(info) else repr(without_password(found.text))
    unit = f" (unit: {spec.unit})" if (spec := spec_of(info)).unit else ""
    return f"{found.origin}: {shown} is not allowed: {why.removeprefix('Value error, ')}{unit}"


def _name(field: str, chosen: Mapping[str, _Found]) -> str:
    return chosen[field].origin if field in chosen else PREFIX + field.upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is never shown."""
    return field.annotation is SecretStr
