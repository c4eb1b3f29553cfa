"""A hint that names orders is looked into at once, and no other order is: there may be thousands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities import policies
from activities.hints import Hint
from activities.watching import Watching
from domain.orders import Order
from ledger.ledger import Ledger
from tests.fakes import FakeVenue
from tests.ledger.conftest import sized_order
from tests.worlds import PAPER, a_report, a_signal

pytestmark = pytest.mark.anyio


class Watched(FakeVenue):
    """Remembers which orders each look was about."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[set[str]] = []

    async def report_open(self, resting):  # type: ignore[no-untyped-def]  # as the fake has it
        self.looks.append({order.venue_order_id for order in resting})
        return await super().report_open(resting)


async def rests(ledger: Ledger, venue_order_id: str) -> Order:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "open", venue_order_id=venue_order_id))
    return order


@asynccontextmanager
async def watching(
    temporal: WorkflowEnvironment, ledger: Ledger, venue: Watched, hint: Hint
) -> AsyncIterator[asyncio.Task[int]]:
    """The watch of the account, after its look at everything."""
    hint.set_live(True)
    environment = ActivityEnvironment()
    watch = Watching(ledger, {PAPER.name: venue}, temporal.client, {PAPER.name: hint})
    look = asyncio.create_task(environment.run(watch.watch_orders, PAPER.name))
    await until(lambda: len(venue.looks) == 1)
    yield look
    environment.worker_shutdown()
    await look


async def until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
            await anyio.sleep(0.01)


async def test_only_the_order_that_a_hint_names_is_looked_up(temporal: WorkflowEnvironment, ledger: Ledger) -> None:
    venue, hint = Watched(), Hint()
    for venue_order_id in ("v-1", "v-2", "v-3"):
        await rests(ledger, venue_order_id)
    async with watching(temporal, ledger, venue, hint):
        hint.tell(frozenset({"v-2"}))
        await until(lambda: len(venue.looks) == 2)
    assert venue.looks == [{"v-1", "v-2", "v-3"}, {"v-2"}]


async def test_a_hint_that_may_be_about_any_order_ends_the_watch_with_a_look_at_all(
    temporal: WorkflowEnvironment, ledger: Ledger
) -> None:
    venue, hint = Watched(), Hint()
    for venue_order_id in ("v-1", "v-2"):
        await rests(ledger, venue_order_id)
    async with watching(temporal, ledger, venue, hint) as look:
        hint.tell(frozenset({"v-2"}))
        hint.tell(None)
        assert await look == 2
    assert venue.looks[-1] == {"v-1", "v-2"}


async def test_an_order_that_is_told_of_before_our_books_know_it_is_looked_up_when_they_do(
    temporal: WorkflowEnvironment, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "HINTED_EARLY_PAUSE", policies.HINTED_EARLY_PAUSE / 10)
    venue, hint = Watched(), Hint()
    await rests(ledger, "v-1")
    async with watching(temporal, ledger, venue, hint):
        hint.tell(frozenset({"v-2"}))
        await rests(ledger, "v-2")
        await until(lambda: {"v-2"} in venue.looks)
    assert venue.looks == [{"v-1"}, {"v-2"}]
