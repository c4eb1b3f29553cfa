"""Token buckets: how many requests a caller may make."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

NANO = 1_000_000_000


class Draw(NamedTuple):
    granted: bool
    headers: Mapping[str, str]


class Buckets:
    """One bucket per caller, holding at most one second's worth. `clock_ns` never goes back."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._left: dict[str, tuple[int, int]] = {}

    def draw(self, caller: str, per_second: int) -> Draw:
        """Take one token, and tell the caller how it stands. A limit of zero grants everything and says nothing."""
        if per_second == 0:
            return Draw(True, {})
        now, full = self._clock_ns(), per_second * NANO
        left, since = self._left.get(caller, (full, now))
        left = min(full, left + (now - since) * per_second)
        granted = left >= NANO
        left -= NANO if granted else 0
        self._left[caller] = (left, now)
        headers = {"limit": str(per_second), "remaining": str(left // NANO), "reset": "1"}
        return Draw(granted, {f"x-ratelimit-{name}": value for name, value in headers.items()})
