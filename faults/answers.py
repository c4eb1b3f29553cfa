"""What goes wrong between us and the exchange, armed for the next requests of a kind."""

from dataclasses import dataclass, field
from typing import Any

from faults.house import House

_HTML = "<html><body>502 Bad Gateway</body></html>"
# Where: what it is called, method, path.
PLACES = {
    "quote": ("GET", "/product_book"),
    "order": ("POST", "/orders"),
    "look-up": ("GET", "/orders/historical/"),
    "fills": ("GET", "/orders/historical/fills"),
    "cancel": ("POST", "/orders/batch_cancel"),
}


@dataclass(frozen=True)
class Wrong:
    """One way for an answer to go wrong. `times`: how many requests meet it. `may_end`: see Strike."""

    name: str
    do: dict[str, Any]
    when: str = "before"
    times: int = 2
    knobs: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = tuple(PLACES)
    may_end: frozenset[str] = frozenset()

    def arm(self, house: House, place: str) -> None:
        method, path = PLACES[place]
        if self.knobs:
            house.control("PATCH", "/settings", json=self.knobs)
        if self.do:
            house.fault(method, path, when=self.when, times=self.times, **self.do)


def _status(code: int, *, when: str = "before", **more: Any) -> Wrong:
    after = ", though it did it" if when == "after" else ""
    return Wrong(f"{code}{after}", {"status": code, "body": _HTML, **more}, when)


_SENT = ("order", "cancel")
WRONGS = (
    Wrong("reset before it acts", {"reset": True}),
    Wrong("reset after it acted", {"reset": True}, "after", only=_SENT),
    Wrong("closed before it acts", {"close": True}),
    Wrong("no answer until the timeout", {"delay_ms": 6000}, "after", times=1),
    Wrong("half an answer", {"truncate_bytes": 20}, "after"),
    Wrong("empty answer", {"empty": True}, "after", only=_SENT),
    *(_status(code) for code in (500, 502, 503, 504, 520, 524)),
    *(_status(code, when="after") for code in (500, 502, 504, 524)),
    Wrong("empty 200", {"status": 200, "body": ""}, "after"),
    Wrong("HTML 200", {"status": 200, "body": _HTML, "content_type": "text/html"}, "after"),
    Wrong("429", {"status": 429, "body": "slow down"}),
    Wrong("429 with Retry-After", {"status": 429, "body": "slow down", "headers": {"retry-after": "1"}}),
    Wrong("401", {"status": 401, "body": "Unauthorized"}, may_end=frozenset({"CredentialsRefused"})),
    Wrong("fills told twice", {"duplicate_fills": True}, "after", times=20, only=("fills",)),
    Wrong("answers in another order", {"reorder_answers": True}, "after", times=20, only=("fills",)),
    Wrong("fills that lag", {"hide_fills_ms": 3000}, "after", times=4, only=("order",)),
    Wrong("orders that lag", {"reset": True}, "after", knobs={"visibility_delay_ms": 3000}, only=("order",)),
    Wrong("repeats taken for new", {"reset": True}, "after", knobs={"duplicate_ids": "forget"}, only=("order",)),
    Wrong("repeats refused as such", {"reset": True}, "after", knobs={"duplicate_ids": "error"}, only=("order",)),
)
