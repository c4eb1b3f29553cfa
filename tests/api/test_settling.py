"""A person ends the doubt about an order, over HTTP: Temporal may be away, the ledger decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.attempts import Answer, Send
from domain.orders import Order
from tests.api.conftest import Api
from tests.ledger.conftest import open_trade, sized_order
from tests.worlds import a_fill, a_report, a_signal, prepared

pytestmark = pytest.mark.anyio

NEVER = {"kind": "never_placed", "reason": "it is not on the venue's page"}
FILLED = {"kind": "filled", "filled_base": "0.01", "price": "2490", "fee": "0.2", "reason": "I see it there"}


async def an_unknown_order(api: Api, fence_at: datetime | None = None) -> Order:
    order = await sized_order(api.ledger, a_signal())
    fence_at = fence_at or datetime.now(UTC) - timedelta(hours=1)
    send = Send(prepared=prepared(order), fence_at=fence_at, resend_window=None, epoch=0)
    attempt = (await api.ledger.orders.admit(send)).attempt
    assert attempt is not None
    await api.ledger.orders.answer(attempt, Answer(verdict="unknown", evidence="no answer in 5 s"))
    return order


async def test_what_is_settled_is_answered_and_kept_with_who_and_why(api: Api) -> None:
    order = await an_unknown_order(api)
    answer = await api.operate("POST", f"/trades/{order.trade_id}/settle", FILLED, X_Operator="ann")
    assert answer.status_code == 200
    told = answer.json()
    assert told["trade_id"] == order.trade_id
    assert (told["standing"]["state"], told["standing"]["final"]) == ("filled", True)
    assert (told["standing"]["filled_quote"], told["standing"]["fee"]) == ("24.90", "0.2")
    sheet = (await api.operate("GET", f"/trades/{order.trade_id}")).json()
    (event,) = [event for event in sheet["timeline"] if event["stop"] == "settled"]
    assert (event["decision"], event["reason"]) == ("filled 0.01 at 2490 by ann", "I see it there")
    again = await api.operate("POST", f"/trades/{order.trade_id}/settle", FILLED, X_Operator="bob")
    assert (again.status_code, again.json()["standing"]["reason"]) == (200, told["standing"]["reason"])


async def test_an_order_that_was_found_is_not_over(api: Api) -> None:
    order = await an_unknown_order(api)
    body = {"kind": "found", "venue_order_id": "v-1", "reason": "I see it there"}
    told = (await api.operate("POST", f"/trades/{order.trade_id}/settle", body)).json()
    assert (told["standing"]["state"], told["standing"]["final"]) == ("unknown", False)


async def test_a_word_that_does_not_fit_is_refused_with_its_field_and_the_fix(api: Api) -> None:
    order = await an_unknown_order(api)
    path = f"/trades/{order.trade_id}/settle"
    refused = await api.operate("POST", path, {**FILLED, "filled_base": "0.02"})
    assert refused.status_code == 409
    assert refused.json() == {
        "code": "filled_too_much",
        "message": "the order was for 0.01 only",
        "fix": "state at most 0.01",
        "field": "filled_base",
    }
    assert (await api.operate("POST", path, NEVER)).status_code == 200
    refused = await api.operate("POST", path, FILLED)
    assert (refused.status_code, refused.json()["code"]) == (409, "settled_before")


async def test_what_may_still_arrive_what_has_ended_and_what_never_was_cannot_be_settled(api: Api) -> None:
    young = await an_unknown_order(api, datetime.now(UTC) + timedelta(seconds=12))
    ended = await an_unknown_order(api)
    await api.ledger.reports.merge(a_report(ended, "filled", a_fill("f1", "0.01")))
    orderless = a_signal()
    await open_trade(api.ledger, orderless)
    for trade_id, code in (
        (young.trade_id, "may_still_arrive"),
        (ended.trade_id, "order_ended"),
        (orderless.trade_id, "no_order"),
    ):
        refused = await api.operate("POST", f"/trades/{trade_id}/settle", NEVER)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
    unknown = await api.operate("POST", "/trades/20260101-000000-aaaaaaaa-entry/settle", NEVER)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "trade_unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "kind"),
        ([], "kind"),
        ({}, "kind"),
        ({"kind": "lost", "reason": "x"}, "kind"),
        ({"kind": "never_placed"}, "reason"),
        ({"kind": "never_placed", "reason": ""}, "reason"),
        ({"kind": "found", "reason": "x"}, "kind"),
        ({"kind": "found", "reason": "x", "venue_order_id": "../../accounts"}, "venue_order_id"),
        ({**FILLED, "filled_base": 0.01}, "filled_base"),
        ({**FILLED, "filled_base": "-0.01"}, "filled_base"),
        ({**FILLED, "price": "0"}, "price"),
        ({**FILLED, "price": "NaN"}, "price"),
        ({**FILLED, "by": "somebody else"}, "by"),
    ],
)
async def test_a_body_that_says_nothing_clear_is_refused_and_told_how(api: Api, body: Any, field: str) -> None:
    order = await an_unknown_order(api)
    answer = await api.operate("POST", f"/trades/{order.trade_id}/settle", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "settlement_invalid", field)
    assert not (await api.ledger.orders.standing(order.order_id)).final


async def test_what_cannot_be_seen_is_taken_out_of_who_and_why(api: Api) -> None:
    order = await an_unknown_order(api)
    body = {**NEVER, "reason": "not\x00there\u202e"}
    told = (await api.operate("POST", f"/trades/{order.trade_id}/settle", body)).json()
    assert told["standing"]["reason"].isprintable()
