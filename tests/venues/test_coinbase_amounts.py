"""Amounts to the last digit, both ways, and answers that hold more, or less, than the documents say."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import VenueDown
from domain.names import client_order_id
from domain.orders import Order, OrderReport, differences
from tests.simulators.clients import Json
from tests.venues.backstage import limit, market
from tests.venues.coinbase import a_fill, scripted, told
from tests.venues.conftest import Exchange
from venues.coinbase import wire

pytestmark = pytest.mark.anyio

D = Decimal
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

amounts = st.one_of(
    st.decimals(min_value="1E-18", max_value="1E+12", allow_nan=False, allow_infinity=False, places=18),
    st.builds(lambda digits, exponent: D(digits).scaleb(exponent), st.integers(1, 10**28 - 1), st.integers(-30, 12)),
)


@settings(deadline=None)
@given(base_qty=amounts, limit_price=amounts, rests=st.booleans())
def test_what_is_sent_reads_back_to_the_same_amounts_in_plain_notation(
    base_qty: Decimal, limit_price: Decimal, rests: bool
) -> None:
    order = market("BUY", "1", "1").model_copy(update={"base_qty": base_qty, "limit_price": limit_price})
    order = order.model_copy(update={"rests_until": NOW if rests else None})
    sent = json.loads(json.dumps(wire.create_request(order, 1)))
    ((kind, terms),) = sent["order_configuration"].items()
    assert kind == ("limit_limit_gtd" if rests else "sor_limit_ioc")
    for text, amount in ((terms["base_size"], base_qty), (terms["limit_price"], limit_price)):
        assert D(text) == amount
        assert set(text) <= set("0123456789.")
        assert not text.startswith(".")
        assert not text.endswith(".")


def test_an_order_is_sent_as_the_venue_documents_it() -> None:
    order = market("SELL", "0.10", "2500.00")
    assert wire.create_request(order, 2) == {
        "client_order_id": client_order_id(order.order_id, 2),
        "product_id": "ETH-USD",
        "side": "SELL",
        "order_configuration": {"sor_limit_ioc": {"base_size": "0.1", "limit_price": "2500"}},
    }


@pytest.mark.parametrize(
    "rests_until",
    [
        NOW,
        NOW.replace(microsecond=999_999),
        NOW.astimezone(timezone(timedelta(hours=5, minutes=30))),
        NOW.astimezone(timezone(timedelta(hours=-11))),
    ],
)
def test_a_resting_order_ends_at_the_venue_a_minute_after_us_in_utc_and_whole_seconds(rests_until: datetime) -> None:
    sent: Any = wire.create_request(limit("BUY", "1", "2000", rests_until), 1)
    terms = sent["order_configuration"]["limit_limit_gtd"]
    assert terms == {"base_size": "1", "limit_price": "2000", "end_time": "2026-11-22T09:31:00Z", "post_only": False}


async def reported(exchange: Exchange, order: Order, answer: str | Json, fills: Sequence[Json] = ()) -> OrderReport:
    """What the adapter makes of the venue's word on an order. A text goes out as it is."""
    body = answer if isinstance(answer, str) else json.dumps({"order": answer})

    def say(request: httpx.Request) -> httpx.Response:
        said = json.dumps({"fills": fills, "cursor": ""}) if request.url.path.endswith("/fills") else body
        return httpx.Response(200, text=said)

    venue = scripted(exchange.key, say)
    found = await venue.report(order, await venue.prepare(order, 1), "v-1", NOW)
    await venue.aclose()
    assert found.report is not None
    return found.report


@pytest.mark.parametrize(
    "amount", ["1234567890.123456789012345678", "0.000000000000000001", "1E-18", "1e-7", "2.5E+3", "0001.10"]
)
async def test_amounts_are_read_exactly_as_text_and_as_numbers(exchange: Exchange, amount: str) -> None:
    order = market("BUY", "1", "2600").model_copy(update={"base_qty": D(amount)})
    answer = json.dumps({"order": told(order, filled_size="@", filled_value="@", total_fees="@")})
    as_number = str(D(amount)) if amount.startswith("000") else amount
    for written in (f'"{amount}"', as_number):
        report = await reported(exchange, order, answer.replace('"@"', written), [a_fill(size=amount, price=amount)])
        assert (report.filled_base, report.filled_quote, report.fee) == (D(amount),) * 3
        assert (report.fills[0].base_qty, report.fills[0].price) == (D(amount),) * 2
        assert differences(order, report) == ()


@pytest.mark.parametrize("nothing", ["", None])
async def test_amounts_that_the_venue_leaves_empty_are_zero(exchange: Exchange, nothing: str | None) -> None:
    empty = dict.fromkeys(("filled_size", "filled_value", "total_fees", "number_of_fills"), nothing)
    order = market("BUY", "1", "2600")
    report = await reported(exchange, order, told(order, status="CANCELLED", **empty))
    assert (report.state, report.filled_base, report.filled_quote, report.fee) == ("cancelled", D(0), D(0), D(0))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "UNKNOWN_ORDER_STATUS"}, id="a status that says nothing"),
        pytest.param({"status": "A_STATUS_OF_TOMORROW"}, id="an unlisted status"),
        pytest.param({"status": ""}, id="no status"),
        pytest.param({"filled_size": ""}, id="filled, but of no size"),
        pytest.param({"filled_size": "0"}, id="filled, but with nothing"),
        pytest.param({"status": "CANCELLED", "filled_size": ""}, id="cancelled with fills of no size"),
        pytest.param({"status": "CANCELLED", "filled_size": "0", "number_of_fills": 2}, id="cancelled with fills"),
        pytest.param({"filled_size": "NaN"}, id="not a number"),
        pytest.param({"filled_size": "Infinity"}, id="infinite"),
        pytest.param({"filled_size": "-1"}, id="negative"),
        pytest.param({"filled_size": "much"}, id="words"),
        pytest.param({"side": "UNKNOWN_ORDER_SIDE"}, id="no side"),
        pytest.param({"product_id": "ETHEREUM"}, id="no pair"),
        pytest.param({"order_configuration": None}, id="no configuration"),
    ],
)
async def test_an_order_that_makes_no_sense_is_no_news(exchange: Exchange, changes: Mapping[str, Any]) -> None:
    order = market("BUY", "1", "2600")
    with pytest.raises(VenueDown):
        await reported(exchange, order, told(order, **changes), [a_fill()])


