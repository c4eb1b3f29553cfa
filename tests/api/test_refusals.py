"""Every refusal has a stable code, names the field and the fix, and is on record when its sender was known."""

import json
from typing import Any

import pytest
from temporalio.client import Client

from ledger.ledger import Ledger
from tests.api.conftest import OWN_SECRET, SECRET, TOKEN, Api, Body, ago, alert, doors_over

pytestmark = pytest.mark.anyio

DEEP = b'{"a":' * 10_000
REFUSALS: list[tuple[Body, int, str, str | None]] = [
    (b"", 400, "body_empty", None),
    (b"BUY", 400, "body_unreadable", None),
    (b'{"action": "BUY"', 400, "body_unreadable", None),
    (b'["BUY"]', 400, "body_not_object", None),
    (b"\x1f\x8b\x08\x00gzip", 400, "body_not_utf8", None),
    (b"[" * 60_000, 400, "body_too_deep", None),
    (DEEP, 400, "body_too_deep", None),
    (json.dumps({f"f{number}": 1 for number in range(101)}), 400, "too_many_fields", None),
    (b'{"symbol": "ETH-USD", "SYMBOL": "BTC-USD"}', 422, "field_duplicate", "symbol"),
    (alert(action=None), 422, "field_missing", "action"),
    (alert(action="HOLD"), 422, "action_invalid", "action"),
    (alert(action=["BUY"]), 422, "field_type", "action"),
    (alert(symbol=None), 422, "field_missing", "symbol"),
    (alert(symbol="ETHUSD.P"), 422, "symbol_invalid", "symbol"),
    (alert(symbol="BINANCE:ETHUSDTPERP"), 422, "symbol_invalid", "symbol"),
    (alert(symbol="E" * 65), 422, "text_too_long", "symbol"),
    (alert(symbol="DOGE-USD"), 422, "pair_not_traded", "symbol"),
    (alert(exchange="nowhere"), 422, "venue_unknown", "exchange"),
    (alert(exchange="uniswap"), 422, "venue_not_built", "exchange"),
    (alert(pool_type="deep"), 422, "pool_type_invalid", "pool_type"),
    (alert(amount="1,000"), 422, "number_invalid", "amount"),
    (alert(amount="-1"), 422, "number_invalid", "amount"),
    (alert(amount="1e999"), 422, "number_invalid", "amount"),
    (b'{"action": "BUY", "symbol": "ETH-USD", "amount": 1' + b"0" * 60_000 + b"}", 422, "number_invalid", "amount"),
    (alert(amount=True), 422, "field_type", "amount"),
    (alert(percentage="101", action="SELL", amount=None), 422, "number_invalid", "percentage"),
    (alert(base_amount="1"), 422, "size_conflict", "base_amount"),
    (alert(limit_price="0"), 422, "number_invalid", "limit_price"),
    (alert(cancel_after_s="1.5", limit_price="9"), 422, "number_invalid", "cancel_after_s"),
    (alert(amount="{{strategy.order.contracts}}"), 422, "placeholder_unfilled", "amount"),
    (b'{"action": "BUY", "symbol": "ETH-USD", "amount": {{close}}}', 422, "placeholder_unfilled", "amount"),
    (alert(time="yesterday"), 422, "time_invalid", "time"),
    (alert(time="2026-01-01T10:00:00"), 422, "time_invalid", "time"),
    (alert(time=ago(-500)), 422, "time_in_future", "time"),
    (alert(time=ago(500)), 422, "signal_stale", "time"),
    (alert(note="x" * 501), 422, "text_too_long", "note"),
    (alert(note="two\nlines"), 422, "text_invalid", "note"),
    (alert(strategy="\u202eevil"), 422, "text_invalid", "strategy"),
    (alert(id="a\x00b"), 422, "text_invalid", "id"),
    (alert(quantity="1"), 422, "field_unknown", "quantity"),
    (alert(leverage="10"), 422, "field_unknown", "leverage"),
    (alert(ammount="1"), 422, "field_unknown", "ammount"),
]


