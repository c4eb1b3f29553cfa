"""Lists that have no end, that move while they are read, and that hold what is not ours."""

import logging
from datetime import timedelta, timezone
from decimal import Decimal

import httpx
import pytest

from domain.errors import VenueDown
from domain.orders import differences
from domain.pairs import Pair
from tests.simulators.clients import Json
from tests.venues.backstage import Sent, market
from tests.venues.coinbase import ACCOUNTS, API, BATCH, FILLS, NOW, Script, a_fill, told
from tests.worlds import ETH_USD, prepared

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({"has_next": True, "cursor": "same"}, id="the same cursor again and again"),
        pytest.param({"has_next": True, "cursor": ""}, id="more, but an empty cursor"),
        pytest.param({"has_next": True}, id="more, but no cursor"),
        pytest.param({"has_next": True, "cursor": None}, id="more, but null for a cursor"),
        pytest.param({"cursor": "same"}, id="a cursor, again and again"),
    ],
)
async def test_a_list_that_does_not_lead_to_its_end_proves_nothing(script: Script, page: Json) -> None:
    script.says[BATCH] = lambda _: {"orders": [], **page}
    for reading in (script.look_up, script.watch):
        with pytest.raises(VenueDown, match="does not say where"):
            await reading()


async def test_balances_that_do_not_lead_to_their_end_are_not_taken_for_none(script: Script) -> None:
    script.says[ACCOUNTS] = lambda _: {"accounts": [], "has_next": True, "cursor": ""}
    script.says[f"{API}/products/ETH-USD"] = script.says[f"{API}/product_book"] = lambda _: {}
    with pytest.raises(VenueDown):
        await script.venue.quote(ETH_USD, "SELL")


async def test_cursors_that_lead_in_a_circle_are_noticed(script: Script) -> None:
    onwards = {"": "a", "a": "b", "b": "a"}
    script.says[BATCH] = lambda params: {
        "orders": [],
        "has_next": True,
        "cursor": onwards[params.get("cursor", "")],
    }
    with pytest.raises(VenueDown, match="does not say where"):
        await script.look_up()


@pytest.mark.parametrize("last", [{"has_next": False, "cursor": "left over"}, {"has_next": False}, {"cursor": ""}, {}])
async def test_a_list_ends_where_it_says_so(script: Script, last: Json) -> None:
    script.says[BATCH] = lambda _: {"orders": [], **last}
    assert (await script.look_up()).report is None
    assert len(script.asked) == 1


async def test_a_next_page_is_read_even_if_only_its_cursor_is_given(script: Script) -> None:
    pages: dict[str, Json] = {"": {"orders": [], "cursor": "2"}, "2": {"orders": [script.ours()], "cursor": ""}}
    script.says[BATCH] = lambda params: pages[params.get("cursor", "")]
    assert (await script.look_up()).report is not None


async def test_all_fills_are_read_however_few_the_venue_puts_on_a_page(script: Script) -> None:
    order = script.ours(status="FILLED", filled_size="1", number_of_fills="3")
    fills = [a_fill(entry_id=f"f-{number}", size=size) for number, size in enumerate(("0.5", "0.3", "0.2"))]
    script.pages(BATCH, "orders", [order])
    script.pages(FILLS, "fills", *([fill] for fill in fills))
    found = (await script.look_up()).report
    assert found is not None
    assert [fill.base_qty for fill in found.fills] == [Decimal("0.5"), Decimal("0.3"), Decimal("0.2")]


async def test_fills_may_leave_a_cursor_behind_on_their_last_page(script: Script) -> None:
    script.pages(BATCH, "orders", [script.ours(status="FILLED", filled_size="1")])
    script.says[FILLS] = lambda params: {"fills": [] if "cursor" in params else [a_fill()], "cursor": "1"}
    found = (await script.look_up()).report
    assert found is not None
    assert len(found.fills) == 1


async def test_fills_that_never_end_are_noticed(script: Script) -> None:
    script.pages(BATCH, "orders", [script.ours(status="FILLED", filled_size="1")])
    script.says[FILLS] = lambda _: {"fills": [a_fill()], "cursor": "same"}
    with pytest.raises(VenueDown, match="does not say where"):
        await script.look_up()


async def test_a_fill_that_stands_on_two_pages_counts_once(script: Script) -> None:
    script.pages(BATCH, "orders", [script.ours(status="FILLED", filled_size="1")])
    script.pages(FILLS, "fills", [a_fill(), a_fill()], [a_fill()])
    found = (await script.look_up()).report
    assert found is not None
    assert [fill.venue_fill_id for fill in found.fills] == ["f-1"]


