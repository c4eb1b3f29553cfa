"""Where a setting's value comes from, and what stops a start."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.loading import Loaded, SettingsError, load, load_settings
from config.settings import Settings

LEGACY_DEFAULTS = {
    "HBOT_TRADE_AMOUNT": "10.0",
    "HBOT_SELL_PERCENTAGE": "99.999",
    "HBOT_SLIPPAGE_TOLERANCE": "1.0",
    "HBOT_MAX_DAILY_TRADES": "50",
    "HBOT_MAX_DAILY_VOLUME": "10000.0",
    "HBOT_MIN_SOL_BALANCE": "0.02",
    "HBOT_MIN_SELL_AMOUNT": "0.001",
    "HBOT_BALANCE_CACHE_TTL": "10",
    "HBOT_CEX_ENABLED": "true",
    "HBOT_CEX_DEFAULT_EXCHANGE": "coinbase_advanced_trade",
    "HBOT_CEX_TRADING_PAIRS": "ETH-USD,BTC-USD,SOL-USD,ADA-USD,MATIC-USD,LINK-USD",
    "HBOT_CEX_PREFERRED_TOKENS": "ETH,BTC",
    "HBOT_CEX_MIN_ORDER_SIZE": "1.2",
    "HBOT_CEX_MAX_ORDER_SIZE": "100.0",
    "HBOT_CEX_DAILY_LIMIT": "1000.0",
    "HBOT_USE_CEX_FOR_LARGE_ORDERS": "true",
    "HBOT_CEX_THRESHOLD_AMOUNT": "50.0",
    "HBOT_CEX_PREDICTIVE_SELL": "true",
    "HBOT_CEX_PREDICTIVE_WINDOW": "60",
    "HBOT_CEX_FEE_ESTIMATE": "1.5",
    "HBOT_GATEWAY_HOST": "localhost",
    "HBOT_GATEWAY_PORT": "15888",
    "HBOT_GATEWAY_HTTPS": "true",
    "HBOT_GATEWAY_CERT_PATH": "",
    "HBOT_GATEWAY_KEY_PATH": "",
    "HBOT_GATEWAY_CONF_PATH": "",
    "HBOT_WEBHOOK_API_KEY": "",
    "HBOT_WEBHOOK_PORT": "3002",
    "HBOT_MQTT_HOST": "localhost",
    "HBOT_MQTT_PORT": "1883",
    "HBOT_WEBHOOK_MQTT_NAMESPACE": "hbot",
    "HBOT_SUPPORTED_NETWORKS": "arbitrum,polygon,base,mainnet,mainnet-beta",
    "HBOT_ARBITRUM_WALLET": "",
    "HBOT_SOLANA_WALLET": "",
    "HBOT_GAS_STRATEGY": "adaptive",
    "HBOT_GAS_BUFFER": "1.10",
    "HBOT_GAS_URGENCY": "1.25",
    "HBOT_GAS_MAX_GWEI": "0",
    "HBOT_GAS_RETRY_MULTIPLIER": "0.15",
}


def dotenv(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text, encoding="utf-8")
    return path


def problems(environ: dict[str, str], dotenv_path: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ, dotenv_path)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_nothing_set_gives_the_defaults() -> None:
    loaded = load({}, None)
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.ignored == ()


def test_a_file_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / ".env") == Settings()


def test_the_legacy_env_file_with_its_defaults_gives_our_defaults(tmp_path: Path) -> None:
    assert len(LEGACY_DEFAULTS) == 39
    lines = "".join(f"{name}={value}\n" for name, value in LEGACY_DEFAULTS.items())
    loaded = load({}, dotenv(tmp_path, f"{lines}HUMMINGBOT_VERSION=2.9.0\nGATEWAY_VERSION=2.9.0\n"))
    assert loaded.settings == Settings()
    assert loaded.ignored == ("GATEWAY_VERSION", "HUMMINGBOT_VERSION")
    named = [origin for origin in loaded.origins.values() if origin.startswith(".env HBOT_")]
    assert len(named) == len([value for value in LEGACY_DEFAULTS.values() if value])


@pytest.mark.parametrize("name", LEGACY_DEFAULTS)
def test_every_legacy_name_is_heard(name: str) -> None:
    other = {"HBOT_CEX_DEFAULT_EXCHANGE": "coinbase", "HBOT_CEX_TRADING_PAIRS": "ETH-USD", "HBOT_GAS_STRATEGY": "fixed"}
    value = other.get(name, "false" if LEGACY_DEFAULTS[name] == "true" else "2")
    loaded = load({name: value}, None)
    assert [origin for origin in loaded.origins.values() if origin != "default"] == [f"environment {name}"]
    assert loaded.settings != Settings()


OLD, NEW = "HBOT_TRADE_AMOUNT", "SUREFILL_TRADE_AMOUNT_USD"


@pytest.mark.parametrize(
    ("environ", "file", "amount", "origin"),
    [
        ({NEW: "1", OLD: "2"}, f"{NEW}=3\n{OLD}=4", "1", f"environment {NEW}"),
        ({OLD: "2"}, f"{NEW}=3\n{OLD}=4", "2", f"environment {OLD}"),
        ({}, f"{OLD}=4\n{NEW}=3", "3", f".env {NEW}"),
        ({}, f"{OLD}=4", "4", f".env {OLD}"),
        ({NEW: "", OLD: " "}, f"{OLD}=4", "4", f".env {OLD}"),
        ({}, f"export {NEW}='5'  # five", "5", f".env {NEW}"),
    ],
)
def test_the_environment_wins_and_beside_each_other_the_new_name(
    tmp_path: Path, environ: dict[str, str], file: str, amount: str, origin: str
) -> None:
    loaded = load(environ, dotenv(tmp_path, file))
    assert loaded.settings.trade_amount_usd == Decimal(amount)
    assert loaded.origins["trade_amount_usd"] == origin


def test_money_stays_exact_and_texts_are_read_word_for_word(tmp_path: Path) -> None:
    file = "SUREFILL_TRADE_AMOUNT_USD=12345678901234567890.123456789012345678\nSUREFILL_WEBHOOK_API_KEY='a${HOME}$b'\n"
    settings = load_settings({}, dotenv(tmp_path, file))
    assert str(settings.trade_amount_usd) == "12345678901234567890.123456789012345678"
    assert settings.webhook_api_key.get_secret_value() == "a${HOME}$b"


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("ON", True), ("1", True), ("No", False), ("off", False)])
def test_switches_are_read_in_every_usual_spelling(text: str, value: bool) -> None:
    assert load_settings({"SUREFILL_CEX_ENABLED": text}, None).cex_enabled is value


def test_lists_are_comma_separated_and_pairs_are_normalised() -> None:
    settings = load_settings({"SUREFILL_CEX_TRADING_PAIRS": "ethusd, BTC/USD,,ETH-USD"}, None)
    assert settings.cex_trading_pairs == ("ETH-USD", "BTC-USD")
    assert [str(pair) for pair in settings.tradable_pairs] == ["ETH-USD", "BTC-USD"]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("SUREFILL_TRADE_AMOUT_USD", "SUREFILL_TRADE_AMOUNT_USD"),
        ("SUREFILL_TRADE_AMOUNT", "SUREFILL_TRADE_AMOUNT_USD"),
        ("surefill_log_level", "SUREFILL_LOG_LEVEL"),
        ("SUREFILL_TEMPORAL_ADDRESS", "SUREFILL_TEMPORAL_"),
        ("SUREFILL_QUUX", "surefill settings"),
        ("SUREFILL_", "surefill settings"),
        ("HBOT_TRADE_AMOUT", "HBOT_TRADE_AMOUNT"),
        ("HBOT_MQTT_PROT", "HBOT_MQTT_PORT"),
        ("hbot_trade_amount", "HBOT_TRADE_AMOUNT"),
    ],
)
def test_a_misspelt_name_stops_the_start_and_names_the_right_one(tmp_path: Path, name: str, right: str) -> None:
    for place, found in (("environment", problems({name: "1"})), (".env", problems({}, dotenv(tmp_path, f"{name}=1")))):
        assert len(found) == 1
        assert found[0].startswith(f"{place} {name} ")
        assert right in found[0]


@pytest.mark.parametrize("name", ["HBOT_WEBHOOK_HOST", "HBOT_GATEWAY_CA_PATH", "HBOT_MQTT_TOPIC", "HBOT_BUY"])
def test_other_names_of_the_old_bot_are_ignored_and_listed(name: str) -> None:
    assert load({name: "1", "PATH": "/bin", "TEMPORAL_ADDRESS": "x"}, None).ignored == (name,)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    found = problems(
        {
            "SUREFILL_TRADE_AMOUT_USD": "1",
            "SUREFILL_WEBHOOK_PORT": "x",
            "SUREFILL_TRADE_AMOUNT_USD": "NaN",
            "SUREFILL_TRADING_MODE": "live",
            "SUREFILL_CEX_MIN_ORDER_SIZE_USD": "200",
        },
        dotenv(tmp_path, "HBOT_GAS_STRATEGY=wild\nSUREFILL_LOG_LEVEL\n"),
    )
    said = (
        "SUREFILL_TRADE_AMOUT_USD is not a setting",
        "environment SUREFILL_WEBHOOK_PORT: 'x' is not allowed",
        "environment SUREFILL_TRADE_AMOUNT_USD: 'NaN' is not allowed",
        ".env HBOT_GAS_STRATEGY: 'wild' is not allowed: Input should be 'adaptive' or 'fixed'",
        "live trading needs keys",
        "the smallest order is larger than the largest",
        "line 2 cannot be read",
    )
    assert len(found) == len(said)
    for text in said:
        assert any(text in problem for problem in found), text


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("TRADE_AMOUNT_USD", "0", "greater than 0"),
        ("SELL_PERCENTAGE", "101", "less than or equal to 100"),
        ("SLIPPAGE_TOLERANCE_PERCENT", "100", "less than 100"),
        ("MAX_SIGNAL_AGE_S", "1.5", "valid integer"),
        ("WEBHOOK_PORT", "65536", "less than or equal to 65535"),
        ("DUST_FACTOR", "1.1", "less than or equal to 1"),
        ("MAX_DAILY_VOLUME_USD", "Infinity", "finite"),
        ("TRADING_MODE", "demo", "'paper' or 'live'"),
        ("LOG_LEVEL", "LOUD", "'INFO'"),
        ("CEX_ENABLED", "maybe", "true, 1, yes, on"),
        ("DAY_TIMEZONE", "Europe/Belin", "Europe/Berlin"),
        ("DAY_TIMEZONE", "Europe", "time zone"),
        ("DAY_TIMEZONE", "../etc", "time zone"),
        ("CEX_TRADING_PAIRS", "ETH-USD,WHAT", "'WHAT' is not a pair"),
        ("CEX_TRADING_PAIRS", ",", "at least one pair"),
        ("CEX_DEFAULT_EXCHANGE", "uniswap", "does not trade on uniswap yet"),
        ("CEX_DEFAULT_EXCHANGE", "coinbsae", "unknown"),
        ("COINBASE_URL", "api.coinbase.com", "https://host"),
        ("COINBASE_URL", "https://[", "https://host"),
        ("COINBASE_URL", "https://host:port", "https://host"),
        ("WEBHOOK_HOST", "http://x", "pattern"),
        ("DATABASE_URL", "mysql://host/db", "sqlite:///path/to/file"),
        ("DATABASE_URL", "sqlite:///:memory:", "outlive"),
        ("DATABASE_URL", "sqlite://", "outlive"),
        ("DATABASE_URL", "postgresql:///db", "write the host"),
        ("DATABASE_URL", "ledger.db", "sqlite:///path/to/file"),
    ],
)
def test_a_bad_value_is_named_with_its_place_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    found = problems({f"SUREFILL_{name}": value})
    assert len(found) == 1
    assert found[0].startswith(f"environment SUREFILL_{name}: {value!r} is not allowed: ")
    assert allowed in found[0]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db",
        "sqlite:////var/x.db",
        "postgresql://u:p@db/x",
        "postgresql+psycopg://u:p@db:5432/x?sslmode=require",
        "postgresql:///x?host=/run/postgresql",
    ],
)
def test_both_kinds_of_database_are_accepted(url: str) -> None:
    assert load_settings({"SUREFILL_DATABASE_URL": url}, None).database_url == url


@pytest.mark.parametrize(
    "sources",
    [
        '{"a": "hush-hush",}',
        '["hush-hush"]',
        '{"A b": "hush-hush"}',
        '{"a": ["hush-hush"]}',
        '{"a": ""}',
        "hush-hush",
        "{}x",
        '{"a": "hush-hush", "a": "hush-hush"}',
    ],
)
def test_no_secret_is_shown_when_it_is_wrong(sources: str) -> None:
    (problem,) = problems({"SUREFILL_WEBHOOK_SOURCES": sources})
    assert problem.startswith("environment SUREFILL_WEBHOOK_SOURCES: the value (hidden) is not allowed")
    assert "hush" not in problem


@pytest.mark.parametrize("password", ["hush-hush", "hush/hush", "hush@hush:hush"])
def test_the_password_of_a_wrong_database_address_is_hidden(password: str) -> None:
    (problem,) = problems({"SUREFILL_DATABASE_URL": f"mysql://user:{password}@host/db?password=hush&x=1"})
    assert "hush" not in problem
    assert "mysql://user:***@host/db?password=***&x=1" in problem


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in problems({}, tmp_path)[0]
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    assert "cannot be read" in problems({}, tmp_path / ".env")[0]
    assert "line 1 cannot be read" in problems({}, dotenv(tmp_path, 'HBOT_TRADE_AMOUNT="25\n'))[0]


def test_the_result_cannot_be_changed() -> None:
    loaded = load({}, None)
    assert isinstance(loaded, Loaded)
    with pytest.raises(ValueError, match="frozen"):
        loaded.settings.webhook_port = 1  # type: ignore[misc]  # that is the point
    with pytest.raises(TypeError):
        loaded.origins["webhook_port"] = "x"  # type: ignore[index]  # that is the point
