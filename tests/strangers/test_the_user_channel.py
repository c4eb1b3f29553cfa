"""Both foreign clients listen to the simulated exchange's user channel."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.clients import Control, Json
from tests.strangers.stranger import Stranger

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def listening(control: Control, official: Stranger) -> Iterator[Stranger]:
    """The venue's own client, connected, and subscribed to nothing."""
    official.call("user.open")
    yield official
    official.call("user.close")
    official.call("forget_messages")


def next_of(stranger: Stranger, channel: str) -> Json:
    """The next message of the channel; others are passed over."""
    while True:
        message: Json = stranger.call("next_message")
        if message.get("channel", "error") == channel:
            return message


def next_order(stranger: Stranger) -> Json:
    (event,) = next_of(stranger, "user")["events"]
    assert event["type"] == "update"
    (order,) = event["orders"]
    return dict(order)


def bought(official: Stranger, base_size: str, limit_price: str) -> str:
    answer = official.call("rest.limit_order_gtc_buy", str(uuid.uuid4()), "ETH-USD", base_size, limit_price)
    return str(answer["success_response"]["order_id"])


async def sell(control: Control, size: str) -> None:
    trade = {"product_id": "ETH-USD", "side": "SELL", "price": "2499.5", "size": size, "queue_ahead": "0"}
    await control.tell("POST", "/trades", trade)


async def test_the_official_client_hears_of_an_order_from_its_rest_to_its_end(
    control: Control, listening: Stranger
) -> None:
    rests = bought(listening, "0.5", "2499.5")
    listening.call("user.subscribe", ["ETH-USD"], ["heartbeats", "user"])
    (snapshot,) = next_of(listening, "user")["events"]
    assert (snapshot["type"], [order["order_id"] for order in snapshot["orders"]]) == ("snapshot", [rests])
    for size in ("0.2", "0.3"):
        await sell(control, size)
    told = [next_order(listening) for _ in range(2)]
    fields = ("order_id", "status", "cumulative_quantity", "leaves_quantity", "avg_price", "total_fees")
    assert [tuple(order[field] for field in fields) for order in told] == [
        (rests, "OPEN", "0.2", "0.3", "2499.5", "2.9994"),
        (rests, "FILLED", "0.5", "0", "2499.5", "7.4985"),
    ]
    assert next_of(listening, "heartbeats")["events"][0]["heartbeat_counter"] >= 1


async def test_the_official_client_may_leave_a_channel(control: Control, listening: Stranger) -> None:
    listening.call("user.subscribe", ["ETH-USD"], ["user"])
    next_of(listening, "subscriptions")
    listening.call("user.unsubscribe", ["ETH-USD"], ["user"])
    assert next_of(listening, "subscriptions")["events"] == [{"subscriptions": {}}]


async def test_the_official_client_is_refused_with_a_wrong_key(control: Control, listening: Stranger) -> None:
    own_name = listening.call("rename_key", "organizations/o/apiKeys/nobody")
    listening.call("user.subscribe", ["ETH-USD"], ["user"])
    listening.call("rename_key", own_name)
    assert next_of(listening, "error") == {"type": "error", "message": "authentication failure"}


async def test_ccxt_hears_of_an_order_from_its_rest_to_its_end(
    control: Control, official: Stranger, via_ccxt: Stranger
) -> None:
    rests = bought(official, "0.5", "2499.5")
    via_ccxt.call("watch_orders")
    assert told(via_ccxt, "id", "status", "filled") == (rests, "open", "0")
    await sell(control, "0.2")
    assert told(via_ccxt, "id", "status", "filled", "remaining", "average") == (rests, "open", "0.2", "0.3", "2499.5")
    await sell(control, "0.3")
    assert told(via_ccxt, "id", "status", "filled", "cost") == (rests, "closed", "0.5", "1249.75")
    later = bought(official, "0.5", "2400")
    assert told(via_ccxt, "id", "status", "price", "side") == (later, "open", "2400", "buy")
    official.call("rest.cancel_orders", [later])
    assert told(via_ccxt, "id", "status") == (later, "canceled")


def told(via_ccxt: Stranger, *fields: str) -> tuple[Any, ...]:
    """What `watch_orders` gives next: one order."""
    (order,) = via_ccxt.call("told_orders")
    return tuple(order[field] for field in fields)
