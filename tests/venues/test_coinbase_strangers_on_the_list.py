"""The account may be used by hand: its list has orders of any kind, and none of them hides ours from the auditor."""

from decimal import Decimal

import pytest

from tests.simulators.clients import Json
from tests.venues.coinbase import ACCOUNTS, BATCH, FILLS, NOW, Script, a_fill
from tests.venues.test_coinbase_lists import STRANGERS

pytestmark = pytest.mark.anyio


async def test_orders_that_cannot_be_read_are_named_and_hide_no_other(script: Script) -> None:
    script.pages(BATCH, "orders", STRANGERS, [script.ours(status="FILLED", filled_size="1", number_of_fills="1")])
    script.pages(FILLS, "fills", [a_fill()])
    odd, ours = await script.venue.orders_since(NOW)
    assert (odd.venue_order_id, odd.state) == ("x", None)
    assert odd.trouble
    assert (ours.venue_order_id, ours.state, len(ours.fills)) == ("v-1", "filled", 1)
    assert script.asked[0]["start_date"] == "2026-11-22T09:30:00Z"


@pytest.mark.parametrize("odd", [{"status": "OF_TOMORROW"}, {"status": "FILLED"}, {"filled_size": "?"}, {"side": "?"}])
async def test_our_own_order_that_makes_no_sense_says_so(script: Script, odd: Json) -> None:
    script.pages(BATCH, "orders", [script.ours(**odd)])
    (found,) = await script.venue.orders_since(NOW)
    assert found.state is None
    assert "v-1" in found.trouble


async def test_fills_that_were_adjusted_afterwards_are_not_counted(script: Script) -> None:
    script.pages(BATCH, "orders", [script.ours(status="FILLED", filled_size="1", number_of_fills="1")])
    script.pages(FILLS, "fills", [a_fill(), a_fill(trade_type="REVERSAL", entry_id="f-2")])
    (found,) = await script.venue.orders_since(NOW)
    assert found.state is None
    assert "adjusted" in found.trouble


async def test_fills_of_many_orders_are_asked_for_in_few_calls(script: Script) -> None:
    done: Json = {"status": "FILLED", "filled_size": "1", "number_of_fills": "1"}
    orders = [script.ours(**done, order_id=f"v-{number}") for number in range(120)]
    script.pages(BATCH, "orders", orders)
    fills = {f"v-{number}": a_fill(order_id=f"v-{number}", entry_id=f"f-{number}") for number in range(120)}
    script.says[FILLS] = lambda params: {"fills": [fills[name] for name in params.get_list("order_ids")], "cursor": ""}
    found = await script.venue.orders_since(NOW)
    assert [len(order.fills) for order in found] == [1] * 120
    assert len(script.asked) == 4


async def test_fills_of_others_are_never_asked_for(script: Script) -> None:
    """They may have any shape, and one that cannot be read would hide a whole page."""
    theirs = script.ours(status="FILLED", filled_size="1", client_order_id="11111111-2222-4333-8444-555555555555")
    script.pages(BATCH, "orders", [theirs])
    (found,) = await script.venue.orders_since(NOW)
    assert (found.state, found.filled_base, found.fills) == ("filled", Decimal(1), ())
    assert len(script.asked) == 1


async def test_what_lies_in_a_vault_is_no_balance(script: Script) -> None:
    def wallet(currency: str, available: str, hold: str | None, **changes: str) -> Json:
        amount = {"value": available, "currency": currency}
        held = None if hold is None else {"value": hold, "currency": currency}
        return {"currency": currency, "available_balance": amount, "hold": held, **changes}

    vault = wallet("ETH", "100", "0", type="ACCOUNT_TYPE_VAULT")
    script.pages(ACCOUNTS, "accounts", [wallet("ETH", "1.5", "0.5"), vault], [wallet("USD", "7", None)])
    assert await script.venue.balances() == {"ETH": Decimal(2), "USD": Decimal(7)}
