"""The same over real sockets: what the server in front of the api does with what is not quite a request."""

import json
import logging

import pytest
from temporalio.client import Client

from api.bodies import MAX_BODY_BYTES
from ledger.ledger import Ledger
from tests.api.conftest import SECRET, Api, alert, doors_over
from tests.api.serving import request, say, served

pytestmark = pytest.mark.anyio


async def test_an_alert_is_taken_and_its_path_is_nowhere_in_the_log(
    ledger: Ledger, dead_temporal: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(ledger, dead_temporal) as port:
        assert b" 202 " in await say(port, request(f"/webhook/default/{SECRET}"))
        assert b" 404 " in await say(port, request(f"/webhook/nobody/{SECRET}"))
        assert b" 400 " in await say(port, f"POST /{SECRET} HTTP/9\r\n\r\n".encode())
        assert b" 400 " in await say(port, request("/webhook", f"X-Api-Key: {SECRET}\x00"))
    assert "route=/webhook/{source}/{secret:path} status=202" in caplog.text
    assert SECRET not in caplog.text


async def test_chunks_beyond_the_limit_are_refused_and_the_line_is_closed(
    ledger: Ledger, dead_temporal: Client
) -> None:
    head = f"POST /webhook HTTP/1.1\r\nHost: api\r\nX-Api-Key: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"%x\r\n%s\r\n" % (MAX_BODY_BYTES // 2, b"x" * (MAX_BODY_BYTES // 2))
    async with served(ledger, dead_temporal) as port:
        answer = await say(port, head, chunk, chunk, b"1\r\nx\r\n")
    assert b" 413 " in answer
    assert b'"code":"body_too_large"' in answer


async def test_a_sender_that_hangs_up_halfway_sent_no_alert(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal))
    async with served(ledger, dead_temporal) as port:
        await say(port, request("/webhook", body=json.dumps(alert(api_key=SECRET)).encode())[:-5], hang_up=True)
        assert b" 400 " in await say(port, request("/webhook", f"X-Api-Key: {SECRET}", body=b"HOLD"))
    assert await api.fates() == [("refused", "body_unreadable")]


async def test_a_proxy_on_this_machine_may_say_who_called(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal))
    said = ["X-Forwarded-For: 198.51.100.1, 203.0.113.9", "X-Forwarded-For: no address at all\x1b"]
    async with served(ledger, dead_temporal) as port:
        for number, header in enumerate(said):
            body = json.dumps(alert(id=str(number))).encode()
            assert b" 202 " in await say(port, request("/webhook", f"X-Api-Key: {SECRET}", header, body=body))
    assert [line.remote for line in reversed(await api.record())] == ["203.0.113.9", "unknown"]
