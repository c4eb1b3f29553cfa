"""Issue: unknown orders have an owner. A person's word ends the doubt, where the books leave room for it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.attempts import FENCE_MARGIN, Send
from domain.errors import SettlementRefused
from domain.outcomes import conclude
from domain.settlements import Settlement, settled_fill_id
from ledger.ledger import Ledger
from tests.ledger.conftest import open_trade, sized_order
from tests.ledger.invariants import check_all, read_tables
from tests.ledger.settling import a_settlement, an_unknown_order, budget, filled, position, refused, sent
from tests.worlds import a_fill, a_report, a_signal, accepted, prepared

pytestmark = pytest.mark.anyio


# Never placed


async def test_an_order_that_was_never_placed_ends_and_gives_its_reservation_back(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.trades.mark_unresolved(order.trade_id, "no answer says whether the order exists")
    standing = await ledger.settlements.settle(order.trade_id, a_settlement())
    assert (standing.state, standing.final, standing.reason_code) == ("not_placed", True, "NotPlaced")
    assert standing.reason == "never placed by ann: seen on the venue's page"
    assert await budget(ledger) == (0, Decimal(0), Decimal(0))
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert sheet.unresolved_since is None
    assert ("settled", "never placed by ann", "seen on the venue's page", "alert") in [
        (event.stop, event.decision, event.reason, event.level) for event in sheet.timeline
    ]
    outcome = await ledger.trades.close(order.trade_id, conclude(standing))
    assert (outcome.kind, outcome.code) == ("refused", "NotPlaced")


async def test_a_trade_that_was_to_be_cancelled_is_cancelled_when_its_order_was_never_placed(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.trades.request_cancel(order.trade_id, "enough", "bob")
    standing = await ledger.settlements.settle(order.trade_id, a_settlement())
    assert conclude(standing).kind == "cancelled"


async def test_once_it_is_settled_nothing_more_is_sent(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-1"))
    again = Send(prepared=prepared(order), fence_at=None, resend_window=timedelta(hours=1), epoch=0)
    admission = await ledger.orders.admit(again)
    assert (admission.attempt, admission.closed_code) == (None, "Settled")


async def test_what_may_still_arrive_is_not_called_never_placed_nor_filled(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    fence_at = datetime.now(UTC) - FENCE_MARGIN + timedelta(minutes=1)
    await sent(ledger, order, fence_at)
    code, _, text = await refused(ledger, order, a_settlement())
    assert code == "may_still_arrive"
    assert f"{fence_at + FENCE_MARGIN:%H:%M:%S}" in text
    assert (await refused(ledger, order, filled("0.01")))[0] == "may_still_arrive"
    assert (await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v"))).state


async def test_without_a_fence_a_person_must_have_been_called_first(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await sent(ledger, order, fence_at=None)
    assert (await refused(ledger, order, a_settlement()))[0] == "may_still_arrive"
    await ledger.trades.mark_unresolved(order.trade_id, "nobody can tell")
    assert (await ledger.settlements.settle(order.trade_id, a_settlement())).final


async def test_an_order_that_the_venue_has_taken_cannot_be_called_never_placed(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.answer(await sent(ledger, order), accepted(order))
    await ledger.trades.mark_unresolved(order.trade_id, "the venue does not say how it has ended")
    code, field, text = await refused(ledger, order, a_settlement())
    assert (code, field) == ("known_at_venue", "kind")
    assert f"v-{order.order_id}" in text


@pytest.mark.parametrize("settlement", [a_settlement(), filled("0.01"), a_settlement("found", venue_order_id="v")])
async def test_only_what_was_sent_and_has_not_ended_can_be_settled(ledger: Ledger, settlement: Settlement) -> None:
    signal = a_signal()
    await open_trade(ledger, signal)
    with pytest.raises(SettlementRefused, match="no order"):
        await ledger.settlements.settle(signal.trade_id, settlement)
    order = await sized_order(ledger, a_signal())
    assert (await refused(ledger, order, settlement))[0] == "never_sent"
    await sent(ledger, order)
    await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.01")))
    assert (await refused(ledger, order, settlement))[0] == "order_ended"


# Repeats


@pytest.mark.parametrize("settlement", [a_settlement(), filled("0.004"), a_settlement("found", venue_order_id="v-1")])
async def test_saying_the_same_again_changes_nothing(ledger: Ledger, settlement: Settlement) -> None:
    order = await an_unknown_order(ledger)
    first = await ledger.settlements.settle(order.trade_id, settlement)
    before = await ledger.reading.trade(order.trade_id)
    again = settlement.model_copy(update={"by": "bob", "reason": "I see the same"})
    assert await ledger.settlements.settle(order.trade_id, again) == first
    assert await ledger.reading.trade(order.trade_id) == before


async def test_saying_something_else_is_refused_and_told_what_was_said_before(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, filled("0.01"))
    code, _, text = await refused(ledger, order, a_settlement(by="bob"))
    assert code == "settled_before"
    assert "filled 0.01 at 2500 by ann" in text
    assert (await refused(ledger, order, filled("0.009")))[0] == "settled_before"


async def test_where_to_look_can_be_corrected_until_the_venue_shows_it(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-mistyped"))
    standing = await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-1"))
    assert (standing.state, standing.final, standing.venue_order_id) == ("unknown", False, None)
    assert (await ledger.orders.known(order.order_id)).found_as == "v-1"
    await ledger.reports.merge(a_report(order, "open", venue_order_id="v-1"))
    assert (await refused(ledger, order, a_settlement("found", venue_order_id="v-2")))[:2] == (
        "id_differs",
        "venue_order_id",
    )
    assert (
        await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-1"))
    ).state == "open"


async def test_the_venues_own_id_counts_and_not_the_one_that_was_told(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.settlements.settle(order.trade_id, a_settlement("found", venue_order_id="v-mistyped"))
    standing = await ledger.reports.merge(a_report(order, "filled", a_fill("f1", "0.01"), venue_order_id="v-1"))
    assert (standing.final, standing.venue_order_id) == (True, "v-1")


# Filled


async def test_what_a_person_states_is_booked_as_one_fill(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    standing = await ledger.settlements.settle(order.trade_id, filled("0.01", "2490", fee="0.2"))
    assert (standing.state, standing.final) == ("filled", True)
    assert (standing.filled_base, standing.filled_quote, standing.fee) == (
        Decimal("0.01"),
        Decimal("24.9"),
        Decimal("0.2"),
    )
    held = await position(ledger)
    assert (held.base_qty, held.cost, held.fees) == (Decimal("0.01"), Decimal("25.1"), Decimal("0.2"))
    check_all(await ledger.database.read(read_tables))
    assert await budget(ledger) == (1, Decimal(0), Decimal("24.9"))
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert [fill.venue_fill_id for fill in sheet.fills] == [settled_fill_id(order.order_id)]
    outcome = await ledger.trades.close(order.trade_id, conclude(standing))
    assert (outcome.kind, outcome.filled_quote, outcome.average_price) == ("filled", Decimal("24.9"), Decimal(2490))


async def test_a_part_that_was_filled_ends_the_order_and_the_outcome_says_who_said_so(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    standing = await ledger.settlements.settle(order.trade_id, filled("0.004"))
    assert (standing.state, standing.final, standing.filled_base) == ("cancelled", True, Decimal("0.004"))
    outcome = conclude(standing)
    assert (outcome.kind, outcome.code) == ("partly_filled", "Settled")
    assert outcome.reason == "0.006 ETH were not filled: filled 0.004 at 2500 by ann: seen on the venue's page"


async def test_only_what_the_books_lack_is_booked_on_top_so_that_the_whole_is_what_was_stated(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004", "2500", fee="0.1")))
    await ledger.trades.mark_unresolved(order.trade_id, "the venue does not answer")
    standing = await ledger.settlements.settle(order.trade_id, filled("0.01", "2506", fee="0.25"))
    assert (standing.filled_base, standing.filled_quote, standing.fee) == (
        Decimal("0.01"),
        Decimal("25.06"),
        Decimal("0.25"),
    )
    sheet = await ledger.reading.trade(order.trade_id)
    assert sheet is not None
    assert [(fill.base_qty, fill.price) for fill in sheet.fills] == [
        (Decimal("0.004"), Decimal(2500)),
        (Decimal("0.006"), Decimal(2510)),
    ]


async def test_an_accepted_order_that_ended_without_a_fill_is_settled_with_nothing(ledger: Ledger) -> None:
    order = await sized_order(ledger, a_signal())
    await ledger.orders.answer(await sent(ledger, order), accepted(order))
    assert (await refused(ledger, order, filled("0", None)))[0] == "not_in_doubt"
    await ledger.trades.mark_unresolved(order.trade_id, "the venue does not say how it has ended")
    standing = await ledger.settlements.settle(order.trade_id, filled("0", None))
    assert (standing.state, standing.final, standing.filled_base) == ("cancelled", True, Decimal(0))
    assert await budget(ledger) == (0, Decimal(0), Decimal(0))
    assert conclude(standing).kind == "refused"


@pytest.mark.parametrize(
    ("settlement", "code", "field"),
    [
        (filled("0.010000000000000001"), "filled_too_much", "filled_base"),
        (filled("0.003"), "filled_too_little", "filled_base"),
        (filled("0.01", "2525.01"), "price_beyond_limit", "price"),
        # All of it within the limit on average, and yet what is not booked would not be.
        (filled("0.005", "2510"), "price_beyond_limit", "price"),
        (filled("0.01", "900"), "price_beyond_limit", "price"),
        (filled("0.01", None), "price_missing", "price"),
        (filled("0.01", fee="0.09"), "fee_too_small", "fee"),
        (filled("0.01", fee="1", venue_order_id="v-another"), "id_differs", "venue_order_id"),
    ],
)
async def test_amounts_that_cannot_be_are_refused(
    ledger: Ledger, settlement: Settlement, code: str, field: str
) -> None:
    order = await an_unknown_order(ledger)
    await ledger.reports.merge(a_report(order, "open", a_fill("f1", "0.004", "2500", fee="0.1")))
    await ledger.trades.mark_unresolved(order.trade_id, "the venue does not answer")
    before = await ledger.reading.trade(order.trade_id)
    assert (await refused(ledger, order, settlement))[:2] == (code, field)
    assert await ledger.reading.trade(order.trade_id) == before


async def test_a_sale_is_never_settled_below_its_limit(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger, action="SELL", percentage=Decimal(50))
    assert (await refused(ledger, order, filled("0.01", "2524.99")))[0] == "price_beyond_limit"
    assert (await ledger.settlements.settle(order.trade_id, filled("0.01", "2525"))).final
    assert (await position(ledger)).base_qty == Decimal("-0.01")


async def test_what_the_venue_reported_as_filled_cannot_be_stated_away(ledger: Ledger) -> None:
    order = await an_unknown_order(ledger)
    await ledger.reports.merge(a_report(order, "cancelled", filled_base=Decimal("0.006")))
    await ledger.trades.mark_unresolved(order.trade_id, "its fills do not come")
    assert (await refused(ledger, order, filled("0.005")))[0] == "filled_too_little"
    standing = await ledger.settlements.settle(order.trade_id, filled("0.006"))
    assert (standing.state, standing.final, standing.filled_base) == ("cancelled", True, Decimal("0.006"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "found"}, "venue_order_id is missing"),
        ({"kind": "found", "venue_order_id": "../../accounts"}, "venue_order_id"),
        ({"kind": "never_placed", "venue_order_id": "v-1"}, "venue_order_id"),
        ({"kind": "never_placed", "filled_base": "0.01"}, "filled_base"),
        ({"kind": "filled", "price": "2500"}, "filled_base is missing"),
        ({"kind": "filled", "filled_base": "-0.01", "price": "2500"}, "filled_base"),
        ({"kind": "filled", "filled_base": "0.01", "price": "0"}, "price"),
        ({"kind": "filled", "filled_base": "0.01", "price": "2500", "fee": "-1"}, "fee"),
        ({"kind": "filled", "filled_base": 0.01, "price": "2500"}, "as a text"),
        ({"kind": "filled", "filled_base": "1e-400", "price": "2500"}, "filled_base"),
        ({"kind": "lost"}, "kind"),
        ({"kind": "never_placed", "reason": ""}, "reason"),
        ({"kind": "never_placed", "because": "I know"}, "because"),
    ],
)
async def test_a_settlement_that_does_not_say_what_it_must_is_none(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settlement.model_validate({"by": "ann", "reason": "seen", **wrong})
