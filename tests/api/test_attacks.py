"""Whatever strangers and friends send: never a 5xx, always a Refusal, no secret anywhere, no growth without bound."""

import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.guarding import Allowance
from domain.bodies import KNOWN_FIELDS
from tests.api.conftest import OWN_SECRET, SECRET, TOKEN, Answer, Api, Headers, alert, body_of
from tests.fuzzing import tried

pytestmark = pytest.mark.anyio

SECRETS = (SECRET, OWN_SECRET, TOKEN)
REFUSAL = {"code", "message", "fix", "field"}
fuzzed = tried(150)
addresses = (f"10.0.{number // 256}.{number % 256}" for number in itertools.count())


def check(answer: Answer) -> None:
    """What holds for every answer."""
    assert answer.status < 500
    if answer.status >= 400:
        told = answer.json()
        assert set(told) == REFUSAL
        assert told["code"].isidentifier()
        assert told["message"]
        assert told["fix"]
    said = answer.content.decode() + repr(answer.headers)
    assert not [secret for secret in SECRETS if secret in said]


def words() -> st.SearchStrategy[str]:
    """Texts, some of them secrets, some of them half characters."""
    return st.one_of(st.text(max_size=30), st.sampled_from(SECRETS), st.text(st.characters(), max_size=5))


def values() -> st.SearchStrategy[Any]:
    plain = st.one_of(
        words(),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.none(),
        st.sampled_from(
            ["BUY", "sell", "ETH-USD", "25", "1e18", "0x10", "{{close}}", "2026-11-22T10:00:00Z", "\ud800"]
        ),
    )
    return st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words(), inner, max_size=3))


def alerts() -> st.SearchStrategy[dict[str, Any]]:
    """Nearly right alerts."""
    names = st.one_of(st.sampled_from(sorted(KNOWN_FIELDS)), words())
    changed = st.dictionaries(names, values(), max_size=4)
    return changed.map(lambda changes: {**alert(), **changes})


def bodies() -> st.SearchStrategy[bytes]:
    whole = alerts().map(lambda fields: json.dumps(fields).encode())
    broken = st.builds(lambda body, at: body[:at] + body[at + 1 :], whole, st.integers(0, 200))
    lines = alerts().map(lambda fields: "\n".join(f"{name}={value}" for name, value in fields.items()))
    texts = lines.map(lambda text: text.encode("utf-8", "replace"))
    return st.one_of(st.binary(max_size=300), whole, broken, texts)


@given(body=bodies())
@fuzzed
@example(body=b'{"api_key": "\\ud800"}')
@example(body=b'{"\\ud800": 1, "\\ud800": 2}')
@example(body=b'{"amoun\\ud800t": 1, "action": "BUY"}')
@example(body=b'{"time": 99999999999999, "action": "BUY", "symbol": "ETH-USD"}')
async def test_every_body_gets_a_sensible_answer_and_a_record_without_secrets(api: Api, body: bytes) -> None:
    answer = await api.by_hand("POST", b"/webhook", [(b"x-api-key", SECRET.encode())], body_of(body))
    check(answer)
    assert answer.status in (202, 400, 422)
    (line,) = await api.ledger.reading.alerts(1)
    kept = line.body + line.reason + "".join(signal.model_dump_json() for signal in await waiting(api))
    assert not [secret for secret in SECRETS if secret in kept]
    assert (line.code == "") == (answer.status == 202)


async def waiting(api: Api) -> list[Any]:
    signals = list(await api.ledger.signals.not_started(1000))
    await api.ledger.signals.mark_started([signal.signal_id for signal in signals])
    return signals


@given(body=bodies())
@fuzzed
async def test_strangers_learn_nothing_and_leave_nothing(api: Api, body: bytes) -> None:
    answer = await api.by_hand("POST", b"/webhook", [], body_of(body), next(addresses))
    check(answer)
    assert answer.status in (400, 401, 422)
    assert await api.record() == []


