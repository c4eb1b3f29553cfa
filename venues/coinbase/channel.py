"""What Coinbase tells by itself: its WebSocket channel `user`. A hint to look, never what is true.

Source: Coinbase's "Advanced Trade WebSocket Channels".
"""

import json
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from domain.errors import VenueUnreachable
from venues.coinbase.keys import ApiKey
from venues.coinbase.wire import Wire
from venues.venue import News

_TOKEN_LIFE = timedelta(seconds=60)
_CLOSE_S = 1
_ERROR_CHARS = 200
# Its debugging shows every frame, and our token in some.
_quiet = logging.getLogger(f"{__name__}.frames")
_quiet.setLevel(logging.WARNING)


class Named(Wire):
    """An order that a message is about."""

    order_id: str


class Event(Wire):
    """What there is to know of it here: the channels subscribed to, or the orders that changed."""

    type: str = ""
    subscriptions: dict[str, Any] | None = None
    orders: tuple[Named, ...] = ()

    @property
    def is_update(self) -> bool:
        return self.type == "update" and bool(self.orders)


class Told(Wire):
    """One message. Each has the number after the one before it; a gap means that some were lost."""

    channel: str = ""
    sequence_num: int | None = None
    events: tuple[Event, ...] = ()
    type: str = ""
    message: str = ""

    def news(self, expected: int) -> News:
        """Which orders it is about; it may be any when it is not the `expected` one, or no mere update."""
        if self.sequence_num != expected:
            return News(None)
        if self.channel == "heartbeats":
            return News(frozenset())
        names_all = self.channel == "user" and self.events and all(event.is_update for event in self.events)
        return News(frozenset(one.order_id for event in self.events for one in event.orders) if names_all else None)

    @property
    def confirms_user(self) -> bool:
        return any("user" in (event.subscriptions or ()) for event in self.events)


class UserChannel:
    """The channel of one account. `trust_env`: whether the environment's proxies are used."""

    def __init__(self, url: str, key: ApiKey, open_s: int, *, trust_env: bool) -> None:
        self._url, self._key, self._open_s = "ws" + url.removeprefix("http"), key, open_s
        self._proxy: Literal[True] | None = True if trust_env else None

    async def hear(self) -> AsyncGenerator[News]:
        """From the subscription on, each message: which orders may have changed.

        Ends, or raises VenueUnreachable, when the connection does.
        """
        options: dict[str, Any] = {"open_timeout": self._open_s, "close_timeout": _CLOSE_S, "logger": _quiet}
        try:
            async with connect(self._url, proxy=self._proxy, **options) as connection:
                for name in ("user", "heartbeats"):
                    await connection.send(self._subscription(name))
                is_subscribed, expected = False, 0
                async for text in connection:
                    told = _read(text)
                    is_subscribed = is_subscribed or told.confirms_user
                    if is_subscribed:
                        yield told.news(expected)
                    expected = expected if told.sequence_num is None else told.sequence_num + 1
        except (WebSocketException, OSError) as error:
            raise VenueUnreachable(f"coinbase: the user channel broke: {type(error).__name__} {error}") from error

    def _subscription(self, channel: str) -> str:
        token = self._key.token(datetime.now(UTC), _TOKEN_LIFE, None)
        return json.dumps({"type": "subscribe", "channel": channel, "jwt": token})


def _read(text: str | bytes) -> Told:
    """The message; one that cannot be read is like none we know, and may be about anything."""
    try:
        told = Told.model_validate_json(text)
    except ValidationError:
        return Told()
    if told.type == "error":
        raise VenueUnreachable(f"coinbase: the user channel says {told.message[:_ERROR_CHARS]!r}")
    return told
