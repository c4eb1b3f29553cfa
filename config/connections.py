"""Settings of what surefill talks to, who may talk to it, and where it runs."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, TypeAdapter, ValidationError

from config.declaring import (
    LOWER,
    NO_SECRET,
    UPPER,
    Count,
    Factor,
    Group,
    Host,
    Names,
    OptionalPath,
    Port,
    Seconds,
    Switch,
    Url,
    setting,
)
from domain.signals import SourceName

_DEX, _GATEWAY, _MQTT = "the DEX venues come", "Hummingbot Gateway comes", "the MQTT door comes"
_SOURCE_NAME: TypeAdapter[str] = TypeAdapter(SourceName)
OPERATORS_SOURCE = "cli"
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")


def parse_sources(text: str) -> Mapping[str, str]:
    """Name -> secret of each source in `text`, a JSON object. Raises ValueError that shows no secret."""
    if not text:
        return {}
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise ValueError('write a JSON object of names and secrets, like {"my-strategy": "its secret"}')
    sources = dict(pairs)
    if len(sources) < len(pairs):
        raise ValueError("a source stands twice")
    if OPERATORS_SOURCE in sources:
        raise ValueError(f"{OPERATORS_SOURCE!r} is the source of what operators send; choose another name")
    for name, secret in sources.items():
        if not _is_source_name(name):
            raise ValueError("a source's name has 1 to 40 of a-z, 0-9, - and _, and begins with a letter or digit")
        if not isinstance(secret, str) or not secret:
            raise ValueError(f"the secret of {name!r} must be a text that is not empty")
    return sources


def _is_source_name(name: str) -> bool:
    try:
        _SOURCE_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _sources(value: SecretStr) -> SecretStr:
    parse_sources(value.get_secret_value())
    return value


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _DATABASES:
        raise ValueError("write sqlite:///path/to/file or postgresql+psycopg://user:password@host/database")
    if scheme == "sqlite" and (not rest.startswith("/") or rest[1:] in ("", ":memory:")):
        raise ValueError("write sqlite:///path/to/file: the ledger must outlive the process")
    if scheme != "sqlite" and not _names_a_host(url):
        raise ValueError("write the host: postgresql+psycopg://user:password@host/database")
    return url


def _names_a_host(url: str) -> bool:
    """A host before the path, or, for a socket on this machine, the folder of it: postgresql:///db?host=/run/postgresql."""
    parts = urlsplit(url)
    return bool(parts.hostname or parse_qs(parts.query).get("host"))


def _pem(value: SecretStr) -> SecretStr:
    r"""A key on one line has the two characters \n where its lines end."""
    return SecretStr(value.get_secret_value().replace("\\n", "\n"))


def _local_url(port_field: str) -> Any:
    return lambda before: f"http://127.0.0.1:{before[port_field]}"


class CoinbaseSettings(Group):
    """Coinbase (live trading): the key file, or the key's name and the private key"""

    coinbase_url: Url = setting("https://api.coinbase.com", "where Coinbase Advanced Trade is")
    coinbase_user_channel_url: Url = setting(
        "https://advanced-trade-ws-user.coinbase.com", "where it tells of orders by itself, over a WebSocket"
    )
    coinbase_key_name: str = setting("", "the key's name", sample="organizations/.../apiKeys/...")
    coinbase_private_key: Annotated[SecretStr, AfterValidator(_pem)] = setting(
        NO_SECRET, r"the private key: PEM, its line ends may be written \n"
    )
    coinbase_key_file: OptionalPath = setting(
        None, "the JSON file with both, as the CDP portal gives it out", unit="path"
    )


class PaperSettings(Group):
    """The paper exchange"""

    paper_key_file: Path = setting(
        Path(".surefill/exchange/cdp_api_key.json"), "its key, which it writes itself", unit="path"
    )
    exchange_port: Port = setting(8780, "where `surefill up` starts it", unit="port")
    exchange_control_port: Port = setting(8781, "where its prices and faults are controlled", unit="port")
    paper_exchange_url: Url = setting(
        _local_url("exchange_port"), "where paper orders go; empty: this machine, SUREFILL_EXCHANGE_PORT"
    )


