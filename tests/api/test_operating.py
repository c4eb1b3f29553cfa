"""What operators read and do, with their token and never without it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route
from temporalio.client import Client

from api import auditing, operating, settling, webhook
from domain.attempts import Send
from domain.orders import Order
from domain.outcomes import Outcome, conclude
from domain.signals import Signal
from ledger.database import Database
from ledger.ledger import Ledger
from tests.api.conftest import SECRET, Api, alert, doors_over
from tests.worlds import PAPER, a_fill, a_report, a_signal, accepted, an_alert, an_order, prepared, some_rules

pytestmark = pytest.mark.anyio

PUBLIC = ("/webhook", "/healthz", "/readyz", "/docs", "/openapi.json")


async def keep(ledger: Ledger, signal: Signal | None = None) -> Signal:
    return (await ledger.signals.keep(an_alert(), signal or a_signal())).signal


async def place(ledger: Ledger, signal: Signal) -> Order:
    """Bring a kept signal so far that its order rests at the venue."""
    rules = some_rules()
    await ledger.trades.open(signal.trade_id, rules)
    order = an_order(signal)
    await ledger.orders.size(order, "the only venue", rules.limits)
    fence = datetime.now(UTC) + timedelta(seconds=10)
    sent = Send(prepared=prepared(order), fence_at=fence, resend_window=None, epoch=0)
    admission = await ledger.orders.admit(sent)
    assert admission.attempt is not None
    await ledger.orders.answer(admission.attempt, accepted(order))
    return order


async def fill(ledger: Ledger, order: Order) -> Outcome:
    report = a_report(order, "filled", a_fill(f"f-{order.order_id}", "0.01"))
    standing = await ledger.reports.merge(report)
    return await ledger.trades.close(order.trade_id, conclude(standing))


# The token


def ways_in(api: Api) -> Sequence[tuple[str, str]]:
    """Every method and path that there is."""
    routers = (webhook.router, operating.router, settling.router, auditing.router)
    routes = [*(route for router in routers for route in router.routes), *api.app.routes]
    return [
        (method, route.path_format)
        for route in routes
        if isinstance(route, (APIRoute, Route))
        for method in sorted(route.methods or ())
    ]


async def test_nothing_but_alerts_and_health_is_there_without_the_token(api: Api) -> None:
    guarded = [(method, path) for method, path in ways_in(api) if not path.startswith(PUBLIC)]
    assert len(guarded) >= 10
    for number, (method, path) in enumerate(guarded):
        for token in ("", "Bearer", "Bearer wrong", f"Bearer {SECRET}"):
            remote = f"198.51.100.{number}"
            headers = {"Authorization": token, "X_Operator": "ann", "X_Api_Key": SECRET}
            answer = await api.request(method, path, b'{"reason": "x"}', remote=remote, **headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "secret_wrong"), path
    assert await api.record() == []
    assert not (await api.ledger.switches.halt()).is_on


async def test_pages_and_health_need_no_token(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await api.request("GET", path)).status_code == 200


# Reading


async def test_120_trades_are_paged_through_without_loss_or_repeat(api: Api) -> None:
    kept = {(await keep(api.ledger)).trade_id for _ in range(120)}
    seen: list[str] = []
    sizes: list[int] = []
    path = "/trades?limit=50"
    while path:
        page = (await api.operate("GET", path)).json()
        seen += [line["trade_id"] for line in page["trades"]]
        sizes.append(len(page["trades"]))
        await keep(api.ledger)
        path = f"/trades?limit=50&before={page['next']}" if page["next"] else ""
    assert sizes == [50, 50, 20]
    assert seen == sorted(kept, reverse=True)


async def test_trades_are_filtered(api: Api) -> None:
    ledger = api.ledger
    sold = await keep(ledger, a_signal(action="SELL", percentage=Decimal(50), source="alpha", strategy="golden cross"))
    resting = await place(ledger, await keep(ledger))
    filled = await place(ledger, await keep(ledger))
    await fill(ledger, filled)

    async def found(query: str) -> set[str]:
        page = (await api.operate("GET", f"/trades?{query}")).json()
        return {line["trade_id"] for line in page["trades"]}

    assert await found("status=received") == {sold.trade_id}
    assert await found("status=open") == {resting.trade_id}
    assert await found("status=closed&outcome=filled") == {filled.trade_id}
    assert await found("action=SELL&source=alpha&strategy=golden+cross&pair=ETH-USD") == {sold.trade_id}
    assert await found(f"account={PAPER.name}") == {resting.trade_id, filled.trade_id}
    assert await found("source=alpha&status=open") == set()
    assert len(await found("")) == 3


async def test_a_trades_sheet_tells_its_whole_story(api: Api) -> None:
    signal = await keep(api.ledger, a_signal(note="golden cross", price=Decimal("2500.10")))
    order = await place(api.ledger, signal)
    await fill(api.ledger, order)
    sheet = (await api.operate("GET", f"/trades/{signal.trade_id}")).json()
    assert sheet["status"] == "closed"
    assert sheet["signal"]["note"] == "golden cross"
    assert sheet["signal"]["price"] == "2500.10"
    assert sheet["account"] == PAPER.name
    assert sheet["rules"]["account"] == PAPER.name
    assert [event["stop"] for event in sheet["timeline"]][:2] == ["received", "opened"]
    assert sheet["timeline"][-1]["stop"] == "closed"
    assert all(event["at"].endswith("Z") for event in sheet["timeline"])
    assert [kept["order"]["order_id"] for kept in sheet["orders"]] == [order.order_id]
    assert [attempt["verdict"] for attempt in sheet["attempts"]] == ["accepted"]
    assert [(fill["base_qty"], fill["price"], fill["fee"]) for fill in sheet["fills"]] == [("0.01", "2500", "0.1")]
    assert sheet["outcome"]["kind"] == "filled"
    assert sheet["temporal"] == f"http://127.0.0.1:8233/namespaces/default/workflows/trade-{signal.trade_id}"
    (position,) = (await api.operate("GET", "/positions")).json()
    assert (position["account"], position["base_qty"]) == (PAPER.name, "0.01")
    budgets = (await api.operate("GET", "/budgets")).json()
    assert {line["usd_reserved"] for line in budgets} == {"0"}


async def test_alerts_are_read_latest_first_with_their_fate(api: Api) -> None:
    first = (await api.send(alert(id="1"))).json()
    await api.send(alert(id="1"))
    await api.send(alert(action="HOLD"))
    lines = (await api.operate("GET", "/alerts?limit=2")).json()
    assert [(line["fate"], line["code"]) for line in lines] == [("refused", "action_invalid"), ("duplicate", "")]
    assert lines[1]["signal_id"] == first["signal_id"]
    assert lines[0]["source"] == "default"


# Cancelling


async def test_a_trade_that_waits_is_cancelled_before_it_begins(api: Api) -> None:
    signal = await keep(api.ledger)
    answer = await api.operate("POST", f"/trades/{signal.trade_id}/cancel", {"reason": "wrong day"}, X_Operator="ann")
    assert answer.json() == {"trade_id": signal.trade_id, "requested": True, "too_late": False, "outcome": None}
    opened = await api.ledger.trades.open(signal.trade_id, some_rules())
    assert opened.outcome is not None
    assert (opened.outcome.kind, opened.outcome.reason) == ("cancelled", "wrong day")
    sheet = (await api.operate("GET", f"/trades/{signal.trade_id}")).json()
    assert (sheet["cancel_reason"], sheet["cancelled_by"]) == ("wrong day", "ann")


async def test_of_an_open_trade_nothing_more_is_sent_once_cancel_answers(api: Api) -> None:
    order = await place(api.ledger, await keep(api.ledger))
    answer = await api.operate("POST", f"/trades/{order.trade_id}/cancel", {"reason": "changed my mind"})
    assert answer.json()["requested"]
    again = await api.operate("POST", f"/trades/{order.trade_id}/cancel", {"reason": "again"})
    assert again.json()["requested"]
    fence = datetime.now(UTC) + timedelta(seconds=10)
    sent = Send(prepared=prepared(order), fence_at=fence, resend_window=timedelta(seconds=30), epoch=0)
    admission = await api.ledger.orders.admit(sent)
    assert admission.attempt is None
    assert admission.closed_because == "changed my mind"


async def test_a_trade_that_has_ended_is_past_cancelling(api: Api) -> None:
    order = await place(api.ledger, await keep(api.ledger))
    await fill(api.ledger, order)
    told = (await api.operate("POST", f"/trades/{order.trade_id}/cancel", {"reason": "late"})).json()
    assert (told["requested"], told["too_late"], told["outcome"]["kind"]) == (False, True, "filled")


async def test_an_unknown_trade_is_not_cancelled(api: Api) -> None:
    answer = await api.operate("POST", "/trades/20260101-000000-aaaaaaaa-entry/cancel", {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "trade_unknown")


# Halting


async def test_a_halt_says_what_may_still_go_out_and_a_resume_ends_it(api: Api) -> None:
    signal = await keep(api.ledger)
    rules = some_rules()
    await api.ledger.trades.open(signal.trade_id, rules)
    order = an_order(signal)
    await api.ledger.orders.size(order, "the only venue", rules.limits)
    fence = datetime.now(UTC) + timedelta(seconds=10)
    await api.ledger.orders.admit(Send(prepared=prepared(order), fence_at=fence, resend_window=None, epoch=0))
    told = (await api.operate("POST", "/halt", {"reason": "the exchange looks wrong"}, X_Operator="ann")).json()
    assert (told["halt"]["is_on"], told["halt"]["changed_by"]) == (True, "ann")
    (underway,) = told["underway"]
    assert (underway["trade_id"], underway["order_id"], underway["number"]) == (signal.trade_id, order.order_id, 1)
    assert (await api.operate("GET", "/halt")).json()["reason"] == "the exchange looks wrong"
    assert (await api.send(alert())).status_code == 202
    resumed = (await api.operate("POST", "/resume", {"reason": "it was not"})).json()
    assert (resumed["halt"]["is_on"], resumed["underway"]) == (False, [])


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_who_halts_in_a_hurry_thinks_of_no_header(api: Api, content_type: str) -> None:
    assert (await api.operate("POST", "/halt", {"reason": "now"}, Content_Type=content_type)).status_code == 200


@pytest.mark.parametrize("body", [None, [], "now", {}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 501}])
async def test_a_halt_without_a_reason_is_refused_and_told_how(api: Api, body: Any) -> None:
    answer = await api.operate("POST", "/halt", body)
    assert (answer.status_code, answer.json()["field"]) == (422, "reason")
    assert '{"reason":' in answer.json()["fix"]


# Health and the description


async def test_without_temporal_alerts_are_taken_and_ready_says_why_they_wait(api: Api) -> None:
    answer = await api.request("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "ledger": "ok", "relay": "not connected to Temporal yet"}


async def test_without_a_ledger_nobody_is_ready(closed_port: int, dead_temporal: Client) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{closed_port}/none")
    api = Api(doors_over(Ledger(database), dead_temporal))
    answer = await api.request("GET", "/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "does not answer" in answer.json()["ledger"]
    assert (await api.request("GET", "/healthz")).status_code == 200
    for path in ("/trades", "/trades/none", "/alerts", "/halt"):
        away = await api.operate("GET", path)
        assert (away.status_code, away.json()["code"]) == (503, "ledger_away")
        assert away.headers["Retry-After"] == "5"
    database.close()


async def test_the_description_tells_what_each_path_takes_and_refuses(api: Api) -> None:
    told = (await api.request("GET", "/openapi.json")).json()
    assert told["openapi"].startswith("3.")
    assert told["components"]["securitySchemes"]
    refusal = {"$ref": "#/components/schemas/Refusal"}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"]
            if path in ("/healthz", "/readyz"):
                continue
            bad = {code: answer for code, answer in operation["responses"].items() if int(code) >= 400}
            assert {"401", "422", "429", "503"} <= bad.keys()
            assert all(answer["content"]["application/json"]["schema"] == refusal for answer in bad.values()), path
            assert bool(operation.get("security")) is not path.startswith("/webhook"), path
            assert ("requestBody" in operation) is (method == "post"), path
    assert "HTTPValidationError" not in told["components"]["schemas"]
