"""What operators read and do. Every endpoint here wants the operator token."""

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from temporalio.service import RPCError

from api.bodies import whole_body
from api.doors import Operator, doors_of
from api.refusals import Refusal, Refused
from domain.names import trade_workflow_id
from domain.outcomes import Outcome
from domain.positions import Position
from domain.texts import legible
from ledger.reading import AlertLine, BudgetLine, TradeFilter, TradeLine, TradeSheet
from ledger.switches import Halt, Halted
from workflows.trade import TradeWorkflow

log = logging.getLogger(__name__)

# Telling Temporal is a courtesy: the request stands in the ledger, and the relay's look comes later.
_TELL_S = 3.0

router = APIRouter(tags=["operating"], responses={code: {"model": Refusal} for code in (401, 422, 429, 503)})
_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"model": Refusal}}
# What becomes of a body that does not come in whole.
_UNREAD: dict[int | str, dict[str, Any]] = {code: {"model": Refusal} for code in (400, 408, 413)}


class TradePage(BaseModel):
    """Trades, newest first. `next`: pass it as `before` to get the page after this one."""

    trades: list[TradeLine]
    next: str | None


class TradeView(TradeSheet):
    """A trade, and where to see its workflow."""

    temporal: str


class Reason(BaseModel):
    """Why an operator does something."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(legible)]


async def reason_of(request: Request, _by: Operator) -> Reason:
    """The reason in the body, whatever its content type: who halts in a hurry thinks of no header. Raises Refused."""
    try:
        return Reason.model_validate_json(await whole_body(request))
    except ValidationError as error:
        text = f"the body gives no reason ({error.errors(include_url=False)[0]['msg']})"
        fix = 'send one JSON object, like {"reason": "the exchange looks wrong"}, of at most 500 characters'
        raise Refused(422, "reason_invalid", text, fix, field="reason") from None


Why = Annotated[Reason, Depends(reason_of)]
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Reason.model_json_schema()}}}
}


class CancelView(BaseModel):
    """What became of a request to cancel. `too_late`: the trade had ended before, `outcome` says how."""

    trade_id: str
    requested: bool
    too_late: bool
    outcome: Outcome | None


@router.get("/trades")
async def trades(request: Request, _by: Operator, which: Annotated[TradeFilter, Query()]) -> TradePage:
    """List trades, newest first, filtered by equality."""
    found = list(await doors_of(request).ledger.reading.trades(which))
    return TradePage(trades=found, next=found[-1].trade_id if len(found) == which.limit else None)


@router.get("/trades/{trade_id}", responses=_NOT_THERE)
async def trade(request: Request, _by: Operator, trade_id: str) -> TradeView:
    """One trade: its timeline with the reason of each stop, orders, attempts and fills."""
    doors = doors_of(request)
    sheet = await doors.ledger.reading.trade(trade_id)
    if sheet is None:
        raise _no_trade()
    return TradeView(**sheet.model_dump(), temporal=doors.temporal_link(trade_workflow_id(trade_id)))


@router.post("/trades/{trade_id}/cancel", responses={**_NOT_THERE, **_UNREAD}, openapi_extra=_BODY)
async def cancel(request: Request, by: Operator, trade_id: str, why: Why) -> CancelView:
    """Cancel a trade: from the answer on nothing more of it is sent; a live order is ended at its venue."""
    doors = doors_of(request)
    if await doors.ledger.reading.trade(trade_id) is None:
        raise _no_trade()
    answer = await doors.ledger.trades.request_cancel(trade_id, why.reason, by)
    if not answer.too_late:
        handle = doors.client.get_workflow_handle(trade_workflow_id(trade_id))
        try:
            await asyncio.wait_for(handle.signal(TradeWorkflow.cancel, why.reason), _TELL_S)
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.warning(
                "cancel_not_told trade_id=%s error=%s; the relay tells it later", trade_id, type(error).__name__
            )
    return CancelView(
        trade_id=trade_id, requested=not answer.too_late, too_late=answer.too_late, outcome=answer.outcome
    )


@router.get("/halt")
async def halt(request: Request, _by: Operator) -> Halt:
    """Whether trading is halted."""
    return await doors_of(request).ledger.switches.halt()


@router.post("/halt", responses=_UNREAD, openapi_extra=_BODY)
async def set_halt(request: Request, by: Operator, why: Why) -> Halted:
    """Halt trading: once this answers nothing more is sent; `underway` may still arrive. Cancelling goes on."""
    return await doors_of(request).ledger.switches.set_halt(True, why.reason, by)


@router.post("/resume", responses=_UNREAD, openapi_extra=_BODY)
async def resume(request: Request, by: Operator, why: Why) -> Halted:
    """Let trading go on."""
    return await doors_of(request).ledger.switches.set_halt(False, why.reason, by)


@router.get("/positions")
async def positions(request: Request, _by: Operator) -> list[Position]:
    """What our trades have left on each account."""
    return list(await doors_of(request).ledger.reading.positions())


@router.get("/budgets")
async def budgets(request: Request, _by: Operator) -> list[BudgetLine]:
    """What was reserved and spent, by budget and day."""
    return list(await doors_of(request).ledger.reading.budgets())


@router.get("/alerts")
async def alerts(request: Request, _by: Operator, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[AlertLine]:
    """What came in, latest first, and its fate."""
    return list(await doors_of(request).ledger.reading.alerts(limit))


def _no_trade() -> Refused:
    return Refused(404, "trade_unknown", "there is no trade with this id", "see GET /trades for their ids")
