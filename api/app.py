"""The application: its routes, and what happens to errors."""

import logging
import time
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import operating, webhook
from api.doors import Doors, doors_of
from api.refusals import Refused, answer_refused

log = logging.getLogger(__name__)


class Health(BaseModel):
    """This process answers."""

    status: str = "ok"
    version: str


class Readiness(BaseModel):
    """Whether alerts can be kept. `relay`: why trades do not start at the moment, "" if they do; they start later."""

    ready: bool
    ledger: str
    relay: str


def create_app(doors: Doors) -> FastAPI:
    """The api over `doors`."""
    app = FastAPI(title="surefill", version=version("surefill"), description=__doc__, redoc_url=None)
    app.state.doors = doors
    app.include_router(webhook.router)
    app.include_router(operating.router)
    app.add_exception_handler(Refused, answer_refused)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(SQLAlchemyError, _answer_no_ledger)
    app.add_middleware(LogRequests)
    app.get("/healthz", tags=["health"])(healthz)
    app.get("/readyz", tags=["health"])(readyz)
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
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            level = logging.DEBUG if scope["method"] == "GET" and status < 400 else logging.INFO
            took_ms = (time.perf_counter() - began) * 1000
            log.log(level, "answered method=%s route=%s status=%d ms=%.1f", scope["method"], route, status, took_ms)


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
    """FastAPI's handler for a ledger that is away."""
    log.error("ledger_away error=%s", type(error).__name__)
    refused = Refused(503, "ledger_away", "the ledger does not answer", "try again", retry_after_s=5)
    return await answer_refused(request, refused)
