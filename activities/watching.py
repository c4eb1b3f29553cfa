"""Looking after all resting orders of an account in one batch, and telling their trades."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities import policies
from activities.hints import Hint, Hints
from domain.errors import OrderMismatch
from domain.names import TASK_QUEUE, WATCH_WORKFLOW, trade_workflow_id, watch_workflow_id
from domain.orders import OrderReport, OrderStanding, Resting
from venues.venue import Venues, venue_of

if TYPE_CHECKING:
    from ledger.ledger import Ledger

ORDER_CHANGED = "order_changed"
LOOK_AGAIN = "look_again"


class Watching:
    """Watches accounts. Messages are hints without amounts: what is true stands in the ledger."""

    def __init__(self, ledger: Ledger, venues: Venues, client: Client, hints: Hints) -> None:
        self._ledger, self._venues, self._client, self._hints = ledger, venues, client, hints

    @activity.defn
    async def watch_orders(self, account: str) -> int:
        """Look up every resting order of the account, merge what changed, tell the trades; how many still rest.

        Where the venue itself tells of changes, look at once at what it names, for some seconds; nothing else is made
        of its word.
        """
        hint = self._hints.get(account) or Hint()
        heard, resting = hint.heard, await self._look(account, hint)
        end, early = datetime.now(UTC) + timedelta(seconds=policies.WAIT_FOR_HINT_S), Early()
        while resting and not activity.is_worker_shutdown():
            left = end - datetime.now(UTC)
            wait = min(left, policies.HINTED_EARLY_PAUSE) if early.ids else left
            if left <= timedelta(0) or not (await _is_hinted(hint, heard, wait) or early.ids):
                break
            heard, named = hint.heard, hint.take()
            if named is None:
                return await self._look(account, hint)
            early.look_for(named)
            early.found(await self._look_at(account, early.ids))
            resting = await self._ledger.orders.count_resting(account)
        return resting

    @activity.defn
    async def ask_to_watch(self, account: str) -> None:
        """Make sure that the account's watcher runs, and looks once more before it ends."""
        await start_watcher(self._client, account, activity.info().task_queue)

    async def _look(self, account: str, hint: Hint) -> int:
        """Look all of them up; what was told of until now is seen by that."""
        hint.take()
        heard, resting = hint.heard, await self._ledger.orders.resting(account)
        changes = await self._report(account, resting)
        if resting:
            hint.look_found(changes, heard)
        return len(resting)

    async def _look_at(self, account: str, venue_order_ids: Collection[str]) -> Collection[str]:
        """Look up those of the orders that rest here; which ones these were."""
        resting = await self._ledger.orders.resting(account, venue_order_ids)
        await self._report(account, resting)
        return {order.venue_order_id for order in resting}

    async def _report(self, account: str, resting: Sequence[Resting]) -> int:
        """Merge what changed, and tell the trades; how many changed."""
        trades = {order.order_id: order.trade_id for order in resting}
        reports = await venue_of(self._venues, account).report_open(resting) if resting else ()
        for report in reports:
            await book_report(self._ledger, report, trades[report.order_id])
        await tell_trades(self._client, self._ledger, account)
        return len(reports)


class Early:
    """Orders that were told of, and that no book of ours knows yet: the answer to the order itself may come later."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    @property
    def ids(self) -> frozenset[str]:
        now = datetime.now(UTC)
        return frozenset(venue_order_id for venue_order_id, end in self._until.items() if now < end)

    def look_for(self, venue_order_ids: Collection[str]) -> None:
        end = datetime.now(UTC) + policies.HINTED_EARLY
        self._until |= dict.fromkeys(venue_order_ids, end)

    def found(self, venue_order_ids: Collection[str]) -> None:
        self._until = {one: end for one, end in self._until.items() if one in self.ids and one not in venue_order_ids}


async def _is_hinted(hint: Hint, heard: int, longest: timedelta) -> bool:
    """Wait until more is heard than that; not for long, not on a dead channel, and not when this worker stops."""
    waits = (hint.more_than(heard), activity.wait_for_worker_shutdown())
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=longest.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    return hint.heard > heard


async def book_report(ledger: Ledger, report: OrderReport, trade_id: str) -> OrderStanding | None:
    """Merge one report; one that cannot be booked calls a person, holds up no other, and gives None."""
    # Workflows import this module, and no database.
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    try:
        return await ledger.reports.merge(report, tell=True)
    except OperationalError:
        # The ledger is away, for all of them.
        raise
    except (OrderMismatch, SQLAlchemyError, ArithmeticError, ValueError) as error:
        activity.logger.warning("report_not_booked trade_id=%s error=%s", trade_id, type(error).__name__)
        unbooked = f"its report cannot be booked ({type(error).__name__})"
        why = str(error) if isinstance(error, OrderMismatch) else unbooked
        await ledger.trades.mark_unresolved(trade_id, why)
        return None


async def tell_trades(client: Client, ledger: Ledger, account: str) -> None:
    """Tell the account's trades whose order has changed since they were told."""
    untold = await ledger.orders.untold(account)
    for trade_id in untold:
        handle = client.get_workflow_handle(trade_workflow_id(trade_id))
        try:
            await handle.signal(ORDER_CHANGED)
        except RPCError as error:
            # A trade that has ended needs no word.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    if untold:
        await ledger.orders.mark_told(untold)


async def start_watcher(client: Client, account: str, task_queue: str = TASK_QUEUE) -> None:
    """Start the account's watcher, or wake the one that runs."""
    await client.start_workflow(
        WATCH_WORKFLOW,
        account,
        id=watch_workflow_id(account),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=LOOK_AGAIN,
        static_summary=f"Watches the resting orders of {account}",
    )
