"""The whole house with the exchange's user channel live, cut and lying: every fill is recorded, once, as it was."""

from decimal import Decimal

import pytest

from tests.pipeline.stack import Json, Stack

pytestmark = pytest.mark.slow

USER: Json = {"method": "EVENT", "path_prefix": "/user"}


WRONGS: list[Json] = [
    {"drop": True},
    {"duplicate": True},
    {"hold": True},
    {"status": 200, "body": {"channel": "user", "events": [{"orders": [{"status": "CANCELLED"}]}]}},
]


def test_a_resting_order_fills_with_the_channel_live_and_cut_and_back_again(stack: Stack) -> None:
    stack.await_listener()
    first, second = rest(stack), rest(stack)
    fill(stack, first)
    stack.refuse_listeners()
    fill(stack, second)
    stack.control("DELETE", "/faults")
    stack.await_listener()
    fill(stack, rest(stack))
    for name in stack.parts:
        assert "eyJ" not in stack.log(name), f"a token is in the log of {name}"


def test_what_goes_wrong_on_the_channel_changes_nothing(stack: Stack) -> None:
    stack.await_listener()
    for do in WRONGS:
        stack.control("POST", "/faults", json={"match": USER, "times": None, "do": do})
        fill(stack, rest(stack))
        stack.control("DELETE", "/faults")


def rest(stack: Stack) -> str:
    """A trade whose order rests."""
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
    trade_id = stack.send(amount=24, limit_price="2400")
    stack.once(trade_id, lambda trade: any(order["state"] == "open" for order in trade["orders"]))
    return trade_id


def fill(stack: Stack, trade_id: str) -> None:
    """Fill the trade's order in two parts; the trade has closed with what the exchange has, to the last digit."""
    sell(stack, "0.004")
    stack.once(trade_id, lambda trade: len(trade["fills"]) == 1)
    sell(stack, "0.006")
    trade = stack.closed(trade_id)
    (order,) = stack.orders_at_exchange(trade_id)
    assert (trade["outcome"]["kind"], order["status"]) == ("filled", "FILLED")
    assert sum(Decimal(fill["base_qty"]) for fill in trade["fills"]) == Decimal(order["filled_size"])
    assert len(trade["fills"]) == int(order["number_of_fills"]) == 2


def sell(stack: Stack, size: str) -> None:
    trade = {"product_id": "ETH-USD", "side": "SELL", "price": "2400", "size": size, "queue_ahead": "0"}
    stack.control("POST", "/trades", json=trade)
