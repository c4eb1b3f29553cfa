"""Looking after all resting orders of an account in one batch, and telling their trades."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities import policies
from activities.hints import Hint, Hints
from domain.errors import OrderMismatch
from domain.names import TASK_QUEUE, WATCH_WORKFLOW, trade_workflow_id, watch_workflow_id
from domain.orders import OrderReport
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

        Where the venue itself tells of changes, wait for one and look at once; nothing else is made of its word.
        """
        hint = self._hints.get(account) or Hint()
        heard, resting = hint.heard, await self._look(account, hint)
        if resting and await _is_hinted(hint, heard):
            resting = await self._look(account, hint)
        return resting

    @activity.defn
    async def ask_to_watch(self, account: str) -> None:
        """Make sure that the account's watcher runs, and looks once more before it ends."""
        await start_watcher(self._client, account, activity.info().task_queue)

    async def _look(self, account: str, hint: Hint) -> int:
        heard, standings = hint.heard, await self._ledger.orders.resting(account)
        if standings:
            trades = {standing.order.order_id: standing.order.trade_id for standing in standings}
            reports = await venue_of(self._venues, account).report_open(standings)
            for report in reports:
                await self._merge(report, trades[report.order_id])
            hint.look_found(len(reports), heard)
        await self._tell(await self._ledger.orders.untold(account))
        return len(standings)

    async def _merge(self, report: OrderReport, trade_id: str) -> None:
        """Merge one report; one that cannot be booked calls a person, and holds up no other."""
        # Workflows import this module, and no database.
        from sqlalchemy.exc import OperationalError, SQLAlchemyError

        try:
            await self._ledger.reports.merge(report, tell=True)
        except OperationalError:
            # The ledger is away, for all of them.
            raise
        except (OrderMismatch, SQLAlchemyError, ArithmeticError, ValueError) as error:
            activity.logger.warning("report_not_booked trade_id=%s error=%s", trade_id, type(error).__name__)
            unbooked = f"its report cannot be booked ({type(error).__name__})"
            why = str(error) if isinstance(error, OrderMismatch) else unbooked
            await self._ledger.trades.mark_unresolved(trade_id, why)

    async def _tell(self, untold: Mapping[str, int]) -> None:
        for trade_id in untold:
            handle = self._client.get_workflow_handle(trade_workflow_id(trade_id))
            try:
                await handle.signal(ORDER_CHANGED)
            except RPCError as error:
                # A trade that has ended needs no word.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        if untold:
            await self._ledger.orders.mark_told(untold)


async def _is_hinted(hint: Hint, heard: int) -> bool:
    """Wait until more is heard than that; not for long, not on a dead channel, and not when this worker stops."""
    waits = (hint.more_than(heard), activity.wait_for_worker_shutdown())
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=policies.WAIT_FOR_HINT_S, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    return hint.heard > heard


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
