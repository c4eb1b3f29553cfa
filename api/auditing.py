"""What the auditor found, and asking it to look now; open orders from the ledger alone. All want the operator token."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from activities import policies
from activities.auditing import joined, look_at_budgets, look_at_ledger, look_at_temporal
from api.doors import Doors, Operator, doors_of
from api.operating import Reason, reason_of
from api.refusals import Refusal, Refused
from domain.audits import AuditReport, Difference
from domain.names import RECONCILE_NOW, TASK_QUEUE
from ledger.auditing import OpenOrder
from ledger.findings import Finding, PastLook
from workflows.reconcile import ReconcileWorkflow

log = logging.getLogger(__name__)

# Temporal may be frozen: then the ledger alone must do.
_TEMPORAL_S = 3.0
# A round takes a second when nothing differs; when something does it looks twice, and nobody waits here for that.
_ROUND_S = 5.0
_MOST_ORDERS = 500

router = APIRouter(tags=["auditing"], responses={code: {"model": Refusal} for code in (401, 422, 429, 503)})
_NO_ACCOUNT: dict[int | str, dict[str, Any]] = {404: {"model": Refusal}}
_UNREAD: dict[int | str, dict[str, Any]] = {code: {"model": Refusal} for code in (400, 408, 413)}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Reason.model_json_schema()}}}
}


class AuditView(BaseModel):
    """How the books differ: the ledger and Temporal as a look finds them now, venues as the latest round found them.

    `temporal`: why Temporal was not compared, "" if it was. `mended`: what was mended within a day.
    `rounds`: the latest look at each pair of books.
    """

    at: datetime
    temporal: str
    differences: list[Difference]
    left_out: int
    mended: list[Finding]
    rounds: list[PastLook]


class RoundView(AuditView):
    """`AuditView`, after a round was asked for. `asked_at`: looks of it ended later than that.

    `finished`: false when it still goes on, because what was in motion is looked at twice, or could not be begun.
    """

    asked_at: datetime
    finished: bool


@router.get("/audit", responses=_NO_ACCOUNT)
async def audit(
    request: Request, _by: Operator, account: Annotated[str | None, Query(max_length=100)] = None
) -> AuditView:
    """Compare the ledger's books and Temporal now; venues are compared every few minutes."""
    return await _view(doors_of(request), account)


@router.post("/audit", responses=_UNREAD, openapi_extra=_BODY)
async def audit_now(request: Request, by: Operator, why: Annotated[Reason, Depends(reason_of)]) -> RoundView:
    """Let the auditor make a round through all books, venues included, and mend what is certain."""
    doors = doors_of(request)
    asked_at = await doors.ledger.auditing.now()
    finished = await _make_round(doors, f"asked for by {by}: {why.reason}")
    view = await _view(doors, None)
    return RoundView(**dict(view), asked_at=asked_at, finished=finished)


@router.get("/orders")
async def open_orders(
    request: Request,
    _by: Operator,
    older_than_s: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_ORDERS)] = 100,
) -> list[OpenOrder]:
    """Orders that are not final, oldest first, from the ledger alone: also while Temporal is away."""
    return list(await doors_of(request).ledger.auditing.open_orders(timedelta(seconds=older_than_s), limit))


async def _make_round(doors: Doors, summary: str) -> bool:
    """Whether a round was made and has ended by now."""
    try:
        async with asyncio.timeout(_TEMPORAL_S):
            handle: WorkflowHandle[ReconcileWorkflow, AuditReport] = await doors.client.start_workflow(
                ReconcileWorkflow.run,
                id=RECONCILE_NOW,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=summary,
            )
        async with asyncio.timeout(_ROUND_S):
            await handle.result()
    except (RPCError, RuntimeError, TimeoutError, FailureError) as error:
        log.info("round_not_awaited error=%s", type(error).__name__)
        return False
    return True


async def _view(doors: Doors, account: str | None) -> AuditView:
    accounts = await doors.ledger.auditing.accounts()
    if account is not None and account not in accounts:
        fix = f"name one of {', '.join(accounts)}" if accounts else "start a worker first, it registers its accounts"
        raise Refused(404, "account_unknown", "there is no account of this name", fix, field="account")
    report, temporal = await _look(doors, [account] if account else accounts)
    findings = [kept.difference for kept in await doors.ledger.findings.present()]
    differences = [*report.differences, *(found for found in findings if found.book == "venue")]
    return AuditView(
        at=report.at,
        temporal=temporal,
        differences=[one for one in differences if account is None or one.account in ("", account)],
        left_out=sum(look.left_out for look in report.looks),
        mended=list(await doors.ledger.findings.mended(policies.AUDITED_FOR)),
        rounds=list(await doors.ledger.findings.looks()),
    )


async def _look(doors: Doors, accounts: Sequence[str]) -> tuple[AuditReport, str]:
    """Look at the ledger and at Temporal; and why Temporal could not be looked at, if so."""
    report = await look_at_budgets(doors.ledger)
    for account in accounts:
        report = joined(report, await look_at_ledger(doors.ledger, account))
    try:
        async with asyncio.timeout(_TEMPORAL_S):
            return joined(report, await look_at_temporal(doors.client, doors.ledger)), ""
    except (RPCError, RuntimeError, TimeoutError) as error:
        return report, f"Temporal does not answer ({type(error).__name__}): only the ledger was compared"
