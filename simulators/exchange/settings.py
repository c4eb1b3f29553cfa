"""What the exchange is told when it starts, and what may be changed while it runs."""

import difflib
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from simulators.exchange.decimals import parse_plain

PREFIX = "EXCHANGE_"
OPENING_BALANCES = "USD=100000,ETH=10,BTC=1,SOL=100,LINK=100,ADA=1000,MATIC=1000,USDC=100000"

Rate = Annotated[Decimal, Field(ge=0, lt=1, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=0)]


class SettingsError(Exception):
    """The environment does not describe an exchange; the message names the variable."""


class Knobs(BaseModel):
    """The part of the settings that the control port may change while the exchange runs. Zero limits mean none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prices: Literal["synthetic", "fixed"] = "synthetic"
    visibility_delay_ms: Count = 0
    pending_ms: Count = 0
    private_requests_per_s: Count = 30
    public_requests_per_s: Count = 10
    duplicate_ids: Literal["return_old", "error", "forget"] = "return_old"
    clock_offset_s: int = 0


class Settings(Knobs):
    host: str = "127.0.0.1"
    port: Port = 8780
    control_port: Port = 8781
    database_path: Path = Path(".surefill/exchange.db")
    key_file: Path = Path(".surefill/exchange/cdp_api_key.json")
    balances: dict[str, Decimal] = Field(default_factory=lambda: _balances(OPENING_BALANCES))
    seed: int = 1
    maker_fee_rate: Rate = Decimal("0.006")
    taker_fee_rate: Rate = Decimal("0.012")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("balances", mode="before")
    @classmethod
    def _read_balances(cls, value: object) -> object:
        return _balances(value) if isinstance(value, str) else value

    def knobs(self) -> Knobs:
        return Knobs.model_validate(self.model_dump(include=set(Knobs.model_fields)))


def _balances(text: str) -> dict[str, Decimal]:
    balances = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        currency, _, amount = part.partition("=")
        available = parse_plain(amount.strip())
        if available is None or not currency.strip().isalnum():
            raise ValueError(f"{part!r} does not read CURRENCY=AMOUNT")
        balances[currency.strip().upper()] = available
    return balances


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that `environ` gives under EXCHANGE_. Raises SettingsError for an unknown or unusable variable."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in given.keys() - Settings.model_fields.keys():
        raise SettingsError(_unknown(name))
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        faults = (f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        raise SettingsError("; ".join(faults)) from error


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0)
    return f"{PREFIX}{name.upper()} is no setting of the exchange; the nearest is {PREFIX}{near[0].upper()}"