@pytest.mark.parametrize("trade_type", ["REVERSAL", "CORRECTION", "SYNTHETIC"])
async def test_fills_that_were_adjusted_afterwards_are_not_added_up(exchange: Exchange, trade_type: str) -> None:
    order = market("BUY", "1", "2600")
    fills = [a_fill(), a_fill(entry_id="f-2", trade_type=trade_type)]
    with pytest.raises(VenueDown, match="adjusted afterwards"):
        await reported(exchange, order, told(order), fills)


@pytest.mark.parametrize("changes", [{"size": "0"}, {"size": "-1"}, {"price": "0"}, {"size": ""}, {"trade_time": "?"}])
async def test_a_fill_that_makes_no_sense_is_no_news(exchange: Exchange, changes: Json) -> None:
    order = market("BUY", "1", "2600")
    with pytest.raises(VenueDown):
        await reported(exchange, order, told(order), [a_fill(**changes)])


async def test_an_order_that_was_filled_beyond_its_fills_or_the_reverse_is_reported_as_it_is(
    exchange: Exchange,
) -> None:
    order = market("BUY", "1", "2600")
    for filled, fills in (("0.5", [a_fill()]), ("1", [a_fill(size="0.25")])):
        report = await reported(exchange, order, told(order, filled_size=filled), fills)
        assert (report.filled_base, report.fills[0].base_qty) == (D(filled), D(fills[0]["size"]))


async def test_fills_of_other_orders_are_left_out(exchange: Exchange) -> None:
    order = market("BUY", "1", "2600")
    fills = [a_fill(), a_fill(entry_id="f-2", order_id="v-2"), a_fill(entry_id="f-3", order_id="v-2", trade_type="?")]
    report = await reported(exchange, order, told(order), fills)
    assert [fill.venue_fill_id for fill in report.fills] == ["f-1"]


async def test_a_fill_is_read_with_its_time_and_its_rebate(exchange: Exchange) -> None:
    order = market("BUY", "1", "2600")
    odd = a_fill(commission="-0.01", liquidity_indicator="UNKNOWN_LIQUIDITY_INDICATOR")
    (fill,) = (await reported(exchange, order, told(order), [odd])).fills
    assert (fill.fee, fill.liquidity, fill.filled_at) == (D("-0.01"), "unknown", NOW.replace(microsecond=123456))


@pytest.mark.parametrize(
    "configuration", [{}, {"market_market_ioc": {"quote_size": "10"}}, {"limit_limit_gtc": {"base_size": "1"}}]
)
async def test_terms_that_we_never_send_are_reported_as_not_ours(exchange: Exchange, configuration: Json) -> None:
    order = market("BUY", "1", "2600")
    report = await reported(exchange, order, told(order, order_configuration=configuration), [a_fill()])
    assert (report.base_qty, report.limit_price) == (None, None)
    assert len(differences(order, report)) == 2


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({"side": "SELL"}, "action"),
        ({"product_id": "BTC-USD"}, "pair"),
        ({"order_configuration": {"sor_limit_ioc": {"base_size": "2", "limit_price": "2600"}}}, "base_qty"),
        ({"order_configuration": {"sor_limit_ioc": {"base_size": "1", "limit_price": "2601"}}}, "limit_price"),
    ],
)
async def test_the_venues_own_record_of_what_was_asked_is_passed_on(
    exchange: Exchange, changes: Json, different: str
) -> None:
    order = market("BUY", "1", "2600")
    report = await reported(exchange, order, told(order, **changes), [a_fill()])
    (found,) = differences(order, report)
    assert found.startswith(different)


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"status": "PENDING"}, "open", ""),
        ({"status": "QUEUED"}, "open", ""),
        ({"status": "CANCEL_QUEUED"}, "open", ""),
        ({"status": "EDIT_QUEUED"}, "open", ""),
        ({"status": "EXPIRED"}, "expired", ""),
        ({"status": "CANCELLED", "cancel_message": "User requested cancel"}, "cancelled", "User requested cancel"),
        ({"status": "FAILED", "reject_message": "No hold"}, "rejected", "No hold"),
        ({"status": "FAILED", "reject_reason": "HOLD_FAILURE"}, "rejected", "HOLD_FAILURE"),
        ({"status": "CANCELLED", "reject_reason": "REJECT_REASON_UNSPECIFIED"}, "cancelled", ""),
    ],
)
async def test_every_status_has_its_meaning(exchange: Exchange, changes: Json, state: str, reason: str) -> None:
    order = market("BUY", "1", "2600")
    report = await reported(exchange, order, told(order, filled_size="0", number_of_fills="0", **changes))
    assert (report.state, report.reason) == (state, reason)
