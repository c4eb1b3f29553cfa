"""Answers that go wrong on the wire, and the protocol that lets them reach the connection."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping, MutableMapping
from datetime import datetime, timedelta

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from simulators.exchange.faults import Do

EXTENSION = "exchange.transport"


class ExposingProtocol(H11Protocol):
    """HTTP/1.1 that hands its transport to the application, which may then cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


class ExposingSocket(WebSocketsSansIOProtocol):
    """The same for WebSockets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app = _with_transport(self.app, self.transport)


def _with_transport(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def exposed(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: transport}
        await app(scope, receive, send)

    return exposed


class Reset(Response):
    """No answer: the connection is reset (TCP RST)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reset(scope)
        await _until_closed(receive)


class Close(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hang_up(scope)
        await _until_closed(receive)


class Truncated(Response):
    """An answer whose headers promise all of it, and whose body ends after `length` bytes."""

    def __init__(self, whole: Response, length: int) -> None:
        super().__init__(whole.body, whole.status_code, whole.headers)
        self._length = length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        part = bytes(self.body)[: self._length]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        _transport(scope).close()
        await _until_closed(receive)


def reset(scope: Scope) -> None:
    """Reset the connection of `scope` (TCP RST)."""
    transport = _transport(scope)
    with socket.socket(fileno=socket.dup(transport.get_extra_info("socket").fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def hang_up(scope: Scope) -> None:
    """Close the connection of `scope` (TCP FIN)."""
    _transport(scope).close()


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][EXTENSION]
    return transport


async def _until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def ending(do: Do, answer: Response | None) -> Response | None:
    """The answer that `do` puts in the place of the venue's own, if it does."""
    if do.status is not None:
        return _replacement(do, do.status)
    if do.reset:
        return Reset()
    if do.close:
        return Close()
    if do.empty:
        return Response()
    if do.truncate_bytes is not None and answer is not None:
        return Truncated(answer, do.truncate_bytes)
    return None


def _replacement(do: Do, status: int) -> Response:
    media_type = "text/plain" if isinstance(do.body, str) else "application/json"
    return Response(do.text, status, do.headers, do.content_type or media_type)


def altered(do: Do, answer: Response, now: datetime) -> Response:
    """`answer` with its lists doubled, turned round or thinned out, as `do` says."""
    if not do.duplicate_fills and not do.reorder_answers and do.hide_fills_ms is None:
        return answer
    payload = json.loads(bytes(answer.body))
    if isinstance(payload, dict):
        _alter(do, payload, now)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(json.dumps(payload), answer.status_code, headers)


def _alter(do: Do, payload: MutableMapping[str, object], now: datetime) -> None:
    fills = payload.get("fills")
    if isinstance(fills, list):
        if do.hide_fills_ms is not None:
            newest = now - timedelta(milliseconds=do.hide_fills_ms)
            fills = [fill for fill in fills if _traded_at(fill) <= newest]
        payload["fills"] = [*fills, *fills] if do.duplicate_fills else fills
    if do.reorder_answers:
        for name, value in payload.items():
            if isinstance(value, list):
                payload[name] = value[::-1]


def _traded_at(fill: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(fill["trade_time"])
