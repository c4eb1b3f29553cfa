"""The venue's door: what every request passes, from its arrival to its answer."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Literal

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from simulators.exchange import sabotage
from simulators.exchange.auth import Keyring, Unauthorised
from simulators.exchange.events import log_event, logger
from simulators.exchange.exchange import Exchange
from simulators.exchange.faults import Call, Fault, FaultPlane
from simulators.exchange.limits import Buckets
from simulators.exchange.refusals import Malformed, NotFound

Access = Literal["public", "private"]
Endpoint = Callable[[Request], Awaitable[Response]]

PREFIX = "/api/v3/brokerage"
ORDERS = f"{PREFIX}/orders"
TOO_MANY = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}


@dataclass(frozen=True)
class Visit:
    """A request that is being served. `post` numbers its receipt when it is a POST of an order."""

    request: Request
    body: Mapping[str, object] | None
    post: int = 0

    def demand_body(self) -> Mapping[str, object]:
        """Raises Malformed unless the body is a JSON object."""
        if self.body is None:
            raise Malformed("the body must be a JSON object")
        return self.body


Handler = Callable[[Visit], Response]


class Door:
    def __init__(self, exchange: Exchange, keyring: Keyring, buckets: Buckets, faults: FaultPlane) -> None:
        self.arrivals: Counter[str] = Counter()
        self._exchange, self._keyring, self._buckets, self._faults = exchange, keyring, buckets, faults

    def endpoint(self, template: str, access: Access, handler: Handler) -> Endpoint:
        """`handler` behind the door; arrivals are counted under the request's method and `template`."""

        async def serve(request: Request) -> Response:
            self.arrivals[f"{request.method} {template}"] += 1
            try:
                raw = await request.body()
            except ClientDisconnect:
                log_event("request_unfinished", method=request.method, path=request.url.path)
                return Response(status_code=400)
            answer = await self._pass(request, raw, access, handler)
            answer.headers.setdefault("date", format_datetime(self._exchange.now(), usegmt=True))
            logger.debug("request_answered method=%s path=%s", request.method, request.url.path)
            return answer

        return serve

    async def _pass(self, request: Request, raw: bytes, access: Access, handler: Handler) -> Response:
        body = read_json(raw)
        post = 0
        if (request.method, request.url.path) == ("POST", ORDERS):
            post = self._exchange.store.add_post(self._exchange.now(), body or {})
        call = _call(request, body)
        claimed = await self._faults.claim(call)
        early = await self._before(claimed, call, request)
        if early is not None:
            if post:
                self._exchange.store.finish_post(post, "dropped", False)
            return early
        answer = self._served(Visit(request, body, post), access, handler)
        return await self._after(claimed, call, request, answer)

    async def _before(self, claimed: list[Fault], call: Call, request: Request) -> Response | None:
        for fault in claimed:
            if fault.spec.when == "before":
                if not await self._faults.wait(fault, call, _until_gone(request)):
                    return sabotage.Close()
                if (ending := sabotage.ending(fault.spec.do, None)) is not None:
                    return ending
        return None

    async def _after(self, claimed: list[Fault], call: Call, request: Request, answer: Response) -> Response:
        for fault in claimed:
            if fault.spec.when == "after":
                if not await self._faults.wait(fault, call, _until_gone(request)):
                    return sabotage.Close()
                answer = sabotage.altered(fault.spec.do, answer, self._exchange.now())
                answer = sabotage.ending(fault.spec.do, answer) or answer
        return answer

    def _served(self, visit: Visit, access: Access, handler: Handler) -> Response:
        request, knobs = visit.request, self._exchange.knobs
        caller, per_second = f"address {request.client.host if request.client else ''}", knobs.public_requests_per_s
        if access == "private":
            line = f"{request.method} {request.url.path}"
            try:
                caller = self._keyring.caller(request.headers.get("authorization"), line, self._exchange.now())
            except Unauthorised as error:
                log_event("caller_refused", path=request.url.path, why=error)
                self._note(visit, "unauthorised", authorised=False)
                return Response("Unauthorized", 401, media_type="text/plain")
            per_second = knobs.private_requests_per_s
        draw = self._buckets.draw(caller, per_second)
        if not draw.granted:
            self._note(visit, "rate_limited", authorised=True)
        answer = self._handled(visit, handler) if draw.granted else JSONResponse(TOO_MANY, 429)
        answer.headers.update(draw.headers)
        return answer

    def _handled(self, visit: Visit, handler: Handler) -> Response:
        self._exchange.expire_due()
        try:
            return handler(visit)
        except Malformed as error:
            self._note(visit, "malformed", authorised=True)
            return failure(400, "INVALID_ARGUMENT", str(error))
        except NotFound as error:
            return failure(404, "NOT_FOUND", str(error))

    def _note(self, visit: Visit, result: str, *, authorised: bool) -> None:
        if visit.post:
            self._exchange.store.finish_post(visit.post, result, authorised)


def failure(status: int, error: str, details: str) -> Response:
    return JSONResponse({"error": error, "error_details": details, "message": details}, status)


def read_json(raw: bytes) -> Mapping[str, object] | None:
    """The JSON object in `raw`, or None for anything that is no proper JSON object."""
    try:
        payload = json.loads(raw, parse_constant=_no_constant)
        json.dumps(payload, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _call(request: Request, body: Mapping[str, object] | None) -> Call:
    named = {name: (body or {}).get(name) for name in ("client_order_id", "product_id")}
    texts = {name: value if isinstance(value, str) else request.query_params.get(name) for name, value in named.items()}
    return Call(request.method, request.url.path, **texts)


def _until_gone(request: Request) -> Callable[[], Awaitable[None]]:
    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return gone
