"""How a setting is declared: its default, unit, meaning, old name, and whether anything reads it yet."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

PREFIX, LEGACY_PREFIX = "SUREFILL_", "HBOT_"

_SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# Greedy up to the last @: a password may hold any character.
_PASSWORD = re.compile(r"(://[^:/@\s]*):.*@|(\bpassword=)[^&]*", re.DOTALL)


class Group(BaseModel):
    """Settings that belong together; the docstring is their heading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Spec:
    """What is known of a setting besides its type. `later`: what will read it, or "" when something does."""

    unit: str
    legacy: str | None
    later: str
    sample: str

    @property
    def status(self) -> str:
        return f"read and checked; used when {self.later}" if self.later else "in use"


def setting(
    default: Any, description: str, *, unit: str = "", legacy: str = "", later: str = "", sample: str = ""
) -> Any:
    """Declare a setting. `default` may be a function of the settings before it; `sample`: shown where it is empty."""
    spec: JsonDict = {
        "unit": unit,
        "legacy": LEGACY_PREFIX + legacy if legacy else None,
        "later": later,
        "sample": sample,
    }
    if callable(default):
        return Field(default_factory=default, description=description, json_schema_extra=spec)
    return Field(default, description=description, json_schema_extra=spec)


def spec_of(field: FieldInfo) -> Spec:
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        raise TypeError("declare it with setting()")
    return Spec(**extra)  # type: ignore[arg-type]  # written by setting() above


def default_text(field: FieldInfo) -> str:
    """The default as it would be written; empty when it follows from other settings."""
    return "" if field.default_factory is not None else as_text(field.default)


def as_text(value: object) -> str:
    """A setting's value as it would be written in the environment. Passwords inside addresses are hidden."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return without_password(str(value))


def without_password(text: str) -> str:
    return _PASSWORD.sub(lambda found: f"{found[2]}***" if found[2] else f"{found[1]}:***@", text)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _switch(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in _SWITCHES:
        raise ValueError(f"write one of {', '.join(_SWITCHES)}")
    return _SWITCHES[value.lower()]


def _list(value: object) -> object:
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _cased(change: Callable[[str], str]) -> BeforeValidator:
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


def _http_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.query or parts.fragment:
        raise ValueError("write an address like https://host or http://host:port")
    return value.rstrip("/")


LOWER, UPPER = _cased(str.lower), _cased(str.upper)
Switch: TypeAlias = Annotated[bool, BeforeValidator(_switch)]
Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_list)]
Url: TypeAlias = Annotated[str, BeforeValidator(_http_url)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
Seconds: TypeAlias = Annotated[int, Field(gt=0)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Factor: TypeAlias = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Fraction: TypeAlias = Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)]
Host: TypeAlias = Annotated[str, Field(pattern=r"^[^\s/]+$")]
OptionalPath: TypeAlias = Path | None
NO_SECRET = SecretStr("")
