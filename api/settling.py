"""Settling: what a person says of an order of which nobody can tell, taken at the door."""

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio.service import RPCError

from api.bodies import whole_body
from api.doors import Operator, doors_of
from api.refusals import Refusal, Refused
from domain.errors import SettlementRefused
from domain.names import trade_workflow_id
from domain.orders import OrderStanding
from domain.settlements import VENUE_ORDER_ID, Settlement, SettlementKind
from workflows.trade import TradeWorkflow

log = logging.getLogger(__name__)

# Telling Temporal is a courtesy: the word stands in the ledger, and the trade looks there by itself.
_TELL_S = 3.0

_REFUSALS = (400, 401, 404, 408, 409, 413, 422, 429, 503)
router = APIRouter(tags=["operating"], responses={code: {"model": Refusal} for code in _REFUSALS})
_AMOUNT = Field(default=None, pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?$", description="a text, so that no digit is lost")


class SettleBody(BaseModel):
    """What became of the order. `found` wants `venue_order_id`; `filled` wants `filled_base`, `price` and `fee`."""

    model_config = ConfigDict(extra="forbid")

    kind: SettlementKind
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    venue_order_id: Annotated[str | None, Field(pattern=VENUE_ORDER_ID)] = None
    filled_base: str | None = _AMOUNT
    price: str | None = _AMOUNT
    fee: str | None = _AMOUNT


class SettledView(BaseModel):
    """Where the order stands now that a person has spoken."""

    trade_id: str
    standing: OrderStanding


async def settlement_of(request: Request, by: Operator) -> Settlement:
    """The settlement in the body, whatever its content type. Raises Refused."""
    try:
        said = SettleBody.model_validate_json(await whole_body(request))
        return Settlement.model_validate({"by": by, **said.model_dump(exclude_none=True)})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "kind"
        fix = (
            'send one JSON object, like {"kind": "never_placed", "reason": "it is not on the venue\'s page"}; see /docs'
        )
        text = str(first["msg"]).removeprefix("Value error, ")
        raise Refused(422, "settlement_invalid", text, fix, field=field) from None


Said = Annotated[Settlement, Depends(settlement_of)]
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SettleBody.model_json_schema()}}}
}


@router.post("/trades/{trade_id}/settle", openapi_extra=_BODY)
async def settle(request: Request, _by: Operator, trade_id: str, said: Said) -> SettledView:
    """Say what became of an order of which nobody can tell: a person's word ends the doubt, until the venue speaks."""
    doors = doors_of(request)
    if await doors.ledger.reading.trade(trade_id) is None:
        raise Refused(404, "trade_unknown", "there is no trade with this id", "see GET /trades for their ids")
    try:
        standing = await doors.ledger.settlements.settle(trade_id, said)
    except SettlementRefused as error:
        raise Refused(409, error.code, error.text, error.fix, field=error.field) from None
    handle = doors.client.get_workflow_handle(trade_workflow_id(trade_id))
    try:
        await asyncio.wait_for(handle.signal(TradeWorkflow.order_changed), _TELL_S)
    except (RPCError, RuntimeError, TimeoutError) as error:
        log.warning("settlement_not_told trade_id=%s error=%s; the trade sees it later", trade_id, type(error).__name__)
    return SettledView(trade_id=trade_id, standing=standing)
