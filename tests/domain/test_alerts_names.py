"""A field that was meant to be ours is never ignored; the others are."""

import pytest

from tests.domain.test_alerts import asked, refusal_of


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("ammount", "amount"),
        ("symbl", "symbol"),
        ("exchnge", "exchange"),
        ("percentge", "percentage"),
        ("limitPrice", "limit_price"),
        ("pool-type", "pool_type"),
        ("apikey", "api_key"),
        ("cancel_after", "cancel_after_s"),
        ("quantity", "base_amount"),
        ("qty", "base_amount"),
        ("contracts", "base_amount"),
        ("usd", "amount"),
        ("side", "action"),
        ("ticker", "symbol"),
        ("limit", "limit_price"),
        ("price_limit", "limit_price"),
        ("pct", "percentage"),
        ("secret", "api_key"),
        ("type", "limit_price"),
        ("leverage", "not supported"),
        ("stop_loss", "not supported"),
        ("tp", "not supported"),
        ("dry_run", "not supported"),
        ("slippage", "a setting"),
    ],
)
def test_a_field_that_was_meant_to_be_ours_is_refused_with_the_right_one(wrong: str, right: str) -> None:
    error = refusal_of(**{wrong: "1"})
    assert (error.status, error.code, error.field) == (422, "field_unknown", wrong.lower())
    assert right in error.fix


@pytest.mark.parametrize(
    "name",
    [
        *(
            "open",
            "high",
            "low",
            "close",
            "volume",
            "interval",
            "timeframe",
            "bar",
            "comment",
            "message",
            "text",
            "chart",
        ),
        *("plot_0", "order_id", "market_position", "prev_market_position", "position_size", "alert_message", "uid"),
    ],
)
def test_what_tradingview_people_send_beside_is_ignored_with_a_warning(name: str) -> None:
    assert asked(**{name: "1"})[1] == (f"ignored field '{name}'",)


def test_a_timestamp_is_ignored_with_a_hint() -> None:
    assert asked(timestamp="1")[1] == ("ignored field 'timestamp' (call it 'time' to have the alert's age checked)",)


def test_an_instruction_that_says_nothing_is_ignored() -> None:
    assert asked(stop_loss=None, tp="")[1] == ("ignored field 'stop_loss'", "ignored field 'tp'")


def test_many_strange_fields_make_few_warnings() -> None:
    warnings = asked(**{f"zz{number:02}": 1 for number in range(50)})[1]
    assert len(warnings) == 21
    assert warnings[-1] == "ignored 30 more fields"