class GatewaySettings(Group):
    """Hummingbot Gateway and on-chain exchanges"""

    gateway_host: Host = setting("localhost", "where it is", legacy="GATEWAY_HOST", later=_GATEWAY)
    gateway_port: Port = setting(15888, "its port", unit="port", legacy="GATEWAY_PORT", later=_GATEWAY)
    gateway_https: Switch = setting(
        True, "whether it speaks HTTPS; its certificate is always checked", legacy="GATEWAY_HTTPS", later=_GATEWAY
    )
    gateway_cert_path: OptionalPath = setting(
        None, "our client certificate", unit="path", legacy="GATEWAY_CERT_PATH", later=_GATEWAY
    )
    gateway_key_path: OptionalPath = setting(None, "its key", unit="path", legacy="GATEWAY_KEY_PATH", later=_GATEWAY)
    gateway_conf_path: OptionalPath = setting(
        None, "the folder of its pool configurations", unit="path", legacy="GATEWAY_CONF_PATH", later=_GATEWAY
    )
    gateway_config_cache_s: Count = setting(300, "how long its configuration is kept", unit="s", later=_GATEWAY)
    dex_quote_currency: Annotated[str, UPPER] = setting("USDC", "the quote currency on a DEX", later=_DEX)
    supported_networks: Names = setting(
        ("arbitrum", "polygon", "base", "mainnet", "mainnet-beta"),
        "networks that may be traded on",
        unit="comma-separated",
        legacy="SUPPORTED_NETWORKS",
        later=_DEX,
    )
    arbitrum_wallet: str = setting("", "the address on Arbitrum", legacy="ARBITRUM_WALLET", later=_DEX)
    solana_wallet: str = setting("", "the address on Solana", legacy="SOLANA_WALLET", later=_DEX)


class DoorSettings(Group):
    """Doors: who may send alerts and operate"""

    webhook_api_key: SecretStr = setting(
        NO_SECRET,
        "the secret of the sources default, hummingbot and tradingview; `openssl rand -hex 24` makes a good one",
        legacy="WEBHOOK_API_KEY",
    )
    webhook_sources: Annotated[SecretStr, AfterValidator(_sources)] = setting(
        NO_SECRET, "more sources, each with a secret of its own", unit="JSON", sample='{"my-strategy": "its secret"}'
    )
    webhook_host: Host = setting("127.0.0.1", "the address to listen on; a public one asks for strong secrets")
    webhook_port: Port = setting(3002, "the port to listen on", unit="port", legacy="WEBHOOK_PORT")
    webhook_max_alerts_per_minute: Annotated[int, Field(gt=0)] = setting(
        6000, "what one source may send", unit="alerts per minute"
    )
    operator_token: SecretStr = setting(NO_SECRET, "the secret for cancelling, halting and settling")
    api_url: Url = setting(
        _local_url("webhook_port"), "where the command line finds the api; empty: this machine, SUREFILL_WEBHOOK_PORT"
    )
    mqtt_host: Host = setting("localhost", "the broker", legacy="MQTT_HOST", later=_MQTT)
    mqtt_port: Port = setting(1883, "its port", unit="port", legacy="MQTT_PORT", later=_MQTT)
    webhook_mqtt_namespace: str = setting(
        "hbot", "the first part of its topics", legacy="WEBHOOK_MQTT_NAMESPACE", later=_MQTT
    )


class GasSettings(Group):
    """Gas"""

    gas_strategy: Annotated[Literal["adaptive", "fixed"], LOWER] = setting(
        "adaptive", "how the gas price is found", legacy="GAS_STRATEGY", later=_DEX
    )
    gas_buffer: Factor = setting(
        Decimal("1.10"), "margin on the estimated gas", unit="factor", legacy="GAS_BUFFER", later=_DEX
    )
    gas_urgency: Factor = setting(
        Decimal("1.25"), "margin on the gas price", unit="factor", legacy="GAS_URGENCY", later=_DEX
    )
    gas_max_gwei: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = setting(
        Decimal("0"), "the highest gas price; 0: no limit", unit="gwei", legacy="GAS_MAX_GWEI", later=_DEX
    )
    gas_retry_multiplier: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = setting(
        Decimal("0.15"),
        "what each retry adds to the gas price",
        unit="fraction",
        legacy="GAS_RETRY_MULTIPLIER",
        later=_DEX,
    )


class RunningSettings(Group):
    """Running"""

    state_dir: Path = setting(Path(".surefill"), "where `surefill up` keeps its files", unit="path")
    database_url: Annotated[str, Field(repr=False), AfterValidator(_database_url)] = setting(
        lambda before: f"sqlite:///{before['state_dir']}/ledger.db",
        "the ledger: a SQLite file, or PostgreSQL; empty: ledger.db in SUREFILL_STATE_DIR",
    )
    temporal_port: Port = setting(7233, "where `surefill up` starts its own Temporal", unit="port")
    temporal_ui_port: Port = setting(8233, "where that Temporal's web page is", unit="port")
    temporal_ui_url: Url = setting(
        _local_url("temporal_ui_port"),
        "the Temporal page that links lead to; empty: this machine, SUREFILL_TEMPORAL_UI_PORT",
    )
    reconcile_every_s: Seconds = setting(
        300, "how often the auditor compares the ledger with Temporal and the venues", unit="s"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], UPPER] = setting(
        "INFO", "the least that is logged"
    )
