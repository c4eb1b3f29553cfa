"""Issue: the auditor. The whole house is compared, by itself and when somebody asks, with Temporal and without."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pipeline.stack import Stack, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("house"), {"SUREFILL_RECONCILE_EVERY_S": "2"})
    try:
        stack.start_all()
        stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
        yield stack
    finally:
        stack.stop_all()


def audit(stack: Stack, code: int) -> Any:
    done = stack.run("audit", "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_rounds_are_made_by_themselves_and_a_house_in_order_has_no_differences(house: Stack) -> None:
    trade_id = house.send(amount=25)
    house.closed(trade_id)
    rounds = until(lambda: house.operate("GET", "/audit")["rounds"], "a round to be made")
    assert {past["look"]["book"] for past in rounds} == {"ledger", "temporal", "venue"}
    found = audit(house, code=0)
    assert (found["differences"], found["temporal"], found["mended"]) == ([], "", [])
    looks = {past["look"]["book"]: past["look"] for past in found["rounds"] if past["look"]["account"]}
    assert looks["venue"]["checked"]["orders"] == len(house.orders_at_exchange(trade_id)) == 1
    assert "the books agree" in house.run("audit").stdout


def test_what_differs_is_said_with_an_exit_code(house: Stack) -> None:
    (position,) = house.operate("GET", "/positions")
    house.control("POST", "/balances", json={"currency": "ETH", "available": "0.001"})
    (difference,) = audit(house, code=1)["differences"]
    assert (difference["code"], difference["place"]) == ("position_exceeds_balance", "ETH")
    assert f"our trades left {position['base_qty']} ETH, the account has 0.001" in difference["what"]
    said = house.run("audit", check=False)
    assert "position_exceeds_balance" in said.stdout
    house.control("POST", "/balances", json={"currency": "ETH", "available": "100"})


def test_on_the_day_that_temporal_is_away_the_ledger_tells_what_is_open(house: Stack) -> None:
    trade_id = house.send(amount=25, limit_price="2400")
    house.once(trade_id, lambda trade: any(order["venue_order_id"] for order in trade["orders"]))
    house.parts["temporal"].kill()
    found = house.run("audit", check=False)
    assert "only the ledger was compared" in found.stdout
    (line,) = json.loads(house.run("orders", "--json").stdout)
    assert (line["trade_id"], line["state"]) == (trade_id, "open")
    assert line["venue_order_id"] == house.orders_at_exchange(trade_id)[0]["order_id"]
    assert trade_id in house.run("orders").stdout
    assert json.loads(house.run("orders", "--older-than-s", "3600", "--json").stdout) == []
    house.start("temporal")
    house.operate("POST", f"/trades/{trade_id}/cancel", json={"reason": "tests"})
    house.closed(trade_id)