@pytest.mark.parametrize(("body", "status", "code", "field"), REFUSALS, ids=[row[2] for row in REFUSALS])
async def test_what_is_wrong_is_said_and_recorded(
    api: Api, body: Body, status: int, code: str, field: str | None
) -> None:
    answer = await api.send(body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (status, code, field)
    assert told["message"]
    assert told["fix"]
    assert set(told) == {"code", "message", "fix", "field"}
    assert await api.fates() == [("refused", code)]
    (line,) = await api.record()
    assert line.signal_id is None
    assert told["message"] in line.reason
    assert await api.ledger.signals.not_started(10) == []


async def test_with_every_exchange_off_no_alert_is_taken(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal, cex_enabled=False))
    answer = await api.send(alert())
    assert (answer.status_code, answer.json()["code"]) == (422, "cex_disabled")
    assert answer.json()["fix"] == "set SUREFILL_CEX_ENABLED=true"


async def test_of_strangers_nothing_is_recorded(api: Api) -> None:
    for body in (b"", b"BUY", alert(api_key="wrong", action="HOLD"), {"a": 1}):
        assert (await api.request("POST", "/webhook", body)).status_code in (400, 401)
    assert (await api.request("POST", "/webhook/nobody", b"BUY")).status_code == 404
    assert await api.record() == []


async def test_a_refused_alert_may_be_sent_again_when_it_is_right(api: Api) -> None:
    assert (await api.send(alert(id="5", symbol="DOGE-USD"))).status_code == 422
    assert (await api.send(alert(id="5"))).json()["duplicate"] is False
    assert await api.fates() == [("refused", "pair_not_traded"), ("accepted", "")]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "path_unknown"),
        ("POST", "/webhook/", 404, "path_unknown"),
        ("GET", "/trades/", 404, "path_unknown"),
        ("GET", "/webhook", 405, "method_not_allowed"),
        ("PUT", "/webhook/alpha/secret", 405, "method_not_allowed"),
        ("DELETE", "/halt", 405, "method_not_allowed"),
        ("OPTIONS", "/signals", 405, "method_not_allowed"),
        ("BREW", "/healthz", 405, "method_not_allowed"),
        ("GET", "/trades?limit=0", 422, "parameter_invalid"),
        ("GET", "/trades?limit=" + "9" * 5000, 422, "parameter_invalid"),
        ("GET", "/trades?nothing=1", 422, "parameter_invalid"),
        ("GET", "/alerts?limit=x", 422, "parameter_invalid"),
        ("GET", "/trades/none", 404, "trade_unknown"),
        ("POST", "/trades/none/cancel", 422, "reason_invalid"),
        ("POST", "/halt", 422, "reason_invalid"),
        ("POST", "/resume", 422, "reason_invalid"),
    ],
)
async def test_what_is_not_an_alert_is_refused_in_the_same_words(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.operate(method, path)
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"], set(told)) == (status, code, {"code", "message", "fix", "field"})
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/halt", "GET, POST"),
        ("/resume", "POST"),
        ("/trades/none", "GET"),
        ("/webhook/default/x", "POST"),
        ("/docs", "GET"),
    ],
)
async def test_a_wrong_method_is_told_every_right_one(api: Api, path: str, allowed: str) -> None:
    answer = await api.operate("PATCH", path)
    assert answer.headers["Allow"].removesuffix(", HEAD").removeprefix("HEAD, ") == allowed


async def test_no_redirect_shows_a_secret(api: Api) -> None:
    for path in (f"/webhook/default/{SECRET}/", f"/webhook/alpha/{OWN_SECRET}/", f"/trades/{TOKEN}/", "/healthz/"):
        answer = await api.request("POST", path, alert())
        assert answer.status_code in (401, 404)
        assert "location" not in answer.headers
        assert SECRET not in answer.text
