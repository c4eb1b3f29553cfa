"""Design: Exactly once, 4 and 6. A worker is frozen at a bad moment, its trade is cancelled meanwhile, it wakes up."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.pipeline.stack import Stack, until

pytestmark = pytest.mark.slow


def test_between_prepared_and_the_gate_nothing_is_sent(stack: Stack) -> None:
    worker = stack.parts["worker-1"]
    trade_id = frozen_before_the_gate(stack)
    cancelled = stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "changed my mind"})
    assert cancelled["requested"]
    stack.start("worker-2")
    trade = stack.closed(trade_id)
    worker.thaw()
    await_idle(stack, "worker-1")
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) == ("cancelled", "changed my mind")
    assert stack.trade(trade_id)["attempts"] == []
    assert stack.orders_at_exchange(trade_id) == []


def test_between_look_up_and_send_nothing_is_placed_behind_the_trades_back(stack: Stack) -> None:
    """The first attempt is lost; the second is frozen at its look-up, and wakes up when its fence has passed."""
    worker = stack.parts["worker-1"]
    stack.fault("POST", "/orders", when="before", reset=True)
    look_up = stack.fault("GET", "/orders/historical/batch", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(look_up)
    worker.freeze()
    stack.release(look_up)
    stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "changed my mind"})
    stack.start("worker-2")
    trade = stack.closed(trade_id)
    worker.thaw()
    await_idle(stack, "worker-1")
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) == ("cancelled", "changed my mind")
    assert stack.orders_at_exchange(trade_id) == []
    assert {post["result"] for post in stack.posts(trade_id)} <= {"dropped", "unauthorised"}
    assert reserved(stack) == 0


def test_a_send_that_arrives_after_its_fence_is_refused_by_the_venue(stack: Stack) -> None:
    """The order is on its way, nobody knows where, longer than it may be: only then is it called not placed."""
    fault = stack.fault("POST", "/orders", when="before", hold=True, even_if_gone=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "changed my mind"})
    trade = stack.closed(trade_id)
    stack.release(fault)
    (post,) = until(lambda: [post for post in stack.posts(trade_id) if post["result"] != "received"], "it to arrive")
    assert post["result"] == "unauthorised"
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) == ("cancelled", "changed my mind")
    assert stack.orders_at_exchange(trade_id) == []


def test_a_short_freeze_between_look_up_and_send_leaves_an_order_that_the_trade_knows(stack: Stack) -> None:
    """It wakes up before its fence: the order is placed, and the cancelled trade finds and ends it."""
    worker = stack.parts["worker-1"]
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
    stack.fault("POST", "/orders", when="before", reset=True)
    look_up = stack.fault("GET", "/orders/historical/batch", when="after", hold=True)
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.await_held(look_up)
    worker.freeze()
    stack.release(look_up)
    stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "changed my mind"})
    worker.thaw()
    trade = stack.closed(trade_id)
    assert trade["outcome"]["kind"] == "cancelled"
    orders = stack.orders_at_exchange(trade_id)
    assert [order["status"] for order in orders] in ([], ["CANCELLED"])
    assert reserved(stack) == 0


def frozen_before_the_gate(stack: Stack) -> str:
    """A trade whose worker is frozen when its order is sized, and before the send gate has admitted anything.

    The gate writes to the ledger: as soon as the order stands there, the test holds the ledger's write lock, and the
    worker waits for it. Should the gate have been quicker, another trade is tried.
    """
    for _ in range(20):
        trade_id = stack.send(amount=25)
        with writing_lock(stack, trade_id) as attempts:
            if attempts == 0:
                stack.parts["worker-1"].freeze()
                return trade_id
        stack.closed(trade_id)
    raise AssertionError("the gate was quicker 20 times")


@contextmanager
def writing_lock(stack: Stack, trade_id: str) -> Iterator[int]:
    """Hold the ledger's write lock from the moment the trade has an order; how many attempts there are then."""
    path = Path(stack.folder / "ledger.db")
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        until(lambda: _count(connection, "orders", trade_id), "the order to be sized")
        connection.execute("BEGIN IMMEDIATE")
        yield _count(connection, "attempts", trade_id)
    finally:
        connection.rollback()
        connection.close()


def _count(connection: sqlite3.Connection, table: str, trade_id: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {table} WHERE order_id = ?", (f"{trade_id}-1",)).fetchone()
    return int(count)


def await_idle(stack: Stack, name: str) -> None:
    """Wait until a worker that has woken up has done a trade from beginning to end, and so all it had left to do."""
    stack.parts["worker-2"].kill()
    stack.closed(stack.send(amount=25))
    assert stack.parts[name].lives


def reserved(stack: Stack) -> float:
    return sum(float(line["usd_reserved"]) for line in stack.operate("GET", "/budgets"))
