"""From bytes to fields: by content, exactly, and without the secret."""

import json
import pickle
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.alerts import AlertRefused, Fields, body_hash, read_body, redacted_text
from domain.bodies import UNFILLED
from domain.repairs import repaired
from tests.domain.test_alerts import LEGACY, refusal, signal_of

SECRETS = st.text("abcdefghjkmnpqrstuvwxyzABCDEF0123456789-_\"\\'{}=", min_size=12, max_size=40)


def values(text: str) -> dict[str, object]:
    return dict(read_body(text.encode()).values)


def test_numbers_stay_the_text_that_was_sent() -> None:
    body = '{"a": 2500.10, "b": 123456789012345678901, "c": 1E-7, "d": "007"}'
    assert values(body) == {"a": "2500.10", "b": "123456789012345678901", "c": "1E-7", "d": "007"}


def test_key_value_lines_are_fields_too() -> None:
    assert values("Action = BUY\r\n\nsymbol=ETH-USD\nnote=a = b\nprice=\n") == {
        "action": "BUY",
        "symbol": "ETH-USD",
        "note": "a = b",
        "price": "",
    }


def test_names_are_read_without_case_and_blanks_and_a_byte_order_mark_is_skipped() -> None:
    assert list(read_body(b'\xef\xbb\xbf {" Action ": "BUY", "SYMBOL": "ETH-USD"} \n').values) == ["action", "symbol"]


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": "1", "price": {{close}}}',
        '{"a": "1", "price": {{ close }}, }',
        '{"a": "1", "price": , }',
        '{"a": "1", "price": }',
        '{"a": "1", "price": NaN}',
        '{"a": "1", "price": nan}',
        '{"a": "1", "price": na,}',
        "{\u201ca\u201d: \u201c1\u201d, \u201eprice\u201c: NaN}",
        '{\u00a0"a":\u00a0"1",\u2003"price": NaN}',
    ],
)
def test_json_that_an_unfilled_placeholder_or_smart_quotes_broke_is_repaired(broken: str) -> None:
    fields = read_body(broken.encode())
    assert dict(fields.values) == {"a": "1", "price": UNFILLED}
    assert fields.remarks == ("the body is not valid JSON and was repaired",)


def test_nothing_inside_an_intact_string_is_repaired() -> None:
    note = 'say \u201chi\u201d, {{x}} nan, "price": , }'
    body = f'{{"note": {json.dumps(note, ensure_ascii=False)}, "price": nan}}'
    assert values(body) == {"note": note, "price": UNFILLED}


def test_valid_json_is_never_touched_by_the_repair() -> None:
    assert values('{"note": "a, }", "price": null}') == {"note": "a, }", "price": None}
    assert read_body(b'{"price": null}').remarks == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b"\xef\xbb\xbf \n", "body_empty"),
        (b"\xff\xfe{\x00", "body_not_utf8"),
        (b'["action"]', "body_not_object"),
        (b'"BUY"', "body_not_object"),
        (b"25", "body_not_object"),
        (b"null", "body_not_object"),
        (b"buy ETH now", "body_unreadable"),
        (b"action=BUY\nsymbol", "body_unreadable"),
        (b"<a href=x>", "body_unreadable"),
        (b"{{strategy.order.alert_message}}", "body_unreadable"),
        (b'{"action": buy}', "body_unreadable"),
        (b'{"action": "BUY"', "body_unreadable"),
        (b'{"action": "BUY"} {"action": "SELL"}', "body_unreadable"),
        (b'{"amount": 1 2}', "body_unreadable"),
        (b'{"amount": 1,000}', "body_unreadable"),
        (b'{"amount": 1{{close}}}', "body_unreadable"),
        (b'{"note": "a "quoted" word"}', "body_unreadable"),
        (b'{"note": "' + b'\\"' * 30_000, "body_unreadable"),
        (b'{"a": ' * 100_000, "body_too_deep"),
        (b'{"a": ' * 50 + b"1" + b"}" * 50, "body_too_deep"),
        (json.dumps({f"f{number}": 1 for number in range(101)}).encode(), "too_many_fields"),
    ],
)
def test_what_is_no_set_of_fields_is_a_400_with_an_example(body: bytes, code: str) -> None:
    error = refusal(body)
    assert (error.status, error.code, error.field) == (400, code, None)
    assert '"symbol": "ETH-USD"' in error.fix


def test_a_field_that_stands_twice_is_refused_by_name() -> None:
    for body in (b'{"amount": 1, "Amount ": 2}', b"amount=1\nAMOUNT=1"):
        error = refusal(body)
        assert (error.status, error.code, error.field) == (422, "field_duplicate", "amount")


