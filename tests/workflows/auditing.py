"""What tests of the auditor share: rounds of it, and orders that no workflow looks after."""

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import SQLModel
from temporalio.client import Client

from domain.attempts import Send
from domain.audits import AuditReport, Difference
from domain.names import TRADE_WORKFLOW, trade_workflow_id
from domain.orders import Order
from domain.signals import Signal
from domain.trades import TradeStart
from ledger.ledger import Ledger
from ledger.transaction import Transaction
from tests.workflows.conftest import Desk
from tests.worlds import a_signal, an_alert, an_order, some_rules
from venues.venue import Venue
from workflows.reconcile import ReconcileWorkflow

AN_HOUR = timedelta(hours=1)


async def make_round(desk: Desk) -> AuditReport:
    return await desk.client.execute_workflow(
        ReconcileWorkflow.run, id=f"reconcile-{uuid.uuid4()}", task_queue=desk.task_queue
    )


async def found(desk: Desk, *trade_ids: str) -> list[Difference]:
    """What a round finds; of Temporal, which other tests use too, only what is about these trades."""
    report = await make_round(desk)
    return [one for one in report.differences if one.book != "temporal" or one.place in trade_ids]


async def codes(desk: Desk, *trade_ids: str) -> list[tuple[str, str]]:
    """Code and repair of each."""
    return sorted((one.code, one.repaired) for one in await found(desk, *trade_ids))


async def open_trade(ledger: Ledger, **changes: Any) -> Signal:
    """A trade that is open and has no workflow."""
    signal = (await ledger.signals.keep(an_alert(), a_signal(**changes))).signal
    await ledger.trades.open(signal.trade_id, some_rules())
    await ledger.signals.mark_started([signal.signal_id])
    return signal


async def place(ledger: Ledger, venue: Venue, **changes: Any) -> Order:
    """An order that was sent, and accepted by its venue; nobody has looked since."""
    signal = await open_trade(ledger)
    order = an_order(signal, **changes)
    await ledger.orders.size(order, "tests", some_rules().limits)
    prepared, ticket = await venue.prepare(order, 1), venue.open_attempt()
    sent = Send(prepared=prepared, fence_at=ticket.fence_at, resend_window=None, epoch=0)
    admission = await ledger.orders.admit(sent)
    assert admission.attempt is not None
    await ledger.orders.answer(admission.attempt, await venue.submit(prepared, ticket))
    return order


async def run_without_worker(client: Client, signal: Signal) -> None:
    """The trade's workflow runs, and nobody works at it."""
    start = TradeStart(trade_id=signal.trade_id, signal=signal)
    await client.start_workflow(
        TRADE_WORKFLOW, start, id=trade_workflow_id(signal.trade_id), task_queue=f"nobody-{uuid.uuid4()}"
    )


async def write(ledger: Ledger, table: type[SQLModel], **values: Any) -> None:
    """Write `values` into every row of the table, past all books."""

    def work(tx: Transaction) -> None:
        tx.execute(update(table).values(**values))

    await ledger.database.write(work)


async def audited(ledger: Ledger, trade_id: str) -> list[tuple[str, str]]:
    """The auditor's events in the timeline of a trade."""
    sheet = await ledger.reading.trade(trade_id)
    assert sheet is not None
    return [(event.decision, event.level) for event in sheet.timeline if event.stop == "audit"]
