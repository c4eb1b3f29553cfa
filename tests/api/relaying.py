"""What tests of the relay share."""

from temporalio.client import Client, WorkflowHandle

from domain.names import trade_workflow_id
from domain.signals import Signal
from ledger.ledger import Ledger
from tests.worlds import a_signal, an_alert


async def keep(ledger: Ledger, **changes: object) -> Signal:
    return (await ledger.signals.keep(an_alert(), a_signal(**changes))).signal


def handle_of(client: Client, signal: Signal) -> WorkflowHandle[object, object]:
    return client.get_workflow_handle(trade_workflow_id(signal.trade_id))
