"""One signal, one trade: quote, size, place, await the end, record."""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities import policies
    from domain.errors import CancelRequested, GiveUp, QuoteStale, SettlementRefused
    from domain.names import TRADE_WORKFLOW
    from domain.orders import OrderStanding
    from domain.outcomes import Outcome, conclude, without_order
    from domain.quotes import best_route
    from domain.settlements import Settlement
    from domain.trades import OpenedTrade, TradeResult, TradeStart

from workflows import steps
from workflows.pauses import Pauses
from workflows.visible import Story


@workflow.defn(name=TRADE_WORKFLOW)
class TradeWorkflow:
    """A trade ends as a result, also when it is refused. A failed run always means that an engineer is needed."""

    @workflow.init
    def __init__(self, start: TradeStart) -> None:
        self._start, self._trade_id = start, start.trade_id
        self._story = Story(start.signal, indexed=start.indexed)
        self._standing: OrderStanding | None = None
        self._cancel_reason: str | None = None
        self._cancel_noted = False
        self._changed = False
        self._watched = False
        self._patience = self._freshness = timedelta(0)

    @workflow.run
    async def run(self, start: TradeStart) -> TradeResult:
        return await self._uncancelled(self._trip())

    @workflow.signal(description="Cancel the trade: nothing more is sent, a live order is ended. Input: the reason.")
    def cancel(self, reason: str = "cancelled by a message") -> None:
        self._cancel_reason = self._cancel_reason or reason

    @workflow.signal(description="A hint that the order has changed; the trade reads the ledger. No input.")
    def order_changed(self) -> None:
        self._changed = True

    @workflow.update(description="A person says what became of an order of which nobody can tell. Input: a Settlement.")
    async def settle(self, settlement: Settlement) -> OrderStanding:
        """Where the order stands then. A word that does not fit the books is refused; the trade goes on as before."""
        try:
            standing = await steps.settle(self._trade_id, settlement)
        except FailureError as error:
            code, reason = _said_by(error)
            raise ApplicationError(reason, type=code, non_retryable=True) from error
        self._changed = True
        return standing

    @settle.validator
    def _may_settle(self, settlement: Settlement) -> None:
        if self._standing is None:
            text = "the trade has no order yet; cancel it instead, or try again in a moment"
            raise ApplicationError(text, type=SettlementRefused.__name__, non_retryable=True)

    async def _trip(self) -> TradeResult:
        try:
            trade = await self._open()
            if trade.outcome is not None:
                return await self._over(trade.outcome)
            placed = await self._place(trade.standing or await self._decide_on_a_fresh_quote(trade))
            outcome = await self._await_end(placed)
        except (FailureError, GiveUp) as error:
            outcome = await self._make_safe(error)
        return await self._over(await steps.close_trade(self._trade_id, outcome))

    async def _open(self) -> OpenedTrade:
        trade = await steps.open_trade(self._trade_id)
        self._patience = timedelta(seconds=trade.rules.unresolved_alert_s)
        self._freshness = timedelta(seconds=trade.rules.max_signal_age_s)
        self._cancel_reason = self._cancel_reason or trade.cancel_reason
        self._standing = trade.standing
        if trade.outcome is None:
            self._story.opened(trade)
        return trade

    async def _decide_on_a_fresh_quote(self, trade: OpenedTrade) -> OrderStanding:
        """Decide; a few times when the quote grew old on its way to us: that was our plumbing, not the market."""
        for _ in range(policies.QUOTES_AT_MOST - 1):
            try:
                return await self._decide(trade)
            except ApplicationError as error:
                if error.type != QuoteStale.__name__ or workflow.now() > trade.signal.asked_at + self._freshness:
                    raise
        return await self._decide(trade)

    async def _decide(self, trade: OpenedTrade) -> OrderStanding:
        await self._stop_if_cancelled()
        route = best_route(await steps.fetch_quotes(trade))
        self._story.routed(route.reason)
        await self._stop_if_cancelled()
        self._standing = await steps.size_order(trade, route)
        self._story.sized(self._standing)
        return self._standing

    async def _place(self, standing: OrderStanding) -> OrderStanding:
        """Get the order out. A submit in flight is never cancelled: the gate closes behind it, and it is awaited."""
        if standing.final or standing.venue_order_id is not None:
            return standing
        placing = steps.start_placing(standing.order, self._freshness)
        await workflow.wait_condition(lambda: placing.done() or self._cancel_reason is not None)
        await self._note_cancel()
        return self._learn(await placing)

    async def _await_end(self, standing: OrderStanding) -> Outcome:
        """Wait for the end of an order that may exist: a market order with looks of our own, a limit order at rest."""
        if standing.order.kind == "market" and standing.venue_order_id is not None and not standing.final:
            standing = await self._look(steps.watch_fill(standing.order), standing)
        pauses = Pauses(self._patience)
        while not standing.final:
            if why := self._why_end(standing):
                return await self._end(standing, *why)
            if standing.order.kind == "limit" and standing.venue_order_id is not None:
                standing = await self._rest(standing)
            else:
                standing = await self._wait_to_look_again(standing, pauses, _doubt_about(standing))
                if not standing.final:
                    standing = await self._look(steps.look_up_order(standing.order), standing)
            self._renew_if_long()
        return conclude(standing, *self._why_cancelled(standing))

    async def _make_safe(self, error: FailureError | GiveUp) -> Outcome:
        """Say what is true after something gave up; an order that may exist is ended first."""
        code, reason = _said_by(error)
        if self._standing is None:
            return without_order(code, reason)
        return await self._end(self._standing, code, reason)

    async def _end(self, standing: OrderStanding, code: str, reason: str) -> Outcome:
        """End the order, and look until it is final."""
        pauses = Pauses(self._patience)
        while True:
            await self._note_cancel()
            standing = await self._look(steps.end_order(standing.order, code, reason), standing)
            if not standing.final:
                trouble = f"it is not certain that the order has ended ({reason})"
                standing = await self._wait_to_look_again(standing, pauses, trouble)
            if standing.final:
                return conclude(standing, code, reason)
            self._renew_if_long()

    async def _rest(self, standing: OrderStanding) -> OrderStanding:
        """Wait until the account's watcher has seen a change, or the order's time is up."""
        if not self._watched:
            self._story.rests()
            with suppress(FailureError):
                await steps.ask_to_watch(standing.order.account)
            self._watched = True
        wait, deadline = policies.LOOK_FOR_ITSELF_EVERY, standing.order.rests_until
        if deadline is not None:
            wait = max(min(wait, deadline - workflow.now()), timedelta(0))
        hinted = await self._wait(wait, "the order rests")
        if hinted:
            return await self._read(standing)
        return await self._look(steps.look_up_order(standing.order), standing)

    async def _look(self, look: Awaitable[OrderStanding], known: OrderStanding) -> OrderStanding:
        """What a look at the order shows; what the books say when nobody could be asked for long."""
        try:
            return self._learn(await look)
        except FailureError as error:
            workflow.logger.warning("look_failed order_id=%s error=%s", known.order.order_id, error.cause or error)
        return await self._read(known)

    async def _read(self, known: OrderStanding) -> OrderStanding:
        """What the books say; a hint that came before is heard by that."""
        self._changed = False
        return self._learn(await steps.read_standing(known.order.order_id))

    async def _wait_to_look_again(self, known: OrderStanding, pauses: Pauses, trouble: str) -> OrderStanding:
        """Wait, and call a person when that lasts; a person's word, or another hint, ends the wait."""
        if pauses.patience_is_over():
            self._story.unresolved(trouble)
            await steps.mark_unresolved(self._trade_id, trouble)
        await self._wait(pauses.next(), trouble)
        return await self._read(known) if self._changed else known

    async def _wait(self, longest: timedelta, summary: str) -> bool:
        """Wait for a hint or a request to cancel; False when `longest` has passed without either."""

        def is_called() -> bool:
            return self._changed or (self._cancel_reason is not None and not self._cancel_noted)

        try:
            await workflow.wait_condition(is_called, timeout=longest, timeout_summary=summary)
        except TimeoutError:
            return False
        return True

    def _why_end(self, standing: OrderStanding) -> tuple[str, str] | None:
        if self._cancel_reason is not None:
            return CancelRequested.__name__, self._cancel_reason
        deadline = standing.order.rests_until
        if deadline is not None and workflow.now() >= deadline:
            return "DeadlinePassed", f"not filled by {deadline:%Y-%m-%d %H:%M:%S} UTC"
        return None

    def _why_cancelled(self, standing: OrderStanding) -> tuple[str, str]:
        """Who ended a resting order, if it was somebody who asked us to: we may have been lost before we could say."""
        if self._cancel_reason is not None and standing.order.kind == "limit" and standing.state == "cancelled":
            return CancelRequested.__name__, self._cancel_reason
        return "", ""

    async def _note_cancel(self) -> None:
        """Write a request to cancel down: from then on the gate lets nothing out."""
        if self._cancel_reason is not None and not self._cancel_noted:
            self._cancel_noted = True
            self._story.cancelling(self._cancel_reason)
            await steps.request_cancel(self._trade_id, self._cancel_reason)

    async def _stop_if_cancelled(self) -> None:
        await self._note_cancel()
        if self._cancel_reason is not None:
            raise CancelRequested(self._cancel_reason)

    def _learn(self, standing: OrderStanding) -> OrderStanding:
        self._standing = standing
        self._story.stands(standing)
        return standing

    async def _over(self, outcome: Outcome) -> TradeResult:
        """The end; whoever settles the trade's order meanwhile gets an answer."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._story.closed(outcome)
        return TradeResult(trade_id=self._trade_id, outcome=outcome)

    def _renew_if_long(self) -> None:
        """Go on with a fresh history; the ledger holds where we are."""
        unheard = self._cancel_reason is not None and not self._cancel_noted
        if workflow.info().is_continue_as_new_suggested() and not unheard and workflow.all_handlers_finished():
            workflow.continue_as_new(self._start)

    async def _uncancelled(self, trip: Coroutine[Any, Any, TradeResult]) -> TradeResult:
        """Await the trip whatever happens: Temporal's cancellation is one more request to cancel the trade."""
        going = asyncio.create_task(trip)
        while True:
            try:
                return await asyncio.shield(going)
            except asyncio.CancelledError:
                if going.cancelled():
                    raise
                self.cancel(workflow.cancellation_reason() or "cancelled in Temporal")


def _doubt_about(standing: OrderStanding) -> str:
    if standing.venue_order_id is None:
        return "no answer says whether the order exists"
    return "the venue does not say how the order has ended"


def _said_by(error: FailureError | GiveUp) -> tuple[str, str]:
    """The code and the reason that an error gives to people.

    An activity's error arrives wrapped in an ActivityError, a local activity's as it is.
    """
    if isinstance(error, GiveUp):
        return type(error).__name__, str(error)
    told = error.cause if isinstance(error, ActivityError) else error
    if isinstance(told, ApplicationError):
        return told.type or type(told).__name__, told.message
    return "NoAnswerInTime", f"no answer came in time: {told or error}"
