"""Issue: cancel by `temporal workflow signal`, CLI, API and the UI's cancel button, at every stage."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.names import trade_workflow_id
from tests.pipeline.stack import Json, Stack

pytestmark = pytest.mark.slow

# The button gives no reason.
CANCELLED = {("cancelled", "enough"), ("cancelled", "cancelled in Temporal")}

Cancel = Callable[[Stack, str], None]


def by_temporal_signal(stack: Stack, trade_id: str) -> None:
    workflow = trade_workflow_id(trade_id)
    stack.temporal("workflow", "signal", "--workflow-id", workflow, "--name", "cancel", "--input", '"enough"')


def by_ui_button(stack: Stack, trade_id: str) -> None:
    """The button asks Temporal to cancel the workflow, as this command does."""
    stack.temporal("workflow", "cancel", "--workflow-id", trade_workflow_id(trade_id))


def by_cli(stack: Stack, trade_id: str) -> None:
    stack.run("cancel", trade_id, "--reason", "enough")


def by_api(stack: Stack, trade_id: str) -> None:
    stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "enough"})


@pytest.fixture(params=[by_temporal_signal, by_ui_button, by_cli, by_api])
def cancel(request: pytest.FixtureRequest) -> Cancel:
    chosen: Cancel = request.param
    return chosen


@pytest.fixture(autouse=True)
def nothing_stays_reserved(stack: Stack) -> object:
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
    yield
    assert all(Decimal(line["usd_reserved"]) == 0 for line in stack.operate("GET", "/budgets"))


def test_before_placing(stack: Stack, cancel: Cancel) -> None:
    quote = stack.fault("GET", "/product_book", when="before", hold=True)
    trade_id = stack.send(amount=25)
    stack.await_held(quote)
    cancel(stack, trade_id)
    stack.release(quote)
    trade = stack.closed(trade_id)
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) in CANCELLED
    assert stack.orders_at_exchange(trade_id) == []


def test_while_the_submit_is_in_flight(stack: Stack, cancel: Cancel) -> None:
    submit = stack.fault("POST", "/orders", when="after", hold=True)
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.await_held(submit)
    cancel(stack, trade_id)
    stack.once(trade_id, lambda trade: trade["cancel_reason"] is not None)
    stack.release(submit)
    trade = stack.closed(trade_id)
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) in CANCELLED
    assert [order["status"] for order in stack.orders_at_exchange(trade_id)] == ["CANCELLED"]


def test_while_it_is_open(stack: Stack, cancel: Cancel) -> None:
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.once(trade_id, is_open)
    cancel(stack, trade_id)
    trade = stack.closed(trade_id)
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) in CANCELLED
    assert [order["status"] for order in stack.orders_at_exchange(trade_id)] == ["CANCELLED"]


def test_while_it_is_half_filled(stack: Stack, cancel: Cancel) -> None:
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.once(trade_id, is_open)
    traded = {"product_id": "ETH-USD", "side": "SELL", "price": "2400", "size": "0.004"}
    stack.control("POST", "/trades", json=traded)
    stack.once(trade_id, lambda trade: len(trade["fills"]) == 1)
    cancel(stack, trade_id)
    trade = stack.closed(trade_id)
    assert trade["outcome"]["kind"] == "partly_filled"
    assert any(reason in trade["outcome"]["reason"] for _, reason in CANCELLED)
    (order,) = stack.orders_at_exchange(trade_id)
    assert order["status"] == "CANCELLED"
    assert Decimal(order["filled_size"]) == Decimal(trade["outcome"]["filled_base"]) == Decimal("0.004")


def test_once_it_is_filled(stack: Stack) -> None:
    trade_id = stack.send(amount=25)
    stack.closed(trade_id)
    answer = stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "enough"})
    assert (answer["too_late"], answer["outcome"]["kind"]) == (True, "filled")
    assert stack.run("cancel", trade_id, "--reason", "enough", check=False).returncode == 1


def test_a_cancel_that_temporal_did_not_hear_is_told_when_it_is_back(stack: Stack) -> None:
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.once(trade_id, is_open)
    stack.parts["temporal"].kill()
    assert stack.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "enough"})["requested"]
    stack.start("temporal")
    trade = stack.closed(trade_id)
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) == ("cancelled", "enough")
    assert [order["status"] for order in stack.orders_at_exchange(trade_id)] == ["CANCELLED"]


def test_a_trade_terminated_in_the_ui_is_ended_properly(stack: Stack) -> None:
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.once(trade_id, is_open)
    stack.temporal("workflow", "terminate", "--workflow-id", trade_workflow_id(trade_id), "--reason", "enough")
    trade = stack.closed(trade_id)
    assert (trade["outcome"]["kind"], trade["outcome"]["reason"]) == ("cancelled", "terminated in Temporal")
    assert [order["status"] for order in stack.orders_at_exchange(trade_id)] == ["CANCELLED"]


def is_open(trade: Json) -> bool:
    return any(order["state"] == "open" for order in trade["orders"])
