"""Secrets are gone before anything is logged, stored, answered or sent on."""

import json
import logging

import pytest
from temporalio.client import Client

from api.intake import Knock
from domain.trades import TradeStart
from ledger.database import Database
from ledger.ledger import Ledger
from tests.api.conftest import OWN_SECRET, SECRET, TOKEN, Api, alert, body_of, doors_over
from tests.databases import PostgresLedgers

pytestmark = pytest.mark.anyio


async def test_only_the_routes_pattern_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert (await api.request("POST", f"/webhook/default/{SECRET}", alert(note=f"{SECRET}!"))).status_code == 202
    assert (await api.request("POST", f"/webhook/default/{SECRET}", SECRET)).status_code == 400
    assert (await api.request("POST", f"/webhook/default/wrong-{SECRET}", alert())).status_code == 401
    assert (await api.request("GET", f"/{SECRET}")).status_code == 404
    assert (await api.request("DELETE", f"/webhook/default/{SECRET}")).status_code == 405
    # What the test's own client logs is not ours.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    answered = [line for line in ours if line.startswith("answered ")]
    assert len(answered) == 5
    assert "method=POST route=/webhook/{source}/{secret:path} status=202" in answered[0]
    assert not [line for line in ours if SECRET in line]


async def test_what_is_passed_on_of_a_signal_holds_no_secret(api: Api) -> None:
    body = alert(api_key=SECRET, note=f"my key is {SECRET}", strategy=OWN_SECRET, id=f"{TOKEN}-1")
    answer = await api.send(body)
    assert answer.json()["warnings"] == ["the secret stood in other fields too and was masked there"]
    (signal,) = await api.ledger.signals.not_started(10)
    assert (signal.note, signal.strategy, signal.explicit_id) == ("my key is ***", "***", "***-1")
    (line,) = await api.record()
    start = TradeStart(trade_id=signal.trade_id, signal=signal).model_dump_json()
    assert not [secret for secret in (SECRET, OWN_SECRET, TOKEN) if secret in answer.text + line.body + start]


async def test_nobody_learns_whether_he_guessed_the_secret_of_another(api: Api) -> None:
    answers = [await api.send(alert(id="1", note=guess)) for guess in (TOKEN, OWN_SECRET, "no secret of anybody")]
    assert [answer.json()["warnings"] for answer in answers] == [[], [], []]


@pytest.mark.parametrize(
    "body",
    [
        f'{{"api_key": "{SECRET}", "action": "BUY',
        f"{SECRET}",
        f"api_key: {SECRET}; action: BUY",
        f'{{"{SECRET}": 1, "{SECRET}": 2}}',
        "x" * 4080 + SECRET,
        "x" * 70 + "\n" + SECRET * 50,
    ],
)
async def test_a_body_that_cannot_be_read_is_recorded_without_its_secret(api: Api, body: str) -> None:
    answer = await api.send(body)
    assert answer.status_code in (400, 422)
    (line,) = await api.record()
    said = answer.text + line.body + line.reason
    assert SECRET not in said
    assert SECRET[:12] not in said


@pytest.mark.parametrize(
    "body",
    [
        '{"api_key": "other-service-key", "action": "BUY',
        '{"apiKey":"other-service-key" "action": "BUY"}',
        "{'secret_token': 'other-service-key'}",
        "PASSPHRASE other-service-key",
        "Authorization: other-service-key\nAction: BUY",
    ],
)
async def test_what_looks_like_a_secret_of_others_is_not_recorded_either(api: Api, body: str) -> None:
    assert (await api.send(body)).status_code == 400
    (line,) = await api.record()
    assert "other-service" not in line.body


async def test_a_secret_that_json_writes_differently_is_found(ledger: Ledger, dead_temporal: Client) -> None:
    secret = 'quo"ted\\secret-of-ünusual-kind'
    api = Api(doors_over(ledger, dead_temporal, webhook_api_key=secret))
    broken = json.dumps({"comment": f"<{secret}>"}) + "}"
    answer = await api.by_hand("POST", b"/webhook", [(b"x-api-key", secret.encode())], body_of(broken.encode()))
    assert answer.status == 400
    (line,) = await api.record()
    assert "<***>" in line.body


async def test_a_knock_shows_no_secret_of_its_own() -> None:
    knock = Knock(source="default", remote="::1", body=SECRET.encode(), secret=SECRET, signature=SECRET)
    assert SECRET not in repr(knock)


async def test_a_fault_of_ours_is_logged_without_what_was_sent(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    @api.app.get("/fault")
    async def fault() -> None:
        raise ValueError(f"cannot digest {SECRET}")

    answer = await api.request("GET", "/fault")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "request_failed error=ValueError" in told
    assert "in fault" in told
    assert "digest" not in told.replace('f"cannot digest {SECRET}"', "")


async def test_what_cannot_be_printed_is_neither_logged_nor_kept(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await api.send(b'{"a\\nb": 1, "a\\nb": 2}')
    await api.send(b'{"amo\\nunt": "1", "action": "BUY", "symbol": "ETH-USD"}')
    await api.send(b"\x00\x1b[31m\r\nfake log line")
    assert [code for _, code in await api.fates()] == ["field_duplicate", "field_unknown", "body_unreadable"]
    assert all("\n" not in record.getMessage() for record in caplog.records)
    text = "".join(line.body + line.reason for line in await api.record())
    assert not set(text) & set("\x00\x1b\r")


async def test_postgresql_takes_whatever_comes(postgres_ledgers: PostgresLedgers, dead_temporal: Client) -> None:
    database = Database(postgres_ledgers.fresh())
    api = Api(doors_over(Ledger(database), dead_temporal))
    for body in (b"\x00", b"{\x00}", b"\x1f\x8b\x00", b'{"\\u0000": 1, "\\u0000": 2}', b"\xed\xa0\x80"):
        assert (await api.send(body)).status_code in (400, 422)
    assert (await api.send(alert(surprise="\x00\ud800"))).status_code == 202
    assert (await api.operate("POST", "/halt", {"reason": "nul \x00"}, X_Operator="ann")).status_code == 200
    for path in ("/trades?status=%00", "/trades?before=%00", "/trades/%00"):
        answer = await api.operate("GET", path)
        assert answer.status_code in (404, 422), path
    assert len(await api.record()) == 6
    database.close()
