"""Settings that do not go together, and what follows from them."""

import pytest
from pydantic import ValidationError

from config.describing import example_env
from config.loading import SettingsError, load_settings
from config.settings import MIN_SECRET_LENGTH, Settings

GOOD = "3f9d0c2ab17e46558c90"
KEYS = {"COINBASE_KEY_FILE": "cdp.json"}
PUBLIC = {"WEBHOOK_HOST": "0.0.0.0", "WEBHOOK_API_KEY": GOOD, "OPERATOR_TOKEN": f"{GOOD}op"}


def loaded(**settings: str) -> Settings:
    return load_settings({f"SUREFILL_{name}": value for name, value in settings.items()}, None)


def problem(**settings: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(**settings)
    (only,) = caught.value.problems
    return only


def test_live_trading_needs_keys() -> None:
    assert "live trading needs keys" in problem(TRADING_MODE="live")
    assert loaded(TRADING_MODE="live", **KEYS).is_live
    assert loaded(TRADING_MODE="live", COINBASE_KEY_NAME="n", COINBASE_PRIVATE_KEY="k").is_live


def test_keys_are_whole_and_given_once() -> None:
    assert "one of them is missing" in problem(COINBASE_KEY_NAME="n")
    assert "one of them is missing" in problem(COINBASE_PRIVATE_KEY="k")
    assert "not both" in problem(COINBASE_KEY_NAME="n", COINBASE_PRIVATE_KEY="k", **KEYS)


@pytest.mark.parametrize(
    "url",
    [
        *("http://api.coinbase.com", "https://coinbase.com.evil.example", "https://notcoinbase.com"),
        *("http://127.0.0.1:8780", "https://evil.example/coinbase.com"),
    ],
)
def test_live_keys_only_go_to_coinbase(url: str) -> None:
    assert "live trading only goes to" in problem(TRADING_MODE="live", COINBASE_URL=url, **KEYS)
    assert loaded(COINBASE_URL=url).coinbase_url == url


def test_live_tokens_only_go_to_coinbase() -> None:
    assert "live trading only goes to" in problem(
        TRADING_MODE="live", COINBASE_USER_CHANNEL_URL="https://evil.example", **KEYS
    )


def test_coinbase_may_have_other_hosts_of_its_own() -> None:
    assert loaded(TRADING_MODE="live", COINBASE_URL="https://api-sandbox.coinbase.com", **KEYS).is_live


@pytest.mark.parametrize("url", ["https://api.coinbase.com", "http://COINBASE.com", "https://api.coinbase.com.:443"])
def test_paper_orders_never_go_to_coinbase(url: str) -> None:
    assert "paper trading must not go to coinbase.com" in problem(PAPER_EXCHANGE_URL=url)


def test_a_private_key_on_one_line_gets_its_lines_back() -> None:
    key = loaded(COINBASE_KEY_NAME="n", COINBASE_PRIVATE_KEY=r"-----BEGIN\nabc\n-----END").coinbase_private_key
    assert key.get_secret_value() == "-----BEGIN\nabc\n-----END"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"])
def test_on_this_machine_alone_no_secret_is_asked_for(host: str) -> None:
    assert loaded(WEBHOOK_HOST=host, WEBHOOK_API_KEY="x").webhook_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "api.example.org", "localhost.example.org"])
def test_a_public_address_starts_with_strong_secrets_only(host: str) -> None:
    assert loaded(**{**PUBLIC, "WEBHOOK_HOST": host}).webhook_host == host
    text = problem(**{**PUBLIC, "WEBHOOK_HOST": host, "WEBHOOK_API_KEY": ""})
    assert f"no start on the public address {host} without a secret" in text


