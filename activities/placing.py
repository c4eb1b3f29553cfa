"""Getting one order onto its venue, seeing what became of it, and ending it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import policies
from domain.attempts import Admission, Answer, Send
from domain.errors import NotConfiguredHere, OrderMismatch, RateLimited, TradeError, VenueUnreachable
from domain.orders import TERMINAL, Order, OrderStanding
from domain.values import Value
from venues.venue import Venues, venue_of

if TYPE_CHECKING:
    from ledger.ledger import Ledger


class EndRequest(Value):
    """An order that is to end, and why."""

    order: Order
    code: str
    reason: str


class Placing:
    """Sends orders through the gate. `epoch`: the Temporal database that drives this worker."""

    def __init__(self, ledger: Ledger, venues: Venues, epoch: int) -> None:
        self._ledger, self._venues, self._epoch = ledger, venues, epoch

    @activity.defn
    async def place_order(self, order: Order) -> OrderStanding:
        """Make `order` live, or learn that it is. Safe to repeat at any moment.

        Raises TryAgain while another attempt may follow; an error with the gate's code when nothing goes out any more.
        """
        venue = venue_of(self._venues, order.account)
        prepared = await venue.prepare(order, generation=1)
        ticket = venue.open_attempt()
        send = Send(
            prepared=prepared,
            fence_at=ticket.fence_at,
            resend_window=venue.resend_window,
            epoch=self._epoch,
        )
        admission = await self._ledger.orders.admit(send)
        if admission.look_up_first:
            standing = await self._look_up_before_sending(order, admission)
            if standing.venue_order_id or standing.final or admission.attempt is None:
                return standing
        if admission.attempt is None:
            return await self._turned_away(order, admission)
        answer = await venue.submit(admission.prepared, ticket)
        standing = await self._ledger.orders.answer(admission.attempt, answer)
        _raise_to_try_again(standing, answer)
        return await self._first_look(order, admission, standing) or standing

    @activity.defn
    async def watch_fill(self, order: Order) -> OrderStanding:
        """Look the order up, with short pauses, until it is final or some seconds have passed."""
        pause_s = policies.WATCH_FILL_FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        end = loop.time() + policies.WATCH_FILL_FOR_S
        while True:
            standing = await self.look_up_order(order)
            if standing.final or standing.venue_order_id is None or loop.time() + pause_s > end:
                return standing
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, policies.WATCH_FILL_LAST_PAUSE_S)

    @activity.defn
    async def look_up_order(self, order: Order) -> OrderStanding:
        """Ask the venue about the order and merge what it says; conclude "not placed" only if that is proven."""
        orders = self._ledger.orders
        known = await orders.known(order.order_id)
        if known.standing.final or known.prepared is None or not known.attempts:
            return known.standing
        if not any(attempt.may_be_live for attempt in known.attempts):
            return await orders.conclude_unplaced(order.order_id, None)
        venue, sent_at = venue_of(self._venues, order.account), known.attempts[0].admitted_at
        where = known.standing.venue_order_id or known.found_as
        found = await venue.report(order, known.prepared, where, sent_at)
        if found.report is not None:
            return await self._ledger.reports.merge(found.report)
        # A look at one place proves nothing about all others.
        return await orders.conclude_unplaced(order.order_id, found.began_at if where is None else None)

    @activity.defn
    async def end_order(self, request: EndRequest) -> OrderStanding:
        """Let nothing more of the order happen: close the gate, cancel at the venue, look it up. Repeat until final."""
        order = request.order
        standing = await self._ledger.orders.close_gate(order.order_id, request.code, request.reason)
        # An order that differs from what was asked is still ours to end.
        with suppress(OrderMismatch):
            standing = await self.look_up_order(order)
        if standing.state in TERMINAL or standing.venue_order_id is None:
            return standing
        said = await venue_of(self._venues, order.account).cancel(standing.venue_order_id)
        activity.logger.info("cancel_sent order_id=%s answer=%s", order.order_id, said)
        return await self.look_up_order(order)

    async def _first_look(self, order: Order, admission: Admission, placed: OrderStanding) -> OrderStanding | None:
        """A market order is over by now as a rule, and needs no watching then; if nobody can tell, it is watched."""
        sent = admission.attempt
        if order.kind != "market" or sent is None or placed.venue_order_id is None or placed.final:
            return None
        venue = venue_of(self._venues, order.account)
        with suppress(TradeError, TimeoutError):
            async with asyncio.timeout(policies.FIRST_LOOK_S):
                found = await venue.report(order, admission.prepared, placed.venue_order_id, sent.admitted_at)
                if found.report is not None:
                    return await self._ledger.reports.merge(found.report)
        return None

    async def _look_up_before_sending(self, order: Order, admission: Admission) -> OrderStanding:
        """Look up while an attempt is admitted; if the order is there, or nobody can tell, it sends nothing."""
        try:
            standing = await self.look_up_order(order)
        except Exception:
            await self._not_sent(admission, "not sent: the look-up before it failed")
            raise
        if standing.venue_order_id or standing.final:
            await self._not_sent(admission, "not sent: the order is at the venue already")
        return standing

    async def _not_sent(self, admission: Admission, evidence: str) -> None:
        if admission.attempt is not None:
            await self._ledger.orders.answer(admission.attempt, Answer(verdict="not_placed", evidence=evidence))

    async def _turned_away(self, order: Order, admission: Admission) -> OrderStanding:
        orders = self._ledger.orders
        standing = await orders.standing(order.order_id)
        if standing.final:
            return standing
        if not admission.closed_code:
            # The venue takes no second attempt, and the first did nothing.
            return await orders.conclude_unplaced(order.order_id, None)
        if admission.closed_code == "OtherTemporal":
            raise NotConfiguredHere(admission.closed_because)
        raise ApplicationError(admission.closed_because, type=admission.closed_code, non_retryable=True)


def _raise_to_try_again(standing: OrderStanding, answer: Answer) -> None:
    if standing.final or standing.venue_order_id:
        return
    if answer.verdict == "not_placed" and answer.reason_code == RateLimited.__name__:
        raise RateLimited(answer.evidence, answer.retry_after_s)
    if answer.verdict in ("not_placed", "unknown"):
        raise VenueUnreachable(answer.evidence)
