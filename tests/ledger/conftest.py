"""A ledger with one account, on both databases."""

from collections.abc import AsyncIterator

import pytest

from domain.orders import Order
from domain.rules import Rules
from domain.signals import Signal
from ledger.database import Database
from ledger.ledger import Ledger
from tests.worlds import PAPER, an_alert, an_order, some_rules


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    database = Database(database_url)
    ledger = Ledger(database)
    await ledger.trades.register(PAPER)
    yield ledger
    database.close()


async def open_trade(ledger: Ledger, signal: Signal, rules: Rules | None = None) -> None:
    """Bring `signal` through the doors: kept, and its trade opened."""
    await ledger.signals.keep(an_alert(), signal)
    await ledger.trades.open(signal.trade_id, rules or some_rules())


async def sized_order(ledger: Ledger, signal: Signal, rules: Rules | None = None, **changes: object) -> Order:
    """An order of `signal`, sized and with its reservation."""
    rules = rules or some_rules()
    await open_trade(ledger, signal, rules)
    order = an_order(signal, **changes)
    await ledger.orders.size(order, "the only venue", rules.limits)
    return order
