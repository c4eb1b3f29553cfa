"""The webhook: where alerts come in."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, status
from pydantic import BaseModel

from api.bodies import whole_body
from api.doors import Doors, Operator, doors_of, remote_of
from api.intake import Knock, Taken
from api.refusals import Refusal, Refused
from config.connections import OPERATORS_SOURCE
from domain.bodies import EXAMPLE
from domain.names import trade_workflow_id
from domain.texts import header_text

router = APIRouter(
    tags=["alerts"],
    responses={code: {"model": Refusal} for code in (400, 401, 404, 408, 413, 422, 429, 503)},
)


class Links(BaseModel):
    """Where to look."""

    trade: str
    temporal: str


class Accepted(BaseModel):
    """The alert is kept. A duplicate gets the first one's ids; `differs`: it had the same id, but another body."""

    trade_id: str
    signal_id: str
    duplicate: bool
    differs: bool
    warnings: tuple[str, ...]
    links: Links


Secret = Annotated[str | None, Header(alias="X-Api-Key")]
Signature = Annotated[str | None, Header(alias="X-Signature", description="sha256= and the body's HMAC-SHA256 in hex")]
# Bodies are read by their content: a schema here would refuse what an unfilled placeholder broke.
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLE}}}
}


@router.post("/webhook", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_BODY)
async def take_default(request: Request, x_api_key: Secret = None, x_signature: Signature = None) -> Accepted:
    """Take an alert from the source `default`."""
    return await _take(request, "default", header_text(x_api_key), header_text(x_signature))


@router.post("/webhook/{source}", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_BODY)
async def take(request: Request, source: str, x_api_key: Secret = None, x_signature: Signature = None) -> Accepted:
    """Take an alert; the secret is in the header X-Api-Key, in the body's api_key, or signs the body."""
    return await _take(request, source, header_text(x_api_key), header_text(x_signature))


@router.post("/webhook/{source}/{secret:path}", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_BODY)
async def take_with_secret_in_path(request: Request, source: str, secret: str) -> Accepted:
    """Take an alert; for senders that can set nothing but the address."""
    return await _take(request, source, secret or None, None)


@router.post("/signals", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_BODY)
async def take_from_operator(request: Request, _by: Operator) -> Accepted:
    """Take an alert from a person or a script that holds the operator token."""
    return await _take(request, OPERATORS_SOURCE, None, None, is_operator=True)


async def _take(
    request: Request, source: str, secret: str | None, signature: str | None, *, is_operator: bool = False
) -> Accepted:
    doors, remote = doors_of(request), remote_of(request)
    knock = Knock(source=source, remote=remote, secret=secret, signature=signature, is_operator=is_operator)
    try:
        body = await whole_body(request)
    except Refused as refused:
        await doors.intake.give_up(knock, refused)
        raise
    return _accepted(doors, await doors.intake.take(replace(knock, body=body)))


def _accepted(doors: Doors, taken: Taken) -> Accepted:
    trade_id = taken.kept.signal.trade_id
    return Accepted(
        trade_id=trade_id,
        signal_id=taken.kept.signal.signal_id,
        duplicate=taken.kept.duplicate,
        differs=taken.kept.differs,
        warnings=taken.warnings,
        links=Links(
            trade=f"{doors.api_url}/trades/{trade_id}", temporal=doors.temporal_link(trade_workflow_id(trade_id))
        ),
    )
