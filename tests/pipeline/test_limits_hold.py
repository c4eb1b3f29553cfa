"""Issue: 150 resting orders do not hold up a market order; limits hold against many signals at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.pipeline.stack import Stack, until

pytestmark = pytest.mark.slow

RESTING = 150
SIGNALS = 100


def test_resting_orders_hold_up_nothing_and_are_looked_up_in_one_batch(stack: Stack) -> None:
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
    with ThreadPoolExecutor(8) as pool:
        resting = list(pool.map(lambda _: stack.send(amount=12, limit_price="2400"), range(RESTING)))
        list(pool.map(lambda trade_id: stack.once(trade_id, rests), resting))
    assert stack.closed(stack.send(amount=25))["outcome"]["kind"] == "filled"
    few = look_ups_in_a_while(stack)
    assert few["GET /api/v3/brokerage/orders/historical/{order_id}"] == 0
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2300"})
    with ThreadPoolExecutor(4) as pool:
        trades = list(pool.map(stack.closed, resting))
    assert Counter(trade["outcome"]["kind"] for trade in trades) == {"filled": RESTING}
    assert all(len(stack.orders_at_exchange(trade_id)) == 1 for trade_id in resting[:10])


@pytest.fixture
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A house with two workers and a limit of ten trades a day."""
    stack = Stack(tmp_path_factory.mktemp("tight"), {"SUREFILL_MAX_DAILY_TRADES": "10"})
    try:
        stack.start_all()
        stack.start("worker-2")
        stack.start("api-2")
        yield stack
    finally:
        stack.stop_all()


def test_a_hundred_signals_against_a_limit_of_ten_make_ten_trades(tight: Stack) -> None:
    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(tight.send_to, f"api-{number % 2 + 1}", amount=11) for number in range(SIGNALS)]
        trades = list(pool.map(tight.closed, [future.result() for future in sent]))
    kinds = Counter(trade["outcome"]["kind"] for trade in trades)
    assert kinds == {"filled": 10, "refused": SIGNALS - 10}
    assert {trade["outcome"]["code"] for trade in trades if trade["outcome"]["kind"] == "refused"} == {
        "BudgetExhausted"
    }
    exit_trade = tight.closed(tight.send(action="SELL", percentage=10))
    assert exit_trade["outcome"]["kind"] == "filled"
    assert tight.closed(tight.send(amount=11))["outcome"]["code"] == "BudgetExhausted"


def rests(trade: dict[str, object]) -> bool:
    orders = trade["orders"]
    assert isinstance(orders, list)
    return any(order["state"] == "open" for order in orders)


def look_ups_in_a_while(stack: Stack) -> Counter[str]:
    """Requests at the exchange while the watcher, whom nobody tells of changes, goes three rounds."""
    batch = "GET /api/v3/brokerage/orders/historical/batch"
    stack.refuse_listeners()
    stack.control("DELETE", "/audit/requests")
    until(lambda: stack.control("GET", "/audit/requests").get(batch, 0) >= 3, "three rounds of the watcher")
    return Counter(stack.control("GET", "/audit/requests"))
