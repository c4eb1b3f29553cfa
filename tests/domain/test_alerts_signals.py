"""From fields to a signal: what is asked is what is traded, or the refusal says what to write instead."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.alerts import AlertRefused, check_age
from tests.domain.test_alerts import NOW, asked, refusal_of, signal_of


def test_a_buy_with_only_a_percentage_takes_the_default_amount_as_the_old_bot_did() -> None:
    signal, warnings = asked(percentage="50")
    assert signal.size_text == "default size"
    assert warnings == ("percentage is ignored on a BUY: the default amount counts",)


@pytest.mark.parametrize("other", ["amount", "percentage"])
def test_a_base_amount_allows_no_second_size(other: str) -> None:
    for action in ("BUY", "SELL"):
        assert refusal_of(action=action, base_amount="1", **{other: "5"}).code == "size_conflict"


def test_every_new_field_arrives() -> None:
    signal, warnings = asked(
        id=" order-7 ",
        base_amount="0.5",
        limit_price="2500.10",
        cancel_after_s=60,
        price=2501,
        strategy="trend",
        note="caf\u00e9 \U0001f468\u200d\U0001f680",
        time="2025-11-22T11:00:00+01:00",
    )
    assert (signal.explicit_id, signal.base_amount, signal.kind) == ("order-7", Decimal("0.5"), "limit")
    assert (signal.limit_price, signal.price, signal.cancel_after_s) == (Decimal("2500.10"), Decimal(2501), 60)
    assert (signal.strategy, signal.note) == ("trend", "caf\u00e9 \U0001f468\u200d\U0001f680")
    assert signal.alerted_at == NOW
    assert signal.alerted_at.tzinfo is UTC
    assert warnings == ()


@pytest.mark.parametrize("text", ["buy", "Buy", " BUY ", "bUy"])
def test_the_action_is_read_in_any_case(text: str) -> None:
    assert asked(action=text)[0].action == "BUY"


@pytest.mark.parametrize("text", ["long", "BUYY", "b", "1", "BUY SELL", "exit"])
def test_every_other_action_is_refused(text: str) -> None:
    error = refusal_of(action=text)
    assert (error.code, error.field, error.fix) == ("action_invalid", "action", "send BUY or SELL")


@pytest.mark.parametrize("name", ["action", "symbol"])
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_what_is_required_must_say_something(name: str, nothing: str | None) -> None:
    error = refusal_of(**{name: nothing})
    assert (error.status, error.code, error.field) == (422, "field_missing", name)


def test_null_and_empty_texts_count_as_absent() -> None:
    names = (
        "exchange",
        "network",
        "pool_type",
        "amount",
        "percentage",
        "id",
        "strategy",
        "limit_price",
        "time",
        "note",
    )
    assert asked(**dict.fromkeys(names)) == asked(**dict.fromkeys(names, "")) == asked()


def test_a_deadline_without_a_limit_price_is_warned_about() -> None:
    assert asked(cancel_after_s=60)[1] == ("cancel_after_s counts only with limit_price",)


@pytest.mark.parametrize("name", ["price", "note", "strategy", "network", "pool_type"])
def test_an_alert_goes_on_without_what_can_be_spared(name: str) -> None:
    for body in (
        f'{{"action": "BUY", "symbol": "ETH-USD", "{name}": {{{{x}}}}}}',
        f"action=BUY\nsymbol=ETHUSD\n{name}={{{{x}}}}",
    ):
        signal, warnings = signal_of(body.encode())
        assert getattr(signal, name) is None
        assert f"{name} was not filled" in warnings


@pytest.mark.parametrize(
    "name", ["action", "symbol", "exchange", "amount", "percentage", "base_amount", "limit_price", "id", "time"]
)
@pytest.mark.parametrize("value", ["{{x}}", "a{{plot_0}}b"])
def test_an_alert_does_not_go_on_without_what_decides_the_trade(name: str, value: str) -> None:
    error = refusal_of(**{name: value})
    assert (error.status, error.code, error.field) == (422, "placeholder_unfilled", name)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("coinbase", "coinbase"),
        ("COINBASE", "coinbase"),
        ("coinbase_advanced_trade", "coinbase"),
        ("Coinbase Advanced Trade", "coinbase"),
    ],
)
def test_both_names_of_coinbase_are_one_exchange(text: str, canonical: str) -> None:
    assert asked(exchange=text)[0].exchange == canonical


@pytest.mark.parametrize("text", ["uniswap", "Jupiter", "0x", "pancakeswap-sol", "pancakeswap_sol", "1inch", "raydium"])
def test_a_known_exchange_that_is_not_built_is_named_as_such(text: str) -> None:
    error = refusal_of(exchange=text)
    assert (error.code, error.field) == ("venue_not_built", "exchange")
    assert "coinbase" in error.fix


def test_an_unknown_exchange_is_refused_with_the_nearest_names() -> None:
    error = refusal_of(exchange="coinbsae")
    assert (error.code, error.field) == ("venue_unknown", "exchange")
    assert "coinbase" in error.fix
    assert "coinbase" in refusal_of(exchange="NASDAQ").fix


def test_delayed_data_is_the_same_exchange_with_a_warning() -> None:
    signal, warnings = asked(exchange="COINBASE_DLY")
    assert signal.exchange == "coinbase"
    assert warnings == ("TradingView marks its data of coinbase as delayed",)


def test_age_is_checked_apart_from_reading() -> None:
    signal, _ = asked(time="2025-11-22T09:00:00Z")
    check_age(signal, datetime(2025, 11, 22, 9, 2, tzinfo=UTC), 120)
    with pytest.raises(AlertRefused, match=r"3600 s old, at most 120 s") as caught:
        check_age(signal, NOW, 120)
    assert (caught.value.code, caught.value.status) == ("signal_stale", 422)
    assert "{{timenow}}" in caught.value.fix


def test_a_signal_without_a_time_ages_from_its_arrival() -> None:
    signal, _ = asked()
    check_age(signal, NOW + timedelta(seconds=120), 120)
    with pytest.raises(AlertRefused):
        check_age(signal, NOW + timedelta(seconds=121), 120)


def test_a_pair_that_cannot_be_read_names_the_field_and_the_fix() -> None:
    error = refusal_of(symbol="ETHUSDT.P")
    assert (error.code, error.field, error.fix) == ("symbol_invalid", "symbol", "send the spot ticker")
    assert refusal_of(symbol="E" * 70).code == "text_too_long"


def test_a_pool_type_is_one_of_three() -> None:
    assert asked(pool_type="CLMM")[0].pool_type == "clmm"
    assert refusal_of(pool_type="v3").code == "pool_type_invalid"
