"""Hints that orders of an account may have changed: when to look, never what is true."""

import asyncio
from collections.abc import Mapping


class Hint:
    """What an account's venue tells by itself, as far as this process hears it.

    `heard` counts the hints: one that comes during a look is not lost. A channel that is not live tells nothing.
    """

    def __init__(self) -> None:
        self.heard, self.is_live = 0, False
        self._looked_at, self._is_doubted = 0, False
        self._told_of: set[str] = set()
        self._may_be_any = False
        self._news = asyncio.Event()

    @property
    def is_trusted(self) -> bool:
        """Whether it is worth waiting for."""
        return self.is_live and not self._is_doubted

    def tell(self, venue_order_ids: frozenset[str] | None = None) -> None:
        """These orders may have changed; None: any may."""
        self.heard += 1
        self._told_of |= venue_order_ids or frozenset()
        self._may_be_any = self._may_be_any or venue_order_ids is None
        self._is_doubted = False
        self._wake()

    def take(self) -> frozenset[str] | None:
        """Which orders were told of since this was asked last; None: it may be any."""
        told_of = None if self._may_be_any else frozenset(self._told_of)
        self._told_of, self._may_be_any = set(), False
        return told_of

    def set_live(self, is_live: bool) -> None:
        """Whether somebody listens who would hear of a change."""
        self.is_live = is_live
        self._wake()

    def look_found(self, changes: int, heard: int) -> None:
        """What a look found that began when so much was heard.

        A change that nobody told of makes the channel doubtful until it tells of one: it may be live, and tell nothing.
        """
        if changes and heard == self._looked_at == self.heard:
            self._is_doubted = True
        self._looked_at = heard

    async def more_than(self, heard: int) -> None:
        """Wait until more is heard than that, or there is no sense in waiting."""
        while self.is_trusted and self.heard == heard:
            await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


Hints = Mapping[str, Hint]
