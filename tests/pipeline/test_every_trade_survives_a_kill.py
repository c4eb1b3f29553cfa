"""Design: Exactly once, 11. One kill -9 for each part, at the worst moment that the exchange can hold still."""

from decimal import Decimal

import pytest

from tests.pipeline.stack import Json, Stack

pytestmark = pytest.mark.slow


def test_an_alert_in_the_old_format_is_filled_and_recorded(stack: Stack) -> None:
    answer = stack.alert(amount=25)
    assert answer.status_code == 202
    trade = stack.closed(answer.json()["trade_id"])
    assert trade["outcome"]["kind"] == "filled"
    assert filled_once(stack, trade)


def test_a_worker_killed_while_its_order_is_on_the_way(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="before", hold=True, even_if_gone=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.parts["worker-1"].kill()
    stack.release(fault)
    stack.start("worker-1")
    assert filled_once(stack, stack.closed(trade_id))


def test_a_worker_killed_before_it_hears_that_its_order_was_taken(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.parts["worker-1"].kill()
    stack.release(fault)
    stack.start("worker-1")
    assert filled_once(stack, stack.closed(trade_id))


def test_an_api_killed_while_a_trade_goes_on(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.parts["api-1"].kill()
    stack.release(fault)
    stack.start("api-1")
    assert filled_once(stack, stack.closed(trade_id))


def test_temporal_killed_while_an_order_is_on_the_way(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.parts["temporal"].kill()
    stack.release(fault)
    stack.start("temporal")
    assert filled_once(stack, stack.closed(trade_id))


def test_the_exchange_killed_before_it_answers(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    stack.parts["exchange"].kill()
    stack.start("exchange")
    assert filled_once(stack, stack.closed(trade_id))


def test_everything_killed_at_once(stack: Stack) -> None:
    fault = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(fault)
    for process in stack.parts.values():
        process.kill()
    stack.start_all()
    assert filled_once(stack, stack.closed(trade_id))


def filled_once(stack: Stack, trade: Json) -> bool:
    """Whether the exchange has exactly one order for the trade, and both books agree on it."""
    (order,) = stack.orders_at_exchange(trade["trade_id"])
    assert trade["outcome"]["kind"] == "filled", trade["outcome"]
    assert order["status"] == "FILLED"
    assert Decimal(order["filled_size"]) == Decimal(trade["outcome"]["filled_base"])
    assert Decimal(order["total_fees"]) == Decimal(trade["outcome"]["fee"])
    return True
