"""Every answer that is not a yes: a stable code, what is wrong, where, and what to do."""

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from domain.alerts import AlertRefused


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
        self.refusal = Refusal(code=code, message=message, fix=fix, field=field)
        self.headers = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else {}

    @classmethod
    def of_alert(cls, error: AlertRefused) -> "Refused":
        return cls(error.status, error.code, error.message, error.fix, field=error.field)


async def answer_refused(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for Refused."""
    assert isinstance(error, Refused)
    return JSONResponse(error.refusal.model_dump(), status_code=error.status, headers=error.headers)
