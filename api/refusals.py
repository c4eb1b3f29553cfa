"""Every answer that is not a yes: a stable code, what is wrong, where, and what to do."""

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from domain.alerts import AlertRefused
from domain.texts import legible

_SEE_DOCS = "see /docs for what is there"


class Refusal(BaseModel):
    """Why the request was not done. `code` is made for programs; `field` is the wrong one, if it is one."""

    code: str
    message: str
    fix: str
    field: str | None = None


class Refused(Exception):
    """A request that is answered with a Refusal."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fix: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.refusal = Refusal(
            code=code, message=legible(message), fix=legible(fix), field=legible(field) if field else None
        )
        self.headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else {}

    @classmethod
    def of_alert(cls, error: AlertRefused) -> "Refused":
        return cls(error.status, error.code, error.message, error.fix, field=error.field)


async def answer_refused(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for Refused."""
    assert isinstance(error, Refused)
    return JSONResponse(error.refusal.model_dump(), status_code=error.status, headers=error.headers)


async def answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for what it refuses itself; the path is not repeated, it may hold a secret."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        refused = Refused(404, "path_unknown", "there is nothing at this path", _SEE_DOCS)
    elif error.status_code == 405:
        refused = Refused(405, "method_not_allowed", f"{request.method} is not for this path", _SEE_DOCS)
    else:
        refused = Refused(error.status_code, "request_invalid", str(error.detail), _SEE_DOCS)
    refused.headers |= error.headers or {}
    if error.status_code == 405:
        refused.headers |= _allowed(request)
    return await answer_refused(request, refused)


def _allowed(request: Request) -> dict[str, str]:
    """Every method that the path is declared with: each of its routes knows only its own."""
    path = getattr(request.scope.get("route"), "path_format", "")
    methods = request.app.openapi()["paths"].get(path, {})
    return {"Allow": ", ".join(sorted(method.upper() for method in methods))} if methods else {}
