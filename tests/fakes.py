"""A venue in memory, for tests of what is above venues. It does what it is told, and counts what it was asked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.attempts import Answer
from domain.audits import FoundOrder
from domain.orders import Fill, LookUp, Order, OrderReport, OrderState, Prepared, Resting
from domain.pairs import Pair
from domain.quotes import Quote
from domain.signals import Action
from tests.worlds import a_fill, a_quote, a_report, prepared
from venues.venue import Ticket

Step = Callable[["FakeVenue", Order, Prepared], Answer]


def fill_at_once(venue: "FakeVenue", order: Order, sent: Prepared) -> Answer:
    return venue.accept(order, sent, "filled", a_fill(f"f-{sent.client_order_id}", str(order.base_qty)))


def rest(venue: "FakeVenue", order: Order, sent: Prepared) -> Answer:
    return venue.accept(order, sent, "open")


def fill_silently(venue: "FakeVenue", order: Order, sent: Prepared) -> Answer:
    fill_at_once(venue, order, sent)
    return Answer(verdict="unknown", evidence="the answer was lost")


def nothing(venue: "FakeVenue", order: Order, sent: Prepared) -> Answer:
    return Answer(verdict="unknown", evidence="lost on its way")


def reject(venue: "FakeVenue", order: Order, sent: Prepared) -> Answer:
    return Answer(verdict="rejected", reason_code="FundsInsufficient", evidence="INSUFFICIENT_FUND")


class FakeVenue:
    """`steps`: what each submit does, in turn; the last one repeats.

    `fence`: how long an attempt lives; None: for ever. `hides`: orders are shown only to who has the venue's id.
    """

    name = "coinbase"

    def __init__(
        self,
        *steps: Step,
        resend_window: timedelta | None = timedelta(seconds=30),
        fence: timedelta | None = timedelta(seconds=12),
        hides: bool = False,
    ) -> None:
        self.resend_window, self.fence, self.hides = resend_window, fence, hides
        self.steps = list(steps) or [fill_at_once]
        self.submits: list[Prepared] = []
        self.cancels: list[str] = []
        self.reports: dict[str, OrderReport] = {}
        self.batches = 0
        self.look_ups = 0
        self.quote_error: Exception | None = None
        self.quote_ages: list[timedelta] = []
        self.quotes = 0
        self.report_error: Exception | None = None
        self.sellable = Decimal(2)
        self.balance = {"ETH": Decimal(1_000), "USD": Decimal(1_000_000)}
        self.strangers: list[FoundOrder] = []
        self.listings = 0
        self.clock_ahead = timedelta(0)
        self.submitting = asyncio.Event()
        self.let_submit = asyncio.Event()
        self.let_submit.set()
        self._orders: dict[str, Order] = {}

    def accept(self, order: Order, sent: Prepared, state: OrderState, *fills: Fill) -> Answer:
        report = a_report(order, state, *fills, venue_order_id=f"v-{sent.client_order_id}")
        self.reports.setdefault(sent.client_order_id, report)
        return Answer(verdict="accepted", venue_order_id=self.reports[sent.client_order_id].venue_order_id)

    def now_says(self, order_id: str, state: OrderState, *fills: Fill) -> None:
        """From now on the venue reports this of the order."""
        for client_id, report in self.reports.items():
            if report.order_id == order_id:
                order = self._orders[client_id]
                self.reports[client_id] = a_report(order, state, *fills, venue_order_id=report.venue_order_id)

    async def quote(self, pair: Pair, action: Action) -> Quote:
        if self.quote_error is not None:
            raise self.quote_error
        self.quotes += 1
        age = self.quote_ages.pop(0) if self.quote_ages else timedelta(0)
        quoted_at = datetime.now(UTC) - age
        return a_quote(action=action, quoted_at=quoted_at, sellable=self.sellable if action == "SELL" else None)

    async def prepare(self, order: Order, generation: int) -> Prepared:
        made = prepared(order, generation)
        self._orders[made.client_order_id] = order
        return made

    def open_attempt(self) -> Ticket:
        return Ticket(fence_at=datetime.now(UTC) + self.fence if self.fence else None, credential="secret")

    async def submit(self, prepared: Prepared, ticket: Ticket) -> Answer:
        self.submits.append(prepared)
        self.submitting.set()
        await self.let_submit.wait()
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return step(self, self._orders[prepared.client_order_id], prepared)

    async def report(self, order: Order, prepared: Prepared, venue_order_id: str | None, sent_at: datetime) -> LookUp:
        self.look_ups += 1
        if self.report_error is not None:
            raise self.report_error
        found = self.reports.get(prepared.client_order_id)
        if found is not None and venue_order_id != found.venue_order_id and (self.hides or venue_order_id is not None):
            found = None
        return LookUp(report=found, began_at=datetime.now(UTC) + self.clock_ahead)

    async def report_open(self, resting: Sequence[Resting]) -> Sequence[OrderReport]:
        self.batches += 1
        ids = {order.venue_order_id for order in resting}
        return [report for report in self.reports.values() if report.venue_order_id in ids]

    async def orders_since(self, since: datetime) -> Sequence[FoundOrder]:
        self.listings += 1
        if self.report_error is not None:
            raise self.report_error
        return [*self.strangers, *(_found(client_id, report) for client_id, report in self.reports.items())]

    async def balances(self) -> Mapping[str, Decimal]:
        return self.balance

    async def cancel(self, venue_order_id: str) -> str:
        self.cancels.append(venue_order_id)
        for client_id, report in self.reports.items():
            if report.venue_order_id == venue_order_id and report.state == "open":
                self.reports[client_id] = report.model_copy(update={"state": "cancelled"})
        return "accepted"

    async def aclose(self) -> None:
        """Nothing to close."""


def _found(client_id: str, report: OrderReport) -> FoundOrder:
    return FoundOrder(
        client_order_id=client_id,
        venue_order_id=report.venue_order_id,
        headline=f"{report.action} {report.pair}",
        state=report.state,
        filled_base=report.filled_base,
        filled_quote=report.filled_quote,
        fee=report.fee,
        fills=report.fills,
    )
