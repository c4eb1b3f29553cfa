"""Asking what differs over HTTP: with Temporal, without it, and with a round that was made before."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import SQLModel
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.audits import AuditReport, Difference, Look
from domain.names import RECONCILE_NOW, TRADE_WORKFLOW, trade_workflow_id
from domain.trades import TradeStart
from ledger.ledger import Ledger
from ledger.tables import OrderRow, PositionRow, TradeRow
from ledger.transaction import Transaction
from tests.api.conftest import Api, doors_over
from tests.api.waiting import until
from tests.fakes import FakeVenue
from tests.ledger.conftest import sized_order
from tests.worlds import PAPER, a_fill, a_report, a_signal, some_rules
from worker.building import build_worker

pytestmark = pytest.mark.anyio

WHY = {"reason": "tests"}


async def write(ledger: Ledger, table: type[SQLModel], **values: Any) -> None:
    def work(tx: Transaction) -> None:
        tx.execute(update(table).values(**values))

    await ledger.database.write(work)


async def a_wrong_position(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")))
    await write(ledger, PositionRow, base_qty=Decimal(7))


@asynccontextmanager
async def at_work(client: Client, ledger: Ledger) -> AsyncIterator[None]:
    async with build_worker(client, ledger, {PAPER.name: FakeVenue()}, some_rules(), 0):
        yield


# Without Temporal


async def test_without_temporal_the_ledger_alone_is_compared_and_it_is_said(api: Api) -> None:
    await a_wrong_position(api.ledger)
    view = (await api.operate("GET", "/audit")).json()
    assert view["temporal"].endswith("only the ledger was compared")
    (difference,) = view["differences"]
    assert (difference["code"], difference["account"], difference["place"]) == (
        "position_differs",
        PAPER.name,
        "ETH-USD",
    )
    assert difference["what"] == "quantity is 7, its fills sum to 0.004"
    assert (view["rounds"], view["mended"], view["left_out"]) == ([], [], 0)


async def test_a_round_that_cannot_be_begun_leaves_the_ledger_compared(api: Api) -> None:
    await a_wrong_position(api.ledger)
    answer = await api.operate("POST", "/audit", WHY)
    assert answer.status_code == 200
    assert not answer.json()["finished"]
    assert [one["code"] for one in answer.json()["differences"]] == ["position_differs"]


async def test_what_venues_said_in_the_last_round_is_told_with_what_was_mended(api: Api) -> None:
    now = await api.ledger.auditing.now()
    stays, gone = (
        Difference(code=code, book="venue", account=PAPER.name, place="o-1", what="...", repaired=repaired)
        for code, repaired in (("order_missing", ""), ("missed_end", "booked what the venue has on record"))
    )
    look = Look(book="venue", account=PAPER.name, began_at=now, checked={"orders": 3})
    await api.ledger.findings.record(AuditReport(looks=(look,), differences=(stays, gone)))
    view = (await api.operate("GET", "/audit")).json()
    assert [one["code"] for one in view["differences"]] == ["order_missing"]
    assert [one["difference"]["code"] for one in view["mended"]] == ["missed_end"]
    (past,) = view["rounds"]
    assert (past["look"]["book"], past["look"]["checked"]) == ("venue", {"orders": 3})


async def test_one_account_is_asked_for_by_its_name(api: Api) -> None:
    await a_wrong_position(api.ledger)
    other = PAPER.model_copy(update={"name": "other"})
    await api.ledger.trades.register(other)
    assert (await api.operate("GET", "/audit?account=other")).json()["differences"] == []
    assert len((await api.operate("GET", f"/audit?account={PAPER.name}")).json()["differences"]) == 1
    answer = await api.operate("GET", "/audit?account=nobody")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "account_unknown", "account")
    assert PAPER.name in answer.json()["fix"]


async def test_a_round_needs_a_reason(api: Api) -> None:
    assert (await api.operate("POST", "/audit", {})).status_code == 422


async def test_open_orders_older_than_some_time_are_listed_from_the_ledger_alone(api: Api) -> None:
    old, done = await sized_order(api.ledger, a_signal()), await sized_order(api.ledger, a_signal())
    await api.ledger.reports.merge(a_report(done, "filled", a_fill("f1", "0.01")))
    await write(api.ledger, OrderRow, sized_at=await api.ledger.auditing.now() - timedelta(hours=2))
    young = await sized_order(api.ledger, a_signal())
    every = (await api.operate("GET", "/orders")).json()
    assert [line["order_id"] for line in every] == [old.order_id, young.order_id]
    (line,) = (await api.operate("GET", "/orders?older_than_s=3600")).json()
    assert (line["order_id"], line["trade_id"], line["account"]) == (old.order_id, old.trade_id, PAPER.name)
    assert (line["state"], line["venue_order_id"], line["base_qty"]) == ("sized", None, "0.01")
    assert 7200 <= line["age_s"] < 7300


@pytest.mark.parametrize("query", ["older_than_s=-1", "older_than_s=x", "limit=0", "limit=501"])
async def test_orders_are_asked_for_in_numbers_that_make_sense(api: Api, query: str) -> None:
    assert (await api.operate("GET", f"/orders?{query}")).status_code == 422


# With Temporal


async def test_trades_are_compared_with_their_workflows_at_once(ledger: Ledger, temporal: WorkflowEnvironment) -> None:
    api = Api(doors_over(ledger, temporal.client))
    signal = a_signal()
    start = TradeStart(trade_id=signal.trade_id, signal=signal)
    name = trade_workflow_id(signal.trade_id)
    await temporal.client.start_workflow(TRADE_WORKFLOW, start, id=name, task_queue=f"nobody-{uuid.uuid4()}")
    order = await sized_order(ledger, a_signal())
    await ledger.signals.mark_started([a.signal_id for a in await ledger.signals.not_started(9)])
    await write(ledger, TradeRow, received_at=await ledger.auditing.now() - timedelta(hours=1))

    async def is_listed() -> bool:
        return bool([run async for run in temporal.client.list_workflows(f'WorkflowId = "{name}"')])

    await until(is_listed)
    view = (await api.operate("GET", "/audit")).json()
    assert view["temporal"] == ""
    found = {one["place"]: one["code"] for one in view["differences"] if one["book"] == "temporal"}
    assert found[signal.trade_id] == "workflow_without_trade"
    assert found[order.trade_id] == "trade_without_workflow"
    await temporal.client.get_workflow_handle(name).terminate("tests")


async def test_a_round_is_made_when_somebody_asks_and_says_who_did(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    api = Api(doors_over(ledger, temporal.client))
    async with at_work(temporal.client, ledger):
        answer = (await api.operate("POST", "/audit", {"reason": "the numbers look odd"}, X_Operator="ann")).json()
        await temporal.client.get_workflow_handle(RECONCILE_NOW).result()
    described = await temporal.client.get_workflow_handle(RECONCILE_NOW).describe()
    assert await described.static_summary() == "asked for by ann: the numbers look odd"
    assert [one for one in answer["differences"] if one["book"] != "temporal"] == []
    looks = {(kept.look.book, kept.look.account) for kept in await ledger.findings.looks()}
    assert looks == {("ledger", ""), ("ledger", PAPER.name), ("venue", PAPER.name), ("temporal", "")}
