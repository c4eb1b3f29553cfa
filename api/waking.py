"""When an alert came in, though this process may have been stopped meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_TICK_S = 1.0
# A pause that is longer than this was none of the event loop's own.
_ASLEEP = timedelta(seconds=5)
# What waited in the sockets is read within this time after waking.
_WAKING = timedelta(seconds=3)


def _clock() -> datetime:
    return datetime.now(UTC)


class Waking:
    """A process that was frozen (SIGSTOP, a pause of its machine) takes what waited in its sockets for new.

    So alerts that it reads just after waking count as received when it fell asleep: too old is too old.
    """

    def __init__(self, clock: Callable[[], datetime] = _clock) -> None:
        self._clock = clock
        self._ticked_at = self._slept_from = clock()
        self._woke_at = self._ticked_at - _WAKING

    def received_at(self) -> datetime:
        """When an alert that is read now came in, at the earliest."""
        now = self._clock()
        if now - self._ticked_at > _ASLEEP:
            return self._ticked_at
        return self._slept_from if now - self._woke_at < _WAKING else now

    def tick(self) -> None:
        """Said every second, so that a gap shows."""
        now = self._clock()
        if now - self._ticked_at > _ASLEEP:
            self._slept_from, self._woke_at = self._ticked_at, now
        self._ticked_at = now

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(_TICK_S)
