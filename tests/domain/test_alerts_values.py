"""Each value is read exactly, or refused by the name of its field and with the fix."""

from datetime import timedelta

import pytest

from tests.domain.test_alerts import NOW, asked, refusal_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25", "25"),
        ("25.50", "25.50"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("999999999999999999", "999999999999999999"),
        ("1e3", "1000"),
        ("2.5E-7", "0.00000025"),
        (".5", "0.5"),
        (" 7 ", "7"),
    ],
)
def test_numbers_are_read_exactly(text: str, number: str) -> None:
    assert f"{asked(amount=text)[0].amount:f}" == number


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("1,000", "without commas"),
        ("1,5", "without commas"),
        ("$25", "without a currency sign"),
        ("25\u20ac", "without a currency sign"),
        ("50%", "the number alone"),
        ("25 USD", "plain number"),
        ("Infinity", "plain number"),
        ("-Infinity", "plain number"),
        ("0x10", "plain number"),
        ("1_000", "plain number"),
        ("\u0661\u0662", "plain number"),
        ("+5", "plain number"),
        ("0", "above zero"),
        ("-5", "above zero"),
        ("1e19", "fewer digits"),
        ("1e-19", "fewer digits"),
        ("1000000000000000000", "fewer digits"),
        ("0.0000000000000000001", "fewer digits"),
        ("1e999999999", "plain number"),
        ("9" * 5000, "plain number"),
    ],
)
def test_what_is_no_plain_number_is_refused_with_the_fix(text: str, fix: str) -> None:
    for name in ("amount", "price", "limit_price"):
        error = refusal_of(**{name: text})
        assert (error.status, error.code, error.field) == (422, "number_invalid", name)
        assert fix in error.fix
        assert len(str(error)) < 250


def test_a_percentage_ends_at_a_hundred_and_seconds_at_thirty_days() -> None:
    assert asked(action="SELL", percentage="100")[0].percentage == 100
    assert refusal_of(action="SELL", percentage="100.1").fix == "send at most 100"
    assert asked(limit_price="1", cancel_after_s="2592000")[0].cancel_after_s == 2_592_000
    assert refusal_of(limit_price="1", cancel_after_s="2592001").field == "cancel_after_s"
    assert refusal_of(limit_price="1", cancel_after_s="1.5").code == "number_invalid"


@pytest.mark.parametrize("name", ["amount", "note", "id", "symbol", "time", "exchange"])
@pytest.mark.parametrize("value", [True, {"a": 1}, [1]])
def test_known_fields_are_texts_or_numbers(name: str, value: object) -> None:
    error = refusal_of(**{name: value})
    assert (error.status, error.code, error.field) == (422, "field_type", name)


def test_not_a_number_is_what_an_empty_plot_sends() -> None:
    assert asked(price="NaN")[1] == ("price was not filled",)
    assert refusal_of(amount="na").code == "placeholder_unfilled"


@pytest.mark.parametrize(
    "text", ["2025-11-22T10:00:00Z", "2025-11-22 10:00z", "1763805600", "1763805600000", 1763805600]
)
def test_times_are_read_from_iso_with_a_zone_and_from_epochs(text: object) -> None:
    assert asked(time=text)[0].alerted_at == NOW


@pytest.mark.parametrize(
    "text",
    ["2025-11-22T10:00:00", "2025-11-22", "10:00", "now", "20251122", "2025-13-01T00:00:00Z", "2025-W47-6T10:00Z"],
)
def test_other_times_are_refused(text: str) -> None:
    error = refusal_of(time=text)
    assert (error.code, error.field) == ("time_invalid", "time")


def test_a_time_without_a_zone_is_told_to_add_one() -> None:
    assert "add Z" in refusal_of(time="2025-11-22T10:00:00").fix


def test_a_time_at_the_end_of_the_calendar_is_refused_not_worse() -> None:
    assert refusal_of(time="0001-01-01T00:00:00+23:59").code == "time_invalid"
    assert refusal_of(time="9999-12-31T23:59:59-23:59").code == "time_invalid"
    assert refusal_of(time="9" * 14).code == "time_in_future"


def test_a_time_may_be_ahead_of_our_clock_by_the_age_limit_only() -> None:
    assert asked(time="2025-11-22T10:02:00Z")[0].alerted_at == NOW + timedelta(seconds=120)
    assert refusal_of(time="2025-11-22T10:02:01Z").code == "time_in_future"


@pytest.mark.parametrize("name", ["note", "strategy", "network", "id"])
@pytest.mark.parametrize("character", ["\n", "\x00", "\x1b", "\u2028", "\u202e", "\ud800"])
def test_characters_that_do_not_show_are_refused_in_texts(name: str, character: str) -> None:
    error = refusal_of(**{name: f"a{character}b"})
    assert (error.code, error.field) == ("text_invalid", name)


@pytest.mark.parametrize(("name", "most"), [("note", 500), ("strategy", 100), ("network", 100), ("id", 200)])
def test_texts_that_are_too_long_are_refused_with_the_limit(name: str, most: int) -> None:
    asked(**{name: "x" * most})
    error = refusal_of(**{name: "x" * (most + 1)})
    assert (error.code, error.field, error.fix) == ("text_too_long", name, f"send at most {most}")
