"""The auditor against the simulated exchange: what really differs is named, and mended where it is certain."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.testing import WorkflowEnvironment

from activities import policies
from domain.attempts import Answer, Send
from domain.names import client_order_id
from domain.settlements import Settlement
from ledger.ledger import Ledger
from ledger.tables import AttemptRow, FillRow, OrderRow
from tests.fakes import FakeVenue
from tests.venues.backstage import ASKS, BIDS, market
from tests.venues.coinbase import API, CoinbaseBackstage, coinbase_backstage
from tests.workflows.auditing import audited, codes, found, make_round, open_trade, place, write
from tests.workflows.conftest import Desk, open_desk
from tests.worlds import PAPER, a_signal, an_order, some_rules

pytestmark = pytest.mark.anyio

D = Decimal
TERMS: dict[str, Any] = {"base_qty": D("0.01"), "limit_price": D(2600)}


class Floor:
    """A desk at the exchange, and the exchange behind the scenes."""

    def __init__(self, desk: Desk, stage: CoinbaseBackstage) -> None:
        self.desk, self.stage, self.ledger, self.venue = desk, stage, desk.ledger, stage.venue


@pytest.fixture
async def floor(temporal: WorkflowEnvironment, ledger: Ledger, tmp_path: Path) -> AsyncIterator[Floor]:
    async with coinbase_backstage(tmp_path) as stage:
        await stage.set_book(BIDS, ASKS)
        async with open_desk(temporal, ledger, cast(FakeVenue, stage.venue)) as desk:
            yield Floor(desk, stage)


async def test_a_house_in_order_is_not_alarmed(floor: Floor) -> None:
    handle = await floor.desk.start()
    assert (await handle.result()).outcome.kind == "filled"
    resting = await floor.desk.start(a_signal(limit_price=D(2490), amount=D(24)))
    await floor.desk.until(resting, lambda sheet: any(order.state == "open" for order in sheet.orders))
    report = await make_round(floor.desk)
    assert [one for one in report.differences if one.book != "temporal"] == []
    looks = {look.book: look for look in report.looks if look.account == PAPER.name}
    assert looks["venue"].trouble == ""
    assert (looks["venue"].checked["orders"], looks["venue"].checked["fills"]) == (2, 1)
    assert looks["ledger"].checked == {"orders": 2, "fills": 1, "positions": 1}
    await resting.signal("cancel", "enough")
    await resting.result()


async def test_an_end_and_a_fill_that_nobody_saw_are_booked_once_and_told_once(floor: Floor) -> None:
    order = await place(floor.ledger, floor.venue, **TERMS)
    first, *more = await found(floor.desk)
    assert {first.code, *(one.code for one in more)} == {"missed_fill", "missed_end"}
    assert {one.repaired for one in (first, *more)} == {"booked what the venue has on record"}
    standing = await floor.ledger.orders.standing(order.order_id)
    assert (standing.state, standing.final, standing.filled_base) == ("filled", True, D("0.01"))
    (position,) = await floor.ledger.reading.positions()
    assert position.base_qty == D("0.01")
    told = await audited(floor.ledger, order.trade_id)
    assert sorted(told) == [("missed_end", "alert"), ("missed_fill", "alert")]
    assert await codes(floor.desk) == []
    assert await audited(floor.ledger, order.trade_id) == told
    assert await floor.ledger.reading.positions() == [position]


async def test_a_partial_fill_that_nobody_saw_is_booked(floor: Floor) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    terms = {"base_qty": D("0.3"), "limit_price": D(2490), "kind": "limit", "rests_until": until}
    order = await place(floor.ledger, floor.venue, **terms)
    assert await codes(floor.desk) == []
    await floor.stage.others_trade("SELL", "2490", "0.2")
    assert [code for code, _ in await codes(floor.desk)] == ["missed_fill"]
    standing = await floor.ledger.orders.standing(order.order_id)
    assert (standing.state, standing.filled_base) == ("open", D("0.2"))


async def test_an_order_that_nobody_answered_for_is_found(floor: Floor) -> None:
    order = await _silently_placed(floor)
    assert (await floor.ledger.orders.standing(order)).state == "unknown"
    assert [code for code, _ in await codes(floor.desk)] == ["missed_fill", "missed_order"]
    assert (await floor.ledger.orders.standing(order)).final


async def test_an_order_that_we_had_given_up_is_taken_back(floor: Floor) -> None:
    order = await _silently_placed(floor)
    await write(floor.ledger, OrderRow, state="not_placed", final_at=await floor.ledger.auditing.now())
    found_codes = [code for code, _ in await codes(floor.desk)]
    assert "order_exists_after_all" in found_codes
    standing = await floor.ledger.orders.standing(order)
    assert (standing.state, standing.filled_base) == ("filled", D("0.01"))


async def test_an_order_of_ours_that_the_ledger_lost_is_told_from_one_that_was_placed_by_hand(floor: Floor) -> None:
    lost = an_order(a_signal(), **TERMS)
    await floor.venue.submit(await floor.venue.prepare(lost, 1), floor.venue.open_attempt())
    by_hand = (await floor.venue.prepare(market("BUY", "0.02", "2600"), 1)).model_copy()
    ours = client_order_id(f"{by_hand.order_id}", 1)
    theirs = by_hand.model_copy(update={"payload": by_hand.payload.replace(ours, str(uuid.uuid4()))})
    await floor.venue.submit(theirs, floor.venue.open_attempt())
    differences = {one.code: one for one in await found(floor.desk)}
    assert {code: one.level for code, one in differences.items()} == {"unknown_order": "alert", "foreign_order": "info"}
    assert client_order_id(lost.order_id, 1) in differences["unknown_order"].what
    assert "BUY ETH-USD, 0.02 filled, filled" in differences["foreign_order"].what


async def test_amounts_that_differ_are_named_with_both_values_and_not_mended(floor: Floor) -> None:
    handle = await floor.desk.start()
    await handle.result()
    (order,) = (await floor.desk.sheet(handle)).orders
    await write(floor.ledger, FillRow, price=D(2400))
    venue = {one.code: one for one in await found(floor.desk) if one.book == "venue"}
    assert list(venue) == ["fill_differs"]
    assert "the venue says" in venue["fill_differs"].what
    assert "at 2400" in venue["fill_differs"].what
    assert venue["fill_differs"].repaired == ""
    assert venue["fill_differs"].order_id == order.order.order_id


async def test_totals_that_differ_are_named(floor: Floor) -> None:
    handle = await floor.desk.start()
    await handle.result()
    await write(floor.ledger, OrderRow, filled_quote=D(7))
    assert {one.code for one in await found(floor.desk) if one.book == "venue"} == {"amount_differs"}


async def test_a_fill_that_only_the_ledger_has_is_named(floor: Floor) -> None:
    handle = await floor.desk.start()
    await handle.result()
    await write(floor.ledger, FillRow, venue_fill_id="made-up")
    differences = [one for one in await found(floor.desk) if one.book == "venue"]
    assert {"unknown_fill", "missed_fill"} == {one.code for one in differences}


async def test_an_order_that_the_venue_does_not_list_is_named(floor: Floor) -> None:
    handle = await floor.desk.start()
    await handle.result()
    await floor.stage.hide_orders(True)
    (difference,) = [one for one in await found(floor.desk) if one.book == "venue"]
    assert difference.code == "order_missing"


async def test_a_position_that_is_larger_than_the_balance_is_named(floor: Floor) -> None:
    await (await floor.desk.start()).result()
    await floor.stage.set_balance("ETH", "0.001")
    (difference,) = await found(floor.desk)
    assert (difference.code, difference.place) == ("position_exceeds_balance", "ETH")
    assert "the account has 0.001" in difference.what


async def test_while_the_venue_is_away_the_other_books_are_compared_and_nothing_is_gone(floor: Floor) -> None:
    await (await floor.desk.start()).result()
    await floor.stage.set_balance("ETH", "0.001")
    await found(floor.desk)
    match = {"method": "GET", "path_prefix": f"{API}/accounts"}
    await floor.stage.control.fault({"status": 503}, match=match, times=9)
    report = await make_round(floor.desk)
    looks = {look.book: look for look in report.looks if look.account == PAPER.name}
    assert looks["venue"].trouble.startswith("VenueDown")
    assert looks["ledger"].trouble == ""
    assert [kept.difference.code for kept in await floor.ledger.findings.present()] == ["position_exceeds_balance"]


async def _silently_placed(floor: Floor) -> str:
    """An order that is at the exchange, and whose answer was lost."""
    signal = await open_trade(floor.ledger)
    order = an_order(signal, **TERMS)
    await floor.ledger.orders.size(order, "tests", some_rules().limits)
    prepared, ticket = await floor.venue.prepare(order, 1), floor.venue.open_attempt()
    sent = Send(prepared=prepared, fence_at=ticket.fence_at, resend_window=None, epoch=0)
    admission = await floor.ledger.orders.admit(sent)
    assert admission.attempt is not None
    await floor.venue.submit(prepared, ticket)
    await floor.ledger.orders.answer(admission.attempt, Answer(verdict="unknown", evidence="lost"))
    return order.order_id


async def test_a_busy_house_in_order_is_not_alarmed(
    temporal: WorkflowEnvironment, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds go on while orders are placed, filled bit by bit, cancelled and closed."""
    monkeypatch.setattr(policies, "SETTLED_AFTER", timedelta(seconds=2))
    async with coinbase_backstage(tmp_path) as stage:
        await stage.set_book(BIDS, ASKS)
        async with open_desk(temporal, ledger, cast(FakeVenue, stage.venue), real_time=True) as desk:
            rounds = [asyncio.create_task(make_round(desk)) for _ in range(2)]
            handles = []
            for _ in range(6):
                handles.append(await desk.start())
                resting = await desk.start(a_signal(limit_price=D(2490), amount=D(24)))
                await desk.until(resting, lambda sheet: any(order.state == "open" for order in sheet.orders))
                rounds.append(asyncio.create_task(make_round(desk)))
                await stage.others_trade("SELL", "2490", "0.004")
                await stage.others_trade("SELL", "2490", "0.002")
                await resting.signal("cancel", "enough")
                handles.append(resting)
            kinds = {(await handle.result()).outcome.kind for handle in handles}
            reports = await asyncio.gather(*rounds, make_round(desk))
    assert kinds == {"filled", "partly_filled"}
    assert [one for report in reports for one in report.differences if one.book != "temporal"] == []
    assert {look.trouble for report in reports for look in report.looks} == {""}
    (venue,) = [look for look in reports[-1].looks if look.book == "venue"]
    assert venue.checked["orders"] == 12


async def test_what_a_person_said_of_an_order_gives_way_to_the_venues_record(floor: Floor) -> None:
    order_id = await _silently_placed(floor)
    await write(floor.ledger, AttemptRow, fence_at=datetime.now(UTC) - timedelta(hours=1))
    order = (await floor.ledger.orders.standing(order_id)).order
    said = Settlement(kind="never_placed", by="ann", reason="their page shows nothing")
    await floor.ledger.settlements.settle(order.trade_id, said)
    assert (await floor.ledger.orders.standing(order_id)).state == "not_placed"
    assert "order_exists_after_all" in [code for code, repaired in await codes(floor.desk) if repaired]
    standing = await floor.ledger.orders.standing(order_id)
    assert (standing.state, standing.filled_base, standing.final) == ("filled", D("0.01"), True)