def test_the_secret_is_separated_whatever_its_case_and_form() -> None:
    for body in (b'{"API_KEY": "hush-hush", "a": 1}', b"Api_Key=hush-hush\na=1", b'{"api_key": "hush-hush", "a": na}'):
        fields = read_body(body)
        assert fields.secret == "hush-hush"
        assert list(fields.values) == ["a"]
    assert read_body(b'{"api_key": 12345678}').secret == "12345678"
    assert read_body(b'{"api_key": ""}').secret is None
    assert refusal(b'{"api_key": ["x"], "action": "BUY"}').field == "api_key"


@settings(deadline=None)
@given(secret=SECRETS, note=st.text(max_size=20))
def test_the_secret_shows_nowhere_even_when_it_stands_in_other_fields(secret: str, note: str) -> None:
    leaking = {**LEGACY, "api_key": secret, "note": f"{note}{secret}", f"x{secret}": [{secret: f"{secret}{secret}"}]}
    fields = read_body(json.dumps(leaking).encode())
    assert fields.secret == secret
    for shown in (repr(fields), str(fields), repr(dict(fields.values)), redacted_text(fields)):
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown
        assert secret.lower() not in shown
    assert "the secret stood in other fields too and was masked there" in fields.remarks


def test_a_secret_in_the_note_does_not_reach_the_signal() -> None:
    signal, warnings = signal_of(json.dumps({**LEGACY, "note": f"key {LEGACY['api_key']}"}).encode())
    assert signal.note == "key ***"
    assert "the secret stood in other fields too and was masked there" in warnings


def test_the_record_masks_other_secrets_and_misspelt_ones() -> None:
    fields = read_body(b'{"apikey": "hush", "note": "the token is s3cr3t!", "symbol": "ETH-USD", "price": na}')
    assert json.loads(redacted_text(fields, secrets=["s3cr3t!", ""])) == {
        "apikey": "***",
        "note": "the token is ***",
        "symbol": "ETH-USD",
        "price": "(not filled)",
    }


def test_the_record_ends_at_four_kib_and_stays_text() -> None:
    text = redacted_text(read_body(json.dumps({"note": "\u20ac" * 9_000, "x": "\ud800"}).encode()))
    assert len(text.encode()) <= 4096
    assert text.endswith("\u2026")
    assert redacted_text(read_body(b'{"x": "\\ud800"}')) == '{"x": "\N{REPLACEMENT CHARACTER}"}'


def test_a_secret_is_masked_before_the_record_is_cut() -> None:
    fields = read_body(json.dumps({"note": "x" * 4070 + "my-very-long-secret"}).encode())
    assert "my-" not in redacted_text(fields, secrets=["my-very-long-secret"])


def test_fields_cannot_be_stored_with_their_secret() -> None:
    with pytest.raises(TypeError, match="not to be stored"):
        pickle.dumps(read_body(b'{"api_key": "hush-hush"}'))


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b'{"a": "\\ud800"}')
def test_arbitrary_bytes_are_read_or_refused_never_worse(body: bytes) -> None:
    _read_or_refused(body)


@settings(deadline=None)
@given(st.text("{}[]\"'\\:,= \nNaNnull.-+eE0123456789actionsymbolBUY\u201c\u201d", max_size=120))
def test_text_that_looks_like_an_alert_is_read_or_refused_never_worse(text: str) -> None:
    _read_or_refused(text.encode())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [*LEGACY, "id", "time", "note", "price", "strategy", "limit_price", "cancel_after_s", "base_amount"]
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, JSON_VALUES, max_size=8))
def test_known_fields_with_any_value_give_a_signal_or_a_refusal(fields: dict[str, object]) -> None:
    body = json.dumps({"action": "BUY", "symbol": "ETH-USD", **fields}).encode()
    _read_or_refused(body)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers() | st.none(), max_size=5))
def test_the_repair_leaves_valid_json_as_it_is(document: dict[str, object]) -> None:
    text = json.dumps(document, ensure_ascii=False)
    mended = repaired(text)
    assert mended is not None
    assert json.loads(mended) == document


@settings(deadline=None)
@given(st.decimals(min_value=Decimal("1e-9"), max_value=Decimal("999999999"), places=9, allow_nan=False))
def test_exact_decimals_survive_from_the_body_to_the_signal(amount: Decimal) -> None:
    for text in (
        f'{{"action": "BUY", "symbol": "ETH-USD", "amount": {amount:f}}}',
        f"action=BUY\nsymbol=ETHUSD\namount={amount:f}",
    ):
        signal, _ = signal_of(text.encode())
        assert f"{signal.amount:f}" == f"{amount:f}"


def _read_or_refused(body: bytes) -> None:
    fields: Fields | None = None
    refused: AlertRefused | None = None
    try:
        fields = read_body(body)
        signal_of(body)
    except AlertRefused as error:
        refused = error
    if refused is not None:
        assert refused.status in (400, 422)
        assert refused.message
        assert refused.fix
    if fields is not None:
        redacted_text(fields).encode()
        body_hash(fields)