STRANGER: Json = {
    "order_id": "x",
    "client_order_id": "x",
    "product_id": "BIT-28NOV26-CDE",
    "side": "UNKNOWN_ORDER_SIDE",
}
STRANGERS: list[Json] = [
    STRANGER,
    {**STRANGER, "order_configuration": {"sor_limit_ioc": {"base_size": "", "quote_size": "5", "limit_price": ""}}},
    {**STRANGER, "status": "OPEN", "order_configuration": None, "filled_size": "?"},
    {"order_id": "x", "client_order_id": None},
    {},
]


async def test_orders_of_others_may_have_any_shape(script: Script) -> None:
    script.pages(BATCH, "orders", STRANGERS, [script.ours(status="CANCELLED")])
    found, (watched,) = await script.look_up(), await script.watch()
    assert found.report is not None
    assert (found.report.state, watched.state) == ("cancelled", "cancelled")


async def test_our_order_in_a_shape_that_cannot_be_read_is_not_taken_for_missing(script: Script) -> None:
    script.pages(BATCH, "orders", [script.ours(side="?")])
    with pytest.raises(VenueDown, match="v-1"):
        await script.look_up()


@pytest.mark.parametrize(
    "odd", [{"status": "A_STATUS_OF_TOMORROW"}, {"filled_size": "?"}, {"status": "FILLED"}, {"product_id": "?"}]
)
async def test_an_order_that_makes_no_sense_does_not_hide_the_others(
    script: Script, caplog: pytest.LogCaptureFixture, odd: Json
) -> None:
    other = Sent(market("BUY", "2", "2600"), prepared(script.order), "v-2")
    good = told(other.order, order_id="v-2", status="CANCELLED", filled_size="0", number_of_fills="0")
    script.pages(BATCH, "orders", [script.ours(**{"status": "CANCELLED", **odd}), good])
    with caplog.at_level(logging.WARNING):
        (report,) = await script.watch(other)
    assert (report.venue_order_id, report.state) == ("v-2", "cancelled")
    assert "order_unreadable venue=coinbase" in caplog.text
    assert "v-1" in caplog.text


async def test_adjusted_fills_of_one_order_do_not_hide_the_others(script: Script) -> None:
    other = Sent(market("BUY", "1", "2600"), prepared(script.order), "v-2")
    done: Json = {"status": "FILLED", "filled_size": "1", "number_of_fills": "1"}
    script.pages(BATCH, "orders", [script.ours(**done), told(other.order, order_id="v-2", **done)])
    adjusted = a_fill(trade_type="REVERSAL", entry_id="f-2")
    script.pages(FILLS, "fills", [a_fill(), adjusted, a_fill(entry_id="f-3", order_id="v-2")])
    (report,) = await script.watch(other)
    assert (report.venue_order_id, len(report.fills)) == ("v-2", 1)


async def test_an_order_that_moved_to_the_next_page_meanwhile_counts_as_it_was_seen_last(script: Script) -> None:
    seen = script.ours(), script.ours(filled_size="0.4", number_of_fills="1")
    script.pages(BATCH, "orders", [seen[0]], [seen[1]])
    script.pages(FILLS, "fills", [a_fill(size="0.4")])
    (report,) = await script.watch()
    assert (report.filled_base, len(report.fills)) == (Decimal("0.4"), 1)


async def test_an_open_order_that_slipped_between_two_pages_is_asked_for_by_its_id(script: Script) -> None:
    def answer(params: httpx.QueryParams) -> Json:
        by_id = params.get_list("order_ids") == ["v-1"]
        return {"orders": [script.ours(filled_size="0.4")] if by_id else [], "has_next": False}

    script.says[BATCH] = answer
    (report,) = await script.watch()
    assert (report.state, report.filled_base) == ("open", Decimal("0.4"))


async def test_an_order_is_found_under_the_name_of_its_pairs_twin(script: Script) -> None:
    script.order = script.order.model_copy(update={"pair": Pair(base="ETH", quote="USDC")})
    listed = {"ETH-USD": [script.ours()], "ETH-USDC": []}

    def answer(params: httpx.QueryParams) -> Json:
        products = params.get_list("product_ids") or listed
        return {"orders": [order for product in products for order in listed[product]], "has_next": False}

    script.says[BATCH] = answer
    found = (await script.look_up()).report
    assert found is not None
    assert [difference.partition(":")[0] for difference in differences(script.order, found)] == ["pair"]


@pytest.mark.parametrize("hours", [-11, 0, 14])
async def test_a_look_up_begins_a_day_before_the_send_by_any_clock(script: Script, hours: int) -> None:
    script.pages(BATCH, "orders", [])
    await script.look_up(NOW.astimezone(timezone(timedelta(hours=hours))))
    assert script.asked[0]["start_date"] == "2026-11-21T09:30:00Z"
