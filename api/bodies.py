"""How much of a request's body is read, and for how long: the same for everybody, known or not."""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import Refused

MAX_BODY_BYTES = 64 * 1024
# A sender that has not finished its 64 KiB by then never will.
BODY_S = 10.0


class LimitBodies:
    """Refuses a body that is too large or too slow, when it is read."""

    def __init__(self, app: ASGIApp, longest_s: float) -> None:
        self._app, self._longest_s = app, longest_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, _Body(receive, self._longest_s).next if scope["type"] == "http" else receive, send)


class _Body:
    """The body of one request, while it comes in."""

    def __init__(self, receive: Receive, longest_s: float) -> None:
        self._receive, self._longest_s = receive, longest_s
        self._ends_at: float | None = None
        self._size = 0
        self._is_whole = False

    async def next(self) -> Message:
        if self._is_whole:
            return await self._receive()
        self._ends_at = self._ends_at or asyncio.get_running_loop().time() + self._longest_s
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            text = f"the body took longer than {self._longest_s:g} s"
            raise _given_up(408, "body_too_slow", text, "send it again") from None
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY_BYTES:
            text = f"the body is larger than {MAX_BODY_BYTES} bytes"
            raise _given_up(413, "body_too_large", text, "send only the fields that are asked for")
        self._is_whole = not message.get("more_body", False)
        return message


def _given_up(status: int, code: str, message: str, fix: str) -> Refused:
    """A refusal after which the server hears no more of the body."""
    refused = Refused(status, code, message, fix)
    refused.headers["Connection"] = "close"
    return refused


async def whole_body(request: Request) -> bytes:
    """The body, to its end. Raises Refused."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refused(400, "body_cut_off", "the sender left before the body's end", "send it again") from None