@pytest.mark.parametrize(
    "secret",
    [
        *("", "your-secret-key", "changeme", "change-me", "secret", "password", "x" * (MIN_SECRET_LENGTH - 1)),
        *("Your-Secret-Key-Here", "https://api.coinbase.com", "coinbase_advanced_trade"),
    ],
)
def test_what_everybody_knows_is_no_secret_on_a_public_address(secret: str) -> None:
    assert "SUREFILL_WEBHOOK_API_KEY" in problem(**{**PUBLIC, "WEBHOOK_API_KEY": secret})
    assert "SUREFILL_OPERATOR_TOKEN" in problem(**{**PUBLIC, "OPERATOR_TOKEN": secret})


def test_no_value_in_the_example_is_a_secret_on_a_public_address() -> None:
    values = [line.partition("=")[2] for line in example_env().splitlines() if line.startswith("# SUREFILL_")]
    long_ones = [value for value in values if len(value) >= MIN_SECRET_LENGTH]
    assert long_ones
    for value in long_ones:
        assert "without a secret of its own" in problem(**{**PUBLIC, "WEBHOOK_API_KEY": value})


def test_each_weak_source_is_named() -> None:
    text = problem(**PUBLIC, WEBHOOK_SOURCES=f'{{"mine": "{GOOD}", "theirs": "short"}}')
    assert "for theirs, of at least" in text


def test_the_built_in_sources_share_one_secret_and_others_are_added_or_override() -> None:
    assert dict(loaded().sources()) == {}
    settings = loaded(WEBHOOK_API_KEY="shared", WEBHOOK_SOURCES='{"tradingview": "own", "my-strategy_2": "other"}')
    assert {name: secret.get_secret_value() for name, secret in settings.sources().items()} == {
        "default": "shared",
        "hummingbot": "shared",
        "tradingview": "own",
        "my-strategy_2": "other",
    }


def test_the_addresses_follow_the_ports_unless_they_are_set() -> None:
    settings = loaded(WEBHOOK_PORT="4000", TEMPORAL_UI_PORT="4001")
    assert (settings.api_url, settings.temporal_ui_url) == ("http://127.0.0.1:4000", "http://127.0.0.1:4001")
    settings = loaded(API_URL="https://bot.example.org/", TEMPORAL_UI_URL="https://ui.example.org")
    assert (settings.api_url, settings.temporal_ui_url) == ("https://bot.example.org", "https://ui.example.org")


def test_the_smallest_order_is_not_above_the_largest() -> None:
    assert "the smallest order is larger than the largest" in problem(CEX_MIN_ORDER_SIZE_USD="101")
    assert loaded(CEX_MIN_ORDER_SIZE_USD="100").cex_min_order_size_usd == 100


def test_the_model_itself_refuses_conflicts_and_unknown_names() -> None:
    with pytest.raises(ValidationError, match="live trading needs keys"):
        Settings.model_validate({"trading_mode": "live"})
    with pytest.raises(ValidationError, match="webhok_secret"):
        Settings.model_validate({"webhok_secret": "x"})


def test_secrets_do_not_show() -> None:
    settings = loaded(
        WEBHOOK_API_KEY="hush-1",
        WEBHOOK_SOURCES='{"a": "hush-2"}',
        OPERATOR_TOKEN="hush-3",
        COINBASE_KEY_NAME="n",
        COINBASE_PRIVATE_KEY="hush-4",
        DATABASE_URL="postgresql://u:hush-5@db/x",
    )
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize("name", ["WEBHOOK_API_KEY", "OPERATOR_TOKEN"])
def test_live_trading_takes_no_weak_secret_on_a_loopback_address_either(name: str) -> None:
    keys = {"TRADING_MODE": "live", "COINBASE_KEY_FILE": "key.json"}
    assert loaded(**keys)
    with pytest.raises(SettingsError, match=f"SUREFILL_{name}"):
        loaded(**keys, **{name: "secret"})


def test_no_source_is_an_operator() -> None:
    same = "0123456789abcdef0123"
    with pytest.raises(SettingsError, match="SUREFILL_OPERATOR_TOKEN"):
        loaded(WEBHOOK_HOST="0.0.0.0", WEBHOOK_API_KEY=same, OPERATOR_TOKEN=same)
