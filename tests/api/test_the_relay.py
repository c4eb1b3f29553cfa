"""Kept before answered, started beside the answer: once, later if need be, and only by the right Temporal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlsplit

import anyio
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceInfo
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.relay import Relay
from domain.names import trade_workflow_id
from domain.signals import Signal
from domain.trades import TradeStart
from ledger.ledger import Ledger
from tests.api.conftest import Api, alert, client_of, doors_over
from tests.api.relaying import handle_of, keep
from tests.api.waiting import PATIENCE_S, all_started, at_work, is_well, says, until
from tests.api.wires import Wire, wire_to
from wiring.temporal import namespace_id
from workflows.visible import STRATEGY, SYMBOL

pytestmark = pytest.mark.anyio


@pytest.fixture
async def wire(temporal: WorkflowEnvironment) -> AsyncIterator[Wire]:
    """A line to Temporal, still cut."""
    port = urlsplit(f"//{temporal.client.service_client.config.target_host}").port
    assert port is not None
    async with wire_to(port) as wire:
        wire.cut()
        yield wire


async def told_at_start(client: Client, signal: Signal) -> TradeStart:
    """What the trade's workflow was started with."""
    history = await handle_of(client, signal).fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input
    (start,) = await client.data_converter.decode(payloads.payloads, [TradeStart])
    assert isinstance(start, TradeStart)
    return start


async def exists(client: Client, signal: Signal) -> bool:
    try:
        await handle_of(client, signal).describe()
    except RPCError:
        return False
    return True


async def test_what_came_while_temporal_was_dead_is_started_once_when_it_is_there(
    ledger: Ledger, temporal: WorkflowEnvironment, wire: Wire
) -> None:
    client = await client_of(wire.port)
    api, other = Api(doors_over(ledger, client)), Relay(ledger, client)
    async with at_work(api.doors.relay, other):
        answers = [await api.send(alert(id=str(number))) for number in range(5)]
        assert [answer.status_code for answer in answers] == [202] * 5
        waiting = await ledger.signals.not_started(10)
        assert len(waiting) == 5
        await until(lambda: says(other, "Temporal does not answer"))
        await wire.open()
        await all_started(ledger)
    for signal in waiting:
        assert await told_at_start(temporal.client, signal) == TradeStart(trade_id=signal.trade_id, signal=signal)
        runs = [run async for run in temporal.client.list_workflows(f'WorkflowId = "trade-{signal.trade_id}"')]
        assert len(runs) <= 1


async def test_an_alert_is_started_beside_its_answer_and_shows_what_it_is(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    api = Api(doors_over(ledger, temporal.client))
    async with at_work(api.doors.relay):
        await until(lambda: is_well(api.doors.relay))
        answer = await api.send(alert(strategy="golden cross"))
        await all_started(ledger)
        description = await temporal.client.get_workflow_handle(trade_workflow_id(answer.json()["trade_id"])).describe()
    assert description.typed_search_attributes[SYMBOL] == "ETH-USD"
    assert description.typed_search_attributes[STRATEGY] == "golden cross"
    assert await description.static_summary() == "BUY ETH-USD, 25 USD, market"
    assert "- source: default" in (await description.static_details() or "")


async def test_more_than_fit_at_once_are_all_started(ledger: Ledger, temporal: WorkflowEnvironment) -> None:
    signals = [await keep(ledger) for _ in range(120)]
    async with at_work(Relay(ledger, temporal.client), Relay(ledger, temporal.client)):
        await all_started(ledger)
    assert all([await exists(temporal.client, signal) for signal in signals])


async def namespace(temporal: WorkflowEnvironment, name: str) -> Client:
    """A namespace of its own, without our search attributes."""
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=24 * 3600))
    await temporal.client.workflow_service.register_namespace(request)
    port = urlsplit(f"//{temporal.client.service_client.config.target_host}").port
    assert port is not None
    client = await client_of(port, namespace=name)

    async def is_there() -> bool:
        with suppress(RPCError):
            return bool(await namespace_id(client))
        return False

    await until(is_there)
    return client


async def test_missing_search_attributes_block_no_start(ledger: Ledger, temporal: WorkflowEnvironment) -> None:
    client = await namespace(temporal, "bare")
    signals = [await keep(ledger) for _ in range(3)]
    async with at_work(Relay(ledger, client)):
        await all_started(ledger)
    for signal in signals:
        start = await told_at_start(client, signal)
        assert (start.signal, start.indexed) == (signal, False)


