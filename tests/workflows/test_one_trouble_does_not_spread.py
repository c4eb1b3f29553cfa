"""A row that is lost, a report that cannot be booked: it is said once, and holds up nobody else."""

from decimal import Decimal
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.watching import Watching
from domain.errors import LedgerBehind
from domain.orders import Order
from ledger.ledger import Ledger
from tests.fakes import FakeVenue
from tests.worlds import PAPER, a_fill, a_report, a_signal, an_alert, an_order, some_limits, some_rules
from worker.building import Translating

pytestmark = pytest.mark.anyio


class Behind(ActivityInboundInterceptor):
    """A step whose rows are gone."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        raise LedgerBehind("the ledger has no trade t-1")


class Deaf:
    """A Temporal whose trades hear nothing."""

    def get_workflow_handle(self, _: str) -> "Deaf":
        return self

    async def signal(self, _: str) -> None:
        """Nobody is there."""


async def test_a_halt_for_lost_rows_does_not_come_back_after_it_was_lifted(ledger: Ledger) -> None:
    step = Translating(ledger).intercept_activity(Behind())
    asked = cast(ExecuteActivityInput, None)
    halts = []
    for _ in range(2):
        with pytest.raises(ApplicationError, match="no trade t-1"):
            await ActivityEnvironment().run(step.execute_activity, asked)
        halts.append((await ledger.switches.halt()).is_on)
        await ledger.switches.set_halt(False, "looked at", "ann")
    assert halts == [True, False]


async def resting_order(ledger: Ledger) -> Order:
    signal = a_signal(limit_price=Decimal(2400), amount=Decimal(24))
    await ledger.signals.keep(an_alert(), signal)
    await ledger.trades.open(signal.trade_id, some_rules())
    order = an_order(signal, limit_price=Decimal(2400))
    await ledger.orders.size(order, "tests", some_limits())
    await ledger.reports.merge(a_report(order, "open"))
    return order


async def test_a_report_that_cannot_be_booked_calls_a_person_and_hides_no_other(ledger: Ledger) -> None:
    orders = [await resting_order(ledger) for _ in range(3)]
    venue = FakeVenue()
    # The venue gives one fill to two orders.
    for order, fill_id in zip(orders, ("f-1", "f-1", "f-2"), strict=True):
        venue.reports[order.order_id] = a_report(order, "filled", a_fill(fill_id, str(order.base_qty), "2400"))
    watching = Watching(ledger, {PAPER.name: venue}, cast(Client, Deaf()), {})
    assert await ActivityEnvironment().run(watching.watch_orders, PAPER.name) == 3
    finals = [(await ledger.orders.standing(order.order_id)).final for order in orders]
    assert finals == [True, False, True]
    sheet = await ledger.reading.trade(orders[1].trade_id)
    assert sheet is not None
    assert [event.stop for event in sheet.timeline if event.level == "alert"] == ["unresolved"]
