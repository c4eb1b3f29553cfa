"""The application: its routes, and what happens to errors."""

import logging
import time
import traceback
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import auditing, operating, settling, webhook
from api.bodies import BODY_S, LimitBodies
from api.doors import Doors, doors_of
from api.refusals import Refusal, Refused, answer_http_error, answer_refused

log = logging.getLogger(__name__)

_DESCRIPTION = (
    "Every signal fills exactly once, or tells you why not. Every refusal is a `Refusal` with a stable `code`."
)


class Health(BaseModel):
    """This process answers."""

    status: str = "ok"
    version: str


class Readiness(BaseModel):
    """Whether alerts can be kept. `relay`: why trades do not start at the moment, "" if they do; they start later."""

    ready: bool
    ledger: str
    relay: str


def create_app(doors: Doors, *, body_s: float = BODY_S) -> FastAPI:
    """The api over `doors`. `body_s`: how long a body may take to come in."""
    # No redirects for a slash at the end: the address they lead to would show the secret in a path.
    app = FastAPI(
        title="surefill",
        version=version("surefill"),
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.doors = doors
    app.include_router(webhook.router)
    app.include_router(operating.router)
    app.include_router(auditing.router)
    app.include_router(settling.router)
    app.add_exception_handler(Refused, answer_refused)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(SQLAlchemyError, _answer_no_ledger)
    app.add_middleware(LimitBodies, longest_s=body_s)
    app.add_middleware(LogRequests)
    app.get("/healthz", tags=["health"])(healthz)
    app.get("/readyz", tags=["health"], responses={503: {"model": Readiness}})(readyz)
    return app


async def healthz(request: Request) -> Health:
    """Whether the process lives."""
    return Health(version=request.app.version)


async def readyz(request: Request, response: Response) -> Readiness:
    """Whether alerts can be kept: the ledger answers. Temporal may be away, trades start when it is back."""
    doors = doors_of(request)
    try:
        await doors.ledger.switches.halt()
        trouble = ""
    except SQLAlchemyError as error:
        trouble = f"does not answer ({type(error).__name__})"
        response.status_code = 503
    return Readiness(ready=not trouble, ledger=trouble or "ok", relay=doors.relay.trouble or "ok")


class LogRequests:
    """One line for each request, with the route's pattern and never the path: a path can hold a secret."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            _log_bug(error)
            if status:
                raise
            await _BUG(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            level = logging.DEBUG if scope["method"] == "GET" and status < 400 else logging.INFO
            took_ms = (time.perf_counter() - began) * 1000
            log.log(level, "answered method=%s route=%s status=%d ms=%.1f", scope["method"], route, status, took_ms)


_BUG = JSONResponse(
    Refusal(code="internal_error", message="a fault of surefill", fix="see its log, and send it again").model_dump(),
    status_code=500,
)


def _log_bug(error: Exception) -> None:
    """Say where it happened, and not what the error says: it may quote what was sent."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("request_failed error=%s\n%s", type(error).__name__, where)


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for parameters that do not fit; what was sent is not repeated, it may be a secret."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    refused = Refused(
        422, "parameter_invalid", str(first["msg"]), "see /docs for what is expected", field=field or None
    )
    return await answer_refused(_request, refused)


async def _answer_no_ledger(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for a ledger that is away, or that cannot hold what was asked for."""
    if isinstance(error, DataError):
        fix = "leave out what cannot be printed"
        return await answer_refused(request, Refused(422, "parameter_invalid", "a value that no ledger holds", fix))
    log.error("ledger_away error=%s", type(error).__name__)
    refused = Refused(503, "ledger_away", "the ledger does not answer", "try again", retry_after_s=5)
    return await answer_refused(request, refused)
