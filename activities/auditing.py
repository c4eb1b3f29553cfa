"""Comparing three books - the ledger, Temporal's workflows, the venues - and mending what is certain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities import policies
from activities.watching import book_report, tell_trades
from domain.audits import AuditReport, Difference, LedgerBooks, Look, WorkflowState, named
from domain.comparisons import doubtful_trades, with_temporal, within_budgets, within_ledger
from domain.errors import TradeError
from domain.names import TRADE_WORKFLOW, trade_workflow_id
from domain.records import with_balances, with_venue
from venues.venue import Venue, Venues, venue_of

if TYPE_CHECKING:
    from ledger.ledger import Ledger

_RUNNING = f'WorkflowType = "{TRADE_WORKFLOW}" AND ExecutionStatus = "Running"'
_STATES: dict[WorkflowExecutionStatus, WorkflowState] = {
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.TERMINATED: "ended",
    WorkflowExecutionStatus.TIMED_OUT: "ended",
    WorkflowExecutionStatus.CANCELED: "ended",
}
# A venue is asked for a little more than the ledger is: no two clocks are the same.
_CLOCKS_DIFFER = timedelta(hours=1)


class Auditing:
    """Looks at the books, of every account that this worker has keys for."""

    def __init__(self, ledger: Ledger, venues: Venues, client: Client) -> None:
        self._ledger, self._venues, self._client = ledger, venues, client

    @activity.defn
    async def take_audit(self) -> AuditReport:
        """Compare all books once; what was in motion meanwhile is among what is found. Changes nothing."""
        report = joined(await self._look_at_temporal(), await look_at_budgets(self._ledger))
        for account in await self._ledger.auditing.accounts():
            report = joined(report, await self._look_at_account(account))
        return report

    @activity.defn
    async def record_audit(self, report: AuditReport) -> AuditReport:
        """Mend what is certain, and write down what was found, once; the report with what was mended.

        Mending goes forward only, so that a repeat finds nothing left to do.
        """
        merged: dict[str, bool] = {}
        mended = [await self._mended(difference, merged) for difference in report.differences]
        told = report.model_copy(update={"differences": tuple(mended)})
        await self._ledger.findings.record(told)
        for difference in mended:
            if difference.level == "alert":
                activity.logger.warning(
                    "difference_found code=%s account=%s place=%s what=%s repaired=%s",
                    *(difference.code, difference.account, difference.place, difference.what, difference.repaired),
                )
        return told

    async def _look_at_temporal(self) -> AuditReport:
        began_at = await self._ledger.auditing.now()
        try:
            return await look_at_temporal(self._client, self._ledger)
        except RPCError as error:
            # Its lists can be away while it works.
            return _report(Look(book="temporal", began_at=began_at, trouble=f"Temporal: {error.message}"), [])

    async def _look_at_account(self, account: str) -> AuditReport:
        """The venue is read before the ledger: whatever it had by then is in the books, or is a difference."""
        earlier = await _books(self._ledger, account)
        try:
            return await self._look_at_venue(earlier, venue_of(self._venues, account))
        except TradeError as error:
            trouble = f"{type(error).__name__}: {error}"
            look = Look(book="venue", account=account, began_at=earlier.at, trouble=trouble)
            return joined(_report(look, []), await look_at_ledger(self._ledger, account))

    async def _look_at_venue(self, earlier: LedgerBooks, venue: Venue) -> AuditReport:
        found = await venue.orders_since(earlier.since - _CLOCKS_DIFFER)
        balances = await venue.balances()
        client_ids = [order.client_order_id for order in found]
        books = await self._ledger.auditing.books(earlier.account, earlier.since, client_ids)
        fills = sum(len(order.fills) for order in found)
        look = Look(
            book="venue",
            account=earlier.account,
            began_at=earlier.at,
            checked={"orders": len(found), "fills": fills, "balances": len(balances)},
        )
        differences = [*with_venue(books, found), *with_balances(earlier, books, balances)]
        return joined(_report(look, differences), _within(books))

    async def _mended(self, difference: Difference, merged: dict[str, bool]) -> Difference:
        """The difference, and what was done about it if it was certain what is true. `merged`: orders so far."""
        try:
            repaired = await self._mend(difference, merged)
        except (TradeError, LookupError) as error:
            activity.logger.warning("repair_failed place=%s error=%s", difference.place, error)
            return difference
        return difference.model_copy(update={"repaired": repaired})

    async def _mend(self, difference: Difference, merged: dict[str, bool]) -> str:
        findings, trade_id, order_id = self._ledger.findings, difference.trade_id, difference.order_id
        if difference.repair == "merge" and order_id is not None:
            if order_id not in merged:
                merged[order_id] = await self._merge(order_id)
            return "booked what the venue has on record" if merged[order_id] else ""
        if difference.repair == "settle" and order_id is not None:
            return "settled the reservation" if await findings.settle_reservation(order_id) else ""
        if difference.repair == "start" and trade_id is not None:
            return "the relay starts it again" if await findings.start_again(trade_id) else ""
        return ""

    async def _merge(self, order_id: str) -> bool:
        """Look the order up once more and book what the venue says of it; whether the books agree with it now."""
        known = await self._ledger.orders.known(order_id)
        order, venue_order_id = known.standing.order, known.standing.venue_order_id
        if known.prepared is None or not known.attempts:
            return False
        venue = venue_of(self._venues, order.account)
        found = await venue.report(order, known.prepared, venue_order_id, known.attempts[0].admitted_at)
        if found.report is None:
            return False
        standing = await book_report(self._ledger, found.report, order.trade_id)
        await tell_trades(self._client, self._ledger, order.account)
        agreed = (found.report.state, found.report.filled_base)
        return standing is not None and (standing.state, standing.filled_base) == agreed


async def look_at_ledger(ledger: Ledger, account: str) -> AuditReport:
    """How the books of an account differ from each other."""
    return _within(await _books(ledger, account))


async def look_at_budgets(ledger: Ledger) -> AuditReport:
    """How budgets differ from their reservations."""
    at, budgets = await ledger.auditing.now(), await ledger.auditing.budgets()
    look = Look(book="ledger", began_at=at, checked={"budgets": len(budgets)})
    return _report(look, within_budgets(budgets))


async def look_at_temporal(client: Client, ledger: Ledger) -> AuditReport:
    """How trades and their workflows differ. Raises RPCError and RuntimeError when Temporal does not answer.

    The list of workflows lags a little: what does not fit is looked up by its id.
    """
    began_at = await ledger.auditing.now()
    prefix = trade_workflow_id("")
    running = {run.id.removeprefix(prefix) async for run in client.list_workflows(_RUNNING)}
    books = await ledger.auditing.trades(sorted(running))
    doubtful = sorted(doubtful_trades(books, running, policies.SETTLED_AFTER))
    states = {trade_id: await _state(client, trade_id) for trade_id in doubtful[: policies.MOST_LOOK_UPS]}
    checked = {"workflows": len(running), "trades": len(books.trades)}
    left_out = max(len(doubtful) - policies.MOST_LOOK_UPS, 0)
    look = Look(book="temporal", began_at=began_at, checked=checked, left_out=left_out)
    return _report(look, with_temporal(books, states))


async def _state(client: Client, trade_id: str) -> WorkflowState:
    try:
        described = await client.get_workflow_handle(trade_workflow_id(trade_id)).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return "missing"
    return _STATES.get(described.status, "running") if described.status else "running"


async def _books(ledger: Ledger, account: str) -> LedgerBooks:
    since = await ledger.auditing.window(account, policies.AUDITED_FOR)
    return await ledger.auditing.books(account, since)


def _within(books: LedgerBooks) -> AuditReport:
    checked = {
        "orders": len(books.orders),
        "fills": sum(len(order.fills) for order in books.orders),
        "positions": len(books.positions),
    }
    return _report(Look(book="ledger", account=books.account, began_at=books.at, checked=checked), within_ledger(books))


def _report(look: Look, differences: Sequence[Difference]) -> AuditReport:
    kept, left_out = named(differences)
    look = look.model_copy(update={"left_out": look.left_out + left_out})
    return AuditReport(looks=(look,), differences=kept)


def joined(first: AuditReport, second: AuditReport) -> AuditReport:
    """Both reports as one."""
    return AuditReport(looks=(*first.looks, *second.looks), differences=(*first.differences, *second.differences))
