"""Requests that are not quite requests, byte by byte over real sockets: no fault, no secret, no guess."""

import json
import logging
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from ledger.ledger import Ledger
from tests.api.conftest import SECRET, TOKEN, alert
from tests.api.serving import say, served
from tests.api.test_attacks import REFUSAL, SECRETS
from tests.fuzzing import tried

pytestmark = pytest.mark.anyio

BODY = json.dumps(alert()).encode()
LENGTH = b"Content-Length: %d" % len(BODY)
PATHS = st.sampled_from(
    [
        *(b"/webhook", b"/webhook/default", b"//webhook", b"/webhook//default", b"/./webhook", b"/webhook/../halt"),
        *(b"/webhook/%2e%2e/halt", b"/webhook%2fdefault", b"/webhook/default%00", b"/webhook/%64efault", b"/%77ebhook"),
        *(b"/webhook/default/" + SECRET.encode(), b"/webhook/default//" + SECRET.encode(), b"/webhook/" + b"a" * 9000),
        *(b"/webhook/" + b"a" * 40_000, b"http://other/webhook", b"*", b"/webhook?x=" + SECRET.encode(), b"/webhook#a"),
        *(b"/signals", b"/halt", b"/trades/..%2f..", b"/webhook/default/%ff%fe", b"/webhook/\xc3\xbc", b"webhook"),
    ]
)
HEADERS = st.sampled_from(
    [
        *(LENGTH, b"content-length: 0", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: +3"),
        *(b"Content-Length: 1_0", b"Content-Length: " + b"9" * 400, b"Transfer-Encoding: chunked", b"Content-Length:"),
        *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding : chunked"),
        *(b"X-Api-Key: " + SECRET.encode(), b"x-aPI-kEY: " + SECRET.encode(), b"X-Api-Key: wrong", b"X-Api-Key:"),
        *(b"X-Api-Key: " + SECRET.encode() + b"\0", b"X-Signature: sha256=" + b"0" * 64, b"X-Signature: \xff\xfe"),
        *(b"Authorization: Bearer " + TOKEN.encode(), b"Authorization: bEARER  " + TOKEN.encode(), b"Cookie: a=b"),
        *(b"Content-Type: application/json; charset=utf-16", b"Content-Type: multipart/form-data", b"Content-Type:"),
        *(
            b"Content-Encoding: gzip",
            b"Expect: 100-continue",
            b"Expect: nothing",
            b"Upgrade: websocket",
            b"Host: other",
        ),
        *(b"Connection: keep-alive, upgrade", b"X-Long: " + b"x" * 20_000, b" folded: value", b"NoColon", b": empty"),
        *(b"X-Forwarded-For: " + SECRET.encode(), b"X-Operator: \x1b[31m", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    ]
)
BODIES = st.sampled_from(
    [
        BODY,
        b"",
        b"0\r\n\r\n",
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        b"zz\r\n",
        b"ffffffffffffffffffff\r\nx",
        b"\0",
    ]
)
METHODS = st.sampled_from([b"POST", b"post", b"GET", b"PRI", b"CONNECT", b"OPTIONS", b"\x16\x03\x01", b"POST POST"])
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.1 x", b""])


@pytest.fixture
async def port(ledger: Ledger, dead_temporal: Client) -> AsyncIterator[int]:
    async with served(ledger, dead_temporal, webhook_max_alerts_per_minute=1_000_000) as port:
        yield port


def usually(common: bytes, others: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(st.just(common), st.just(common), others)


def check(answers: bytes) -> None:
    """What holds for each of the answers on one line."""
    assert not [secret for secret in SECRETS if secret.encode() in answers]
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        assert 100 <= status < 500
        length = re.search(rb"content-length: ([0-9]+)", head)
        body = rest[: int(length[1])] if length else b"" if status < 200 else rest
        answers = rest[len(body) :]
        # What is no HTTP at all is turned away by the server before there is anybody to explain it.
        if status >= 400 and b"Invalid HTTP request received." not in body:
            assert set(json.loads(body)) == REFUSAL


def shown(log: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of our secrets; pytest itself turns the server's log of accesses on, which we turn off."""
    lines = [record.getMessage() for record in log.records if record.name != "uvicorn.access"]
    return [line for line in lines if any(secret in line for secret in SECRETS)]


@given(
    first=st.tuples(usually(b"POST", METHODS), usually(b"/webhook", PATHS), usually(b"HTTP/1.1", VERSIONS)),
    headers=st.lists(HEADERS, max_size=6),
    body=BODIES,
)
@tried(150)
async def test_no_request_line_and_no_header_is_too_strange(
    port: int, caplog: pytest.LogCaptureFixture, first: tuple[bytes, ...], headers: list[bytes], body: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    lines = [b" ".join(first), b"Host: api", b"Connection: close", *headers]
    check(await say(port, b"\r\n".join(lines) + b"\r\n\r\n" + body, ends=True))
    assert shown(caplog) == []


@given(noise=st.binary(max_size=400))
@tried(50)
async def test_noise_is_turned_away(port: int, noise: bytes) -> None:
    check(await say(port, noise + b"\r\n\r\n", ends=True))


@given(lengths=st.permutations([LENGTH, b"Content-Length: 5"]), is_chunked=st.booleans())
@tried(10)
async def test_a_request_with_two_lengths_is_no_request(
    ledger: Ledger, port: int, lengths: list[bytes], is_chunked: bool
) -> None:
    twice = [*lengths, b"Transfer-Encoding: chunked"] if is_chunked else lengths
    lines = [b"POST /webhook HTTP/1.1", b"Host: api", b"X-Api-Key: " + SECRET.encode(), *twice]
    answer = await say(port, b"\r\n".join(lines) + b"\r\n\r\n" + BODY, ends=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert list(await ledger.reading.alerts(1)) == []
