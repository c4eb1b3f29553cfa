"""The settings: one frozen model. Only doors load it; everyone else is given values."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator

from config.connections import (
    CoinbaseSettings,
    DoorSettings,
    GasSettings,
    GatewaySettings,
    PaperSettings,
    RunningSettings,
    parse_sources,
)
from config.declaring import Group, default_text, is_loopback, spec_of
from config.trading import CexSettings, PredictiveSettings, RiskSettings, TradingSettings
from domain.pairs import Pair, parse_pair

GROUPS: tuple[type[Group], ...] = (
    TradingSettings,
    RiskSettings,
    CexSettings,
    PredictiveSettings,
    CoinbaseSettings,
    PaperSettings,
    DoorSettings,
    GatewaySettings,
    GasSettings,
    RunningSettings,
)
# They share one secret: legacy alerts go to /webhook/hummingbot.
SHARED_SOURCES = ("default", "hummingbot", "tradingview")
MIN_SECRET_LENGTH = 16

_WELL_KNOWN = frozenset(
    {"your-secret-key", "your-secret-key-here", "your_secret_key_here", "your-webhook-api-key", "your_api_key_here"}
    | {"changeme", "change-me", "change_me_please", "secret", "supersecret", "password", "0123456789abcdef"}
    | {"1234567890123456", "replace-with-a-long-random-secret", "hummingbot", "tradingview", "surefill"}
)


class Conflicts(ValueError):
    """Settings that do not go together; each conflict names the fields it is about."""

    def __init__(self, conflicts: list[tuple[tuple[str, ...], str]]) -> None:
        super().__init__("; ".join(text for _, text in conflicts))
        self.conflicts = conflicts


class Settings(
    TradingSettings,
    RiskSettings,
    CexSettings,
    PredictiveSettings,
    CoinbaseSettings,
    PaperSettings,
    GatewaySettings,
    DoorSettings,
    GasSettings,
    RunningSettings,
):
    """Everything that can be set, checked alone and together."""

    @property
    def is_live(self) -> bool:
        return self.trading_mode == "live"

    @property
    def tradable_pairs(self) -> tuple[Pair, ...]:
        return tuple(parse_pair(name) for name in self.cex_trading_pairs)

    def sources(self) -> Mapping[str, SecretStr]:
        """Who may send alerts, with what secret."""
        shared = dict.fromkeys(SHARED_SOURCES, self.webhook_api_key) if self.webhook_api_key.get_secret_value() else {}
        named = parse_sources(self.webhook_sources.get_secret_value())
        return MappingProxyType({**shared, **{name: SecretStr(secret) for name, secret in named.items()}})

    def secrets(self) -> tuple[SecretStr, ...]:
        """Everything that must never show anywhere."""
        own = [value for value in dict(self).values() if isinstance(value, SecretStr)]
        return tuple(secret for secret in (*self.sources().values(), *own) if secret.get_secret_value())

    @model_validator(mode="after")
    def _agree(self) -> Self:
        conflicts = [*self._about_sizes(), *self._about_coinbase(), *self._about_strangers()]
        if conflicts:
            raise Conflicts(conflicts)
        return self

    def _about_sizes(self) -> list[tuple[tuple[str, ...], str]]:
        if self.cex_min_order_size_usd <= self.cex_max_order_size_usd:
            return []
        names = ("cex_min_order_size_usd", "cex_max_order_size_usd")
        return [(names, "the smallest order is larger than the largest")]

    def _about_coinbase(self) -> list[tuple[tuple[str, ...], str]]:
        name, key = self.coinbase_key_name, self.coinbase_private_key.get_secret_value()
        found: list[tuple[tuple[str, ...], str]] = []
        names = ("coinbase_key_name", "coinbase_private_key", "coinbase_key_file")
        if bool(name) != bool(key):
            found.append((names[:2], "the key's name and the private key go together; one of them is missing"))
        elif self.coinbase_key_file and name:
            found.append((names, "give the key file, or name and private key; not both"))
        elif self.is_live and not (self.coinbase_key_file or name):
            found.append((names, "live trading needs keys: the key file, or name and private key"))
        for url in ("coinbase_url", "coinbase_user_channel_url"):
            if self.is_live and not _is_coinbase(getattr(self, url), https=True):
                found.append(((url, "trading_mode"), "live trading only goes to https://...coinbase.com"))
        if _is_coinbase(self.paper_exchange_url, https=False):
            found.append((("paper_exchange_url",), "paper trading must not go to coinbase.com"))
        return found

    def _about_strangers(self) -> list[tuple[tuple[str, ...], str]]:
        is_public = not is_loopback(self.webhook_host)
        if not (is_public or self.is_live):
            return []
        refusal = f"no start {f'on the public address {self.webhook_host}' if is_public else 'of live trading'} without"
        sources = self.sources()
        weak = [name for name, secret in sources.items() if _is_weak(secret)]
        found: list[tuple[tuple[str, ...], str]] = []
        if weak or (is_public and not sources):
            whose = f" for {', '.join(weak)}" if weak else ""
            text = f"{refusal} a secret of its own{whose}, of at least {MIN_SECRET_LENGTH} characters"
            found.append((("webhook_api_key", "webhook_sources", "webhook_host"), text))
        token = self.operator_token
        if _is_weak(token) and (is_public or token.get_secret_value()):
            text = f"{refusal} an operator token of its own, of at least {MIN_SECRET_LENGTH} characters"
            found.append((("operator_token", "webhook_host"), text))
        if token in sources.values():
            found.append((("operator_token",), f"{refusal} an operator token that no source has as its secret"))
        return found


def _is_coinbase(url: str, *, https: bool) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return (parts.scheme == "https" or not https) and (host == "coinbase.com" or host.endswith(".coinbase.com"))


def _is_weak(secret: SecretStr) -> bool:
    text = secret.get_secret_value()
    return len(text) < MIN_SECRET_LENGTH or text.lower() in _WELL_KNOWN or text in _written_in_the_example()


def _written_in_the_example() -> set[str]:
    """Whatever .env.example shows as a value: everybody knows it."""
    fields = [field for group in GROUPS for field in group.model_fields.values()]
    return {default_text(field) for field in fields} | {spec_of(field).sample for field in fields}
