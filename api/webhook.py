"""The webhook: where alerts come in."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request, status
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from api.doors import Doors, doors_of, operator_of, remote_of
from api.intake import Knock, Taken
from api.refusals import Refusal, Refused
from domain.names import trade_workflow_id

MAX_BODY_BYTES = 64 * 1024
# A sender that has not finished its 64 KiB by then never will.
_BODY_S = 10.0

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
Signature = Annotated[str | None, Header(alias="X-Signature")]


@router.post("/webhook", status_code=status.HTTP_202_ACCEPTED)
async def take_default(request: Request, x_api_key: Secret = None, x_signature: Signature = None) -> Accepted:
    """Take an alert from the source `default`."""
    return await _take(request, "default", x_api_key, x_signature)


@router.post("/webhook/{source}", status_code=status.HTTP_202_ACCEPTED)
async def take(request: Request, source: str, x_api_key: Secret = None, x_signature: Signature = None) -> Accepted:
    """Take an alert; the secret is in the header X-Api-Key, in the body's api_key, or signs the body."""
    return await _take(request, source, x_api_key, x_signature)


@router.post("/webhook/{source}/{secret}", status_code=status.HTTP_202_ACCEPTED)
async def take_with_secret_in_path(request: Request, source: str, secret: str) -> Accepted:
    """Take an alert; for senders that can set nothing but the address."""
    return await _take(request, source, secret, None)


@router.post("/signals", status_code=status.HTTP_202_ACCEPTED)
async def take_from_operator(request: Request) -> Accepted:
    """Take an alert from a person or a script that holds the operator token."""
    operator_of(request)
    return await _take(request, "cli", None, None, is_operator=True)


async def _take(
    request: Request, source: str, secret: str | None, signature: str | None, *, is_operator: bool = False
) -> Accepted:
    doors = doors_of(request)
    body = await _body(request)
    taken = await doors.intake.take(
        Knock(
            source=source,
            remote=remote_of(request),
            body=body,
            secret=secret,
            signature=signature,
            is_operator=is_operator,
        )
    )
    return _accepted(doors, taken)


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


async def _body(request: Request) -> bytes:
    """The body, if it is not too large and comes in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    text = f"the body is larger than {MAX_BODY_BYTES} bytes"
                    raise Refused(413, "body_too_large", text, "send only the fields of the alert")
    except TimeoutError:
        raise Refused(408, "body_too_slow", f"the body took longer than {_BODY_S:.0f} s", "send it again") from None
    except ClientDisconnect:
        raise Refused(400, "body_cut_off", "the sender left before the body's end", "send it again") from None
    return bytes(body)