PATHS = [
    *(b"/webhook", b"/webhook/default", b"/webhook/alpha/" + OWN_SECRET.encode(), b"/signals", b"/trades"),
    *(b"/trades/none", b"/trades/none/cancel", b"/halt", b"/resume", b"/positions", b"/budgets", b"/alerts"),
    *(b"/healthz", b"/readyz", b"/docs", b"/openapi.json"),
]
NAMES = [
    *(b"x-api-key", b"x-signature", b"authorization", b"x-operator", b"content-type", b"content-length"),
    *(
        b"content-encoding",
        b"transfer-encoding",
        b"expect",
        b"host",
        b"x-forwarded-for",
        b"cookie",
        b"accept",
        b"range",
    ),
]
# What h11 lets through: no NUL, no line end.
header_values = st.one_of(
    st.binary(max_size=40).map(lambda value: bytes(byte for byte in value if byte not in b"\0\r\n")),
    st.sampled_from([b"", b" ", b"Bearer", b"Bearer ", b"sha256=", SECRET.encode(), b"Bearer " + TOKEN.encode()]),
    st.just(b"\xff" * 20_000),
)


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "!#$%&'*+-.^_`|~"]),
    path=st.sampled_from(PATHS),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), header_values), max_size=6),
    body=st.one_of(st.just(json.dumps(alert()).encode()), st.just(b'{"reason": "x"}'), st.binary(max_size=20)),
)
@fuzzed
async def test_headers_and_methods_break_nothing(
    api: Api, method: str, path: bytes, headers: Headers, body: bytes
) -> None:
    check(await api.by_hand(method, path, headers, body_of(body), next(addresses)))


def quoted(text: str | bytes) -> bytes:
    return quote(text, safe="/").encode()


paths = st.one_of(
    st.binary(max_size=30).map(quoted),
    st.text(max_size=20).map(lambda text: quoted(text.encode("utf-8", "replace"))),
    st.lists(
        st.sampled_from(["webhook", "trades", "..", ".", "", "%2F", "%2e%2e", "%00", "%0d%0a", "%ff", "alpha", SECRET]),
        max_size=6,
    ).map(lambda parts: "/".join(parts).encode()),
)


@given(method=st.sampled_from(["GET", "POST"]), path=paths, is_operator=st.booleans())
@fuzzed
async def test_paths_break_nothing(api: Api, method: str, path: bytes, is_operator: bool) -> None:
    headers = [(b"authorization", f"Bearer {TOKEN}".encode())] if is_operator else []
    check(await api.by_hand(method, b"/" + path, headers, body_of(b"{}"), next(addresses)))


@given(name=st.binary(min_size=1, max_size=200).map(lambda text: text.replace(b"\0", b"")))
@tried(40)
@example(name=b"ann\r\nhalt by=root\x1b[31m")
@example(name="Jürgen \u202e".encode())
@example(name=b"")
async def test_who_operates_is_written_down_so_that_it_can_be_read(api: Api, name: bytes) -> None:
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"x-operator", name)]
    answer = await api.by_hand("POST", b"/halt", headers, body_of(b'{"reason": "a \\u001b\\u0000\\n b"}'))
    check(answer)
    halt = answer.json()["halt"]
    assert halt["is_on"]
    assert (halt["changed_by"] + halt["reason"]).isprintable()
    assert 0 < len(halt["changed_by"]) <= 100


async def test_a_name_in_utf8_stays_readable(api: Api) -> None:
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"x-operator", "Jürgen".encode())]
    answer = await api.by_hand("POST", b"/resume", headers, body_of(b'{"reason": "ok"}'))
    assert answer.json()["halt"]["changed_by"] == "Jürgen"


async def test_what_a_proxy_says_of_an_address_is_no_place_for_texts(api: Api) -> None:
    headers = [(b"x-api-key", SECRET.encode())]
    for remote, kept in (("::1", "::1"), ("x" * 30_000, "unknown"), ("1.2.3.4\n5", "unknown"), ("", "unknown")):
        body = json.dumps(alert(id=str(len(remote)))).encode()
        assert (await api.by_hand("POST", b"/webhook", headers, body_of(body), remote)).status == 202
        (line,) = await api.ledger.reading.alerts(1)
        assert line.remote == kept


def test_an_allowance_forgets_the_addresses_that_came_first() -> None:
    now = 0.0
    allowance = Allowance(2, clock=lambda: now)
    for number in range(30_000):
        assert allowance.take(f"address {number}")
    assert len(allowance) == 10_000
    assert allowance.take("address 29999")
    assert allowance.is_used_up("address 29999")
    assert allowance.wait_s("address 29999") == 30
    now = 29.9
    assert not allowance.take("address 29999")
    now = 30.1
    assert allowance.take("address 29999")
    now = 3_000
    assert [allowance.take("address 29999") for _ in range(3)] == [True, True, False]
