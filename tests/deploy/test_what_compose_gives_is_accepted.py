"""The settings that each role gets in its container are loaded, as the role would."""

import re
from pathlib import Path

import pytest

from config.loading import SettingsError, load_settings
from config.settings import Settings
from simulators.exchange.settings import load_settings as load_exchange_settings
from tests.deploy.compose import DEPLOY, Compose, read_compose
from tests.deploy.conftest import Made

_ROLES = ("surefill-migrate", "surefill-api", "surefill-worker")


def _settings(name: str, made: Made, dotenv: dict[str, str] | None = None) -> Settings:
    """What a role loads, when `dotenv` stands beside the compose file."""
    service = read_compose(dotenv).services[name]
    environ = {**(dotenv or {}), **{variable: str(value) for variable, value in service.environment.items()}}
    return load_settings(environ, made.dotenv)


def _shown_in_readme(heading: str) -> dict[str, str]:
    """The variables that a section of the README sets."""
    readme = (DEPLOY / "README.md").read_text()
    section = readme.partition(f"## {heading}")[2].partition("\n## ")[0]
    return dict(re.findall(r"^    ([A-Z_]+)=(.*)$", section, flags=re.MULTILINE))


@pytest.mark.parametrize("role", _ROLES)
def test_without_any_file_of_settings_every_role_starts_and_trades_on_paper(role: str, made: Made) -> None:
    settings = _settings(role, made)
    assert not settings.is_live
    password = (made.passwords / "surefill").read_text()
    assert settings.database_url == f"postgresql+psycopg://surefill:{password}@postgres:5432/surefill"


def test_the_api_listens_for_its_container_with_secrets_of_its_own(made: Made) -> None:
    settings = _settings("surefill-api", made)
    assert settings.webhook_host == "0.0.0.0"
    assert settings.api_url == "http://127.0.0.1:3002"
    assert settings.temporal_ui_url == "http://127.0.0.1:8233"
    assert settings.webhook_api_key.get_secret_value() != settings.operator_token.get_secret_value()


def test_without_the_secrets_of_init_the_api_does_not_start(compose: Compose, tmp_path: Path) -> None:
    environ = {name: str(value) for name, value in compose.services["surefill-api"].environment.items()}
    with pytest.raises(SettingsError, match="no start on the public address"):
        load_settings(environ, tmp_path / ".env")


def test_a_secret_of_the_operators_own_counts(made: Made) -> None:
    settings = _settings("surefill-api", made, {"SUREFILL_WEBHOOK_API_KEY": "a-secret-of-my-own-choice"})
    assert settings.webhook_api_key.get_secret_value() == "a-secret-of-my-own-choice"


@pytest.mark.parametrize("role", _ROLES)
def test_what_the_readme_says_switches_live_trading_on(role: str, made: Made) -> None:
    dotenv = _shown_in_readme("Settings, and going live")
    assert dotenv["SUREFILL_TRADING_MODE"] == "live"
    assert _settings(role, made, dotenv).is_live


def test_the_worker_finds_the_paper_exchange_and_its_key(compose: Compose, made: Made) -> None:
    worker, exchange = compose.services["surefill-worker"], compose.services["surefill-exchange"]
    settings = _settings("surefill-worker", made)
    theirs = load_exchange_settings(exchange.environment)
    assert settings.paper_exchange_url == f"http://{exchange.name}:{theirs.port}"
    assert settings.paper_key_file == theirs.key_file
    assert str(theirs.key_file.parent) == worker.named_volumes["exchange-key"] == exchange.named_volumes["exchange-key"]
    assert str(theirs.database_path.parent) == exchange.named_volumes["exchange-data"]
    assert theirs.host == "0.0.0.0"


def test_every_role_reads_the_secrets_where_it_works(compose: Compose) -> None:
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    assert re.findall(r"^WORKDIR (\S+)$", dockerfile, flags=re.MULTILINE)[-1] == "/var/lib/surefill"
    assert {compose.services[role].named_volumes["surefill-home"] for role in _ROLES} == {"/var/lib/surefill"}


def test_temporal_is_ours_unless_another_is_named(compose: Compose) -> None:
    elsewhere = read_compose({name: value for name, value in _shown_in_readme("Temporal Cloud").items()})
    for role in _ROLES:
        assert compose.services[role].environment["TEMPORAL_ADDRESS"] == "temporal:7233"
        assert elsewhere.services[role].environment["TEMPORAL_ADDRESS"] == "trading.a1b2c.tmprl.cloud:7233"
        assert elsewhere.services[role].environment["TEMPORAL_NAMESPACE"] == "trading.a1b2c"
    assert elsewhere.services["temporal-ui"].environment["TEMPORAL_ADDRESS"] == "temporal:7233"


def test_nothing_empty_is_given_to_temporals_client(compose: Compose) -> None:
    """An empty TEMPORAL_API_KEY would switch TLS on."""
    for role in _ROLES:
        environment = compose.services[role].environment
        assert {name for name in environment if name.startswith("TEMPORAL_")} == {
            "TEMPORAL_ADDRESS",
            "TEMPORAL_NAMESPACE",
        }
        assert all(environment.values())
