"""Orders of which nobody can tell, and what people say of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.attempts import Answer, Attempt, Send
from domain.errors import SettlementRefused
from domain.orders import Order
from domain.positions import Position
from domain.settlements import Settlement
from ledger.ledger import Ledger
from tests.ledger.conftest import sized_order
from tests.worlds import a_signal, prepared

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def a_settlement(kind: str = "never_placed", **changes: Any) -> Settlement:
    return Settlement(**{"by": "ann", "reason": "seen on the venue's page", "kind": kind, **changes})


def filled(base: str, price: str | None = "2500", **changes: Any) -> Settlement:
    return a_settlement("filled", filled_base=base, price=price, **changes)


async def sent(ledger: Ledger, order: Order, fence_at: datetime | None = LONG_AGO) -> Attempt:
    send = Send(prepared=prepared(order), fence_at=fence_at, resend_window=None, epoch=0)
    attempt = (await ledger.orders.admit(send)).attempt
    assert attempt is not None
    return attempt


async def an_unknown_order(ledger: Ledger, **changes: Any) -> Order:
    """An order that went out, of which nobody can tell."""
    order = await sized_order(ledger, a_signal(**changes))
    attempt = await sent(ledger, order)
    await ledger.orders.answer(attempt, Answer(verdict="unknown", evidence="no answer in 5 s"))
    return order


async def refused(ledger: Ledger, order: Order, settlement: Settlement) -> tuple[str, str | None, str]:
    with pytest.raises(SettlementRefused) as refusal:
        await ledger.settlements.settle(order.trade_id, settlement)
    assert refusal.value.fix
    return refusal.value.code, refusal.value.field, str(refusal.value)


async def alerts(ledger: Ledger, order: Order) -> list[tuple[str, str]]:
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    return [(event.stop, event.decision) for event in sheet.timeline if event.level == "alert"]


async def position(ledger: Ledger) -> Position:
    (held,) = await ledger.reading.positions()
    return held


async def budget(ledger: Ledger) -> tuple[int, Decimal, Decimal]:
    whole, _ = await ledger.reading.budgets()
    return whole.trades, whole.usd_reserved, whole.usd_spent