async def test_another_temporal_starts_nothing_until_it_is_confirmed(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    await ledger.switches.confirm_epoch("the-namespace-before", "tests")
    api = Api(doors_over(ledger, temporal.client))
    relay = api.doors.relay
    async with at_work(relay):
        await until(lambda: says(relay, "this ledger belongs to Temporal namespace id the-namespace-before"))
        assert (await api.send(alert())).status_code == 202
        ready = (await api.request("GET", "/readyz")).json()
        assert ready["ready"]
        assert "confirm-temporal" in ready["relay"]
        (signal,) = await ledger.signals.not_started(10)
        assert not await exists(temporal.client, signal)
        await ledger.switches.confirm_epoch(await namespace_id(temporal.client), "tests")
        await all_started(ledger)
    assert await exists(temporal.client, signal)


async def test_a_temporal_that_is_exchanged_in_between_is_noticed(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    relay = Relay(ledger, temporal.client)
    async with at_work(relay):
        await until(lambda: is_well(relay))
        await ledger.switches.confirm_epoch("the-namespace-after", "tests")
        await until(lambda: says(relay, "this ledger belongs to Temporal namespace id the-namespace-after"))
        signal = await keep(ledger)
        relay.start_soon(signal)
    assert not await exists(temporal.client, signal)


async def test_what_was_started_in_a_temporal_that_is_lost_is_started_in_the_next(
    ledger: Ledger, temporal: WorkflowEnvironment
) -> None:
    relay = Relay(ledger, temporal.client)
    async with at_work(relay):
        await until(lambda: is_well(relay))
        signal = await keep(ledger)
        await ledger.switches.confirm_epoch("the-namespace-after", "tests")
        relay.start_soon(signal)
        await until(lambda: says(relay, "this ledger belongs to Temporal namespace id the-namespace-after"))
    assert [waiting.signal_id for waiting in await ledger.signals.not_started(10)] == [signal.signal_id]


async def test_a_frozen_temporal_delays_no_answer_and_piles_nothing_up(
    ledger: Ledger, temporal: WorkflowEnvironment, wire: Wire
) -> None:
    await wire.open()
    client = await client_of(wire.port)
    api = Api(doors_over(ledger, client))
    async with at_work(api.doors.relay):
        await until(lambda: is_well(api.doors.relay))
        before = len(asyncio.all_tasks())
        wire.freeze()
        with anyio.fail_after(PATIENCE_S):
            for number in range(100):
                assert (await api.send(alert(id=str(number)))).status_code == 202
            assert len((await api.operate("GET", "/trades?limit=500")).json()["trades"]) == 100
        assert len(asyncio.all_tasks()) < before + 70
        assert len(await ledger.signals.not_started(200)) >= 99
        wire.thaw()
        await all_started(ledger)


async def test_a_temporal_that_never_answered_delays_nothing_either(ledger: Ledger, wire: Wire) -> None:
    await wire.open()
    wire.freeze()
    api = Api(doors_over(ledger, await client_of(wire.port)))
    async with at_work(api.doors.relay):
        before = len(asyncio.all_tasks())
        for number in range(60):
            assert (await api.send(alert(id=str(number)))).status_code == 202
        assert len(asyncio.all_tasks()) < before + 10
        assert len(await ledger.signals.not_started(100)) == 60


async def test_a_signal_that_temporal_refuses_holds_up_no_other(ledger: Ledger, temporal: WorkflowEnvironment) -> None:
    refused = await keep(ledger, signal_id="20261122-093000-" + "x" * 2000)
    signals = [await keep(ledger) for _ in range(3)]
    relay = Relay(ledger, temporal.client)

    async def are_started() -> bool:
        return [signal.signal_id for signal in await ledger.signals.not_started(10)] == [refused.signal_id]

    async with at_work(relay):
        await until(are_started)
        assert relay.trouble == ""
    assert (await told_at_start(temporal.client, signals[0])).indexed


async def test_the_relay_survives_a_fault_of_ours(
    ledger: Ledger, temporal: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    signal = await keep(ledger)

    class Faulty(Relay):
        faults = 0

        async def _start_waiting(self) -> None:
            self.faults += 1
            if self.faults == 1:
                raise ZeroDivisionError
            await super()._start_waiting()

    async with at_work(Faulty(ledger, temporal.client)):
        await all_started(ledger)
    assert await exists(temporal.client, signal)
    assert "relay_failed" in caplog.text


async def test_a_relay_that_is_told_to_stop_while_an_answer_comes_in_stops(ledger: Ledger) -> None:
    async def describe_namespace(_request: object) -> DescribeNamespaceResponse:
        relaying.cancel()
        return DescribeNamespaceResponse(namespace_info=NamespaceInfo(id="ours"))

    service = SimpleNamespace(describe_namespace=describe_namespace)
    client = cast(Client, SimpleNamespace(namespace="default", workflow_service=service))
    relaying = asyncio.create_task(Relay(ledger, client).run())
    with anyio.fail_after(PATIENCE_S):
        await asyncio.wait({relaying})
    assert relaying.cancelled()
