"""Issue: unknown orders have an owner. A trade that nobody can tell about ends by evidence, or by a person."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.errors import VenueUnreachable
from domain.orders import OrderStanding
from domain.settlements import Settlement
from ledger.ledger import Ledger
from tests.fakes import FakeVenue, fill_silently, nothing, rest
from tests.workflows.conftest import Desk, Handle, open_desk
from tests.worlds import a_signal, some_rules
from workflows.trade import TradeWorkflow

pytestmark = pytest.mark.anyio

SOON = some_rules(unresolved_alert_s=1)
Settle = Callable[[Desk, Handle, Settlement], Awaitable[None]]


def a_settlement(kind: str = "never_placed", **changes: Any) -> Settlement:
    return Settlement(**{"by": "ann", "reason": "seen on the venue's page", "kind": kind, **changes})


def venue_that_says_nothing(**changes: Any) -> FakeVenue:
    """Nothing that it lacks proves anything: its attempts have no end."""
    return FakeVenue(nothing, resend_window=None, fence=None, **changes)


async def by_update(desk: Desk, handle: Handle, settlement: Settlement) -> None:
    standing = await handle.execute_update("settle", settlement, result_type=OrderStanding)
    assert standing == await desk.ledger.orders.standing(standing.order.order_id)


async def by_api(desk: Desk, handle: Handle, settlement: Settlement) -> None:
    await desk.ledger.settlements.settle(handle.id.removeprefix("trade-"), settlement)
    await handle.signal(TradeWorkflow.order_changed)


@pytest.fixture(params=[by_update, by_api])
def settle(request: pytest.FixtureRequest) -> Settle:
    chosen: Settle = request.param
    return chosen


async def unresolved(desk: Desk, signal: Any = None) -> Handle:
    """A trade of which nobody can tell."""
    handle = await desk.start(signal)
    await desk.until(handle, lambda sheet: sheet.unresolved_since is not None)
    return handle


async def ended(desk: Desk, handle: Handle) -> tuple[str, str, Decimal]:
    result = await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    sheet = await desk.sheet(handle)
    assert sheet.outcome == result.outcome
    assert all(line.usd_reserved == 0 for line in await desk.ledger.reading.budgets())
    return result.outcome.kind, result.outcome.code, result.outcome.filled_base


async def refusal(handle: Handle, settlement: Settlement) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update("settle", settlement)
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "SettlementRefused"
    return cause.message


async def test_an_order_that_was_never_placed_ends_its_trade(
    temporal: WorkflowEnvironment, ledger: Ledger, settle: Settle
) -> None:
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        await settle(desk, handle, a_settlement())
        assert await ended(desk, handle) == ("refused", "NotPlaced", Decimal(0))
    assert len(desk.venue.submits) == 1


async def test_what_a_person_saw_filled_is_the_trades_outcome(
    temporal: WorkflowEnvironment, ledger: Ledger, settle: Settle
) -> None:
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        await settle(desk, handle, a_settlement("filled", filled_base="0.01", price="2500", fee="0.1"))
        assert await ended(desk, handle) == ("filled", "", Decimal("0.01"))
    (position,) = await ledger.reading.positions()
    assert (position.base_qty, position.cost) == (Decimal("0.01"), Decimal("25.1"))


async def test_an_order_that_a_person_found_is_looked_up_there_and_ends_by_evidence(
    temporal: WorkflowEnvironment, ledger: Ledger, settle: Settle
) -> None:
    venue = FakeVenue(fill_silently, resend_window=None, fence=None, hides=True)
    async with open_desk(temporal, ledger, venue, SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        await settle(desk, handle, a_settlement("found", venue_order_id="v-mistyped"))
        await desk.until(handle, lambda sheet: desk.venue.look_ups > 0)
        (report,) = venue.reports.values()
        await settle(desk, handle, a_settlement("found", venue_order_id=report.venue_order_id))
        assert await ended(desk, handle) == ("filled", "", Decimal("0.01"))
    assert len(venue.submits) == 1
    sheet = await desk.sheet(handle)
    assert [event.stop for event in sheet.timeline if event.level == "alert"] == ["unresolved", "settled", "settled"]


async def test_a_limit_order_that_a_person_found_rests_until_it_is_cancelled(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    def rest_silently(venue: FakeVenue, order: Any, sent: Any) -> Any:
        rest(venue, order, sent)
        return nothing(venue, order, sent)

    venue = FakeVenue(rest_silently, resend_window=None, fence=None, hides=True)
    async with open_desk(temporal, ledger, venue, SOON, real_time=True) as desk:
        handle = await unresolved(desk, a_signal(limit_price=Decimal(2400), amount=Decimal(24)))
        (report,) = venue.reports.values()
        await by_update(desk, handle, a_settlement("found", venue_order_id=report.venue_order_id))
        await desk.until(handle, lambda sheet: sheet.orders[0].state == "open")
        assert venue.cancels == []
        await handle.signal(TradeWorkflow.cancel, "enough")
        assert await ended(desk, handle) == ("cancelled", "CancelRequested", Decimal(0))
    assert len(venue.submits) == len(venue.cancels) == 1


async def test_a_word_that_does_not_fit_is_refused_and_the_trade_goes_on(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        too_much = a_settlement("filled", filled_base="5", price="2500")
        assert "state at most 0.01" in await refusal(handle, too_much)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await by_update(desk, handle, a_settlement())
        assert await ended(desk, handle) == ("refused", "NotPlaced", Decimal(0))


async def test_what_is_typed_into_the_temporal_ui_is_read_exactly_or_refused(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    typed = {"by": "ann", "reason": "seen", "kind": "filled", "filled_base": "0.01", "price": "2500.10", "fee": "0.1"}
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        for wrong in ({**typed, "price": 2500.10}, {**typed, "amount": "1"}, {"kind": "never_placed"}, "never placed"):
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update("settle", wrong)
        await handle.execute_update("settle", typed)
        assert await ended(desk, handle) == ("filled", "", Decimal("0.01"))
    assert (await desk.sheet(handle)).fills[0].price == Decimal("2500.10")


async def test_a_trade_without_an_order_has_nothing_to_settle(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    venue = FakeVenue()
    venue.quote_error = VenueUnreachable("no answer in 5 s")
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start()
        assert "no order yet" in await refusal(handle, a_settlement())
        venue.quote_error = None
        assert await ended(desk, handle) == ("filled", "", Decimal("0.01"))


async def test_while_the_submit_is_in_flight_nothing_is_called_never_placed(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue = FakeVenue()
    venue.let_submit.clear()
    async with open_desk(temporal, ledger, venue, real_time=True) as desk:
        handle = await desk.start()
        await venue.submitting.wait()
        assert "may still arrive" in await refusal(handle, a_settlement())
        venue.let_submit.set()
        assert await ended(desk, handle) == ("filled", "", Decimal("0.01"))


async def test_a_settled_trade_closes_though_no_worker_has_the_keys_of_its_account_any_more(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        desk.venues.clear()
        await ledger.settlements.settle(handle.id.removeprefix("trade-"), a_settlement())
        assert await ended(desk, handle) == ("refused", "NotPlaced", Decimal(0))


async def test_a_trade_that_was_settled_while_its_workflow_was_gone_closes_when_it_is_back(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    async with open_desk(temporal, ledger, venue_that_says_nothing(), SOON, real_time=True) as desk:
        handle = await unresolved(desk)
        await handle.terminate()
        await ledger.settlements.settle(handle.id.removeprefix("trade-"), a_settlement())
        signal = (await desk.sheet(handle)).signal
        again = await desk.start_kept(signal)
        assert await ended(desk, again) == ("refused", "NotPlaced", Decimal(0))
    assert len(desk.venue.submits) == 1
