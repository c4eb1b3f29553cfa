"""Design: Exactly once, 10. Issue: budgets from the first day."""

import asyncio
from decimal import Decimal

import pytest

from domain.errors import BudgetExhausted
from domain.outcomes import Outcome
from ledger.database import Database
from ledger.ledger import Ledger
from tests.ledger.conftest import open_trade, sized_order
from tests.worlds import a_fill, a_report, a_signal, an_order, some_limits, some_rules

pytestmark = pytest.mark.anyio


async def used(ledger: Ledger) -> tuple[int, Decimal, Decimal]:
    total = next(line for line in await ledger.reading.budgets() if line.budget == "paper")
    return total.trades, total.usd_reserved, total.usd_spent


async def test_an_order_reserves_its_worst_case(ledger: Ledger) -> None:
    await sized_order(ledger, a_signal())
    assert await used(ledger) == (1, Decimal("25.25"), Decimal(0))


async def test_sizing_twice_reserves_once(ledger: Ledger) -> None:
    signal = a_signal()
    order = await sized_order(ledger, signal)
    other = an_order(signal, base_qty=Decimal("0.02"))
    standing = await ledger.orders.size(other, "again", some_limits())
    assert standing.order.base_qty == order.base_qty
    assert await used(ledger) == (1, Decimal("25.25"), Decimal(0))


async def test_a_final_order_gives_back_what_it_did_not_use(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004")))
    assert await used(ledger) == (1, Decimal("25.25"), Decimal(0))
    await ledger.reports.merge(a_report(order, "cancelled", a_fill("f1", "0.004")))
    assert await used(ledger) == (1, Decimal(0), Decimal(10))


async def test_an_order_without_fills_gives_back_everything(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.close_gate(order.order_id, "CancelRequested", "cancelled")
    assert await used(ledger) == (0, Decimal(0), Decimal(0))


async def test_the_last_slice_goes_to_one_of_many_that_race_for_it(ledger: Ledger, database_url: str) -> None:
    rules = some_rules(limits=some_limits(daily_trades=10))
    signals = [a_signal() for _ in range(40)]
    for signal in signals:
        await open_trade(ledger, signal, rules)
    other = Database(database_url)
    ledgers = [ledger, Ledger(other)]
    try:
        results = await asyncio.gather(
            *(
                ledgers[number % 2].orders.size(an_order(signal), "the only venue", rules.limits)
                for number, signal in enumerate(signals)
            ),
            return_exceptions=True,
        )
    finally:
        other.close()
    refused = [result for result in results if isinstance(result, BudgetExhausted)]
    assert len(refused) == 30
    assert "all 10 trades" in str(refused[0])
    assert (await used(ledger))[0] == 10


async def test_an_exit_goes_through_at_the_limit(ledger: Ledger) -> None:
    rules = some_rules(limits=some_limits(daily_trades=1, daily_usd=Decimal(26)))
    await sized_order(ledger, a_signal(), rules)
    with pytest.raises(BudgetExhausted):
        await sized_order(ledger, a_signal(), rules)
    await sized_order(ledger, a_signal(action="SELL"), rules)
    assert (await used(ledger))[0] == 2


async def test_the_dollar_limit_counts_the_new_order_in(ledger: Ledger) -> None:
    rules = some_rules(limits=some_limits(daily_cex_usd=Decimal(50)))
    await sized_order(ledger, a_signal(), rules)
    with pytest.raises(BudgetExhausted, match=r"25\.25 USD would go over the limit of 50 USD a day") as refusal:
        await sized_order(ledger, a_signal(), rules)
    assert "paper/cex" in str(refusal.value)
    assert await used(ledger) == (1, Decimal("25.25"), Decimal(0))


async def test_a_refused_order_leaves_no_trace_in_any_budget(ledger: Ledger) -> None:
    rules = some_rules(limits=some_limits(daily_cex_usd=Decimal(1)))
    with pytest.raises(BudgetExhausted):
        await sized_order(ledger, a_signal(), rules)
    assert await ledger.reading.budgets() == []


async def test_a_trade_cannot_close_while_its_order_lives(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    with pytest.raises(ValueError, match="cannot close"):
        await ledger.trades.close(order.trade_id, Outcome(kind="refused"))
    await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.01")))
    first = await ledger.trades.close(order.trade_id, Outcome(kind="filled"))
    assert await ledger.trades.close(order.trade_id, Outcome(kind="refused")) == first
