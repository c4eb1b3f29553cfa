"""The fault plane: which requests go wrong, how, and which of them are being held right now."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.exchange.events import log_event
from simulators.exchange.refusals import NotFound

Positive = Annotated[int, Field(ge=1)]

# Beside the methods of requests: a WebSocket connection that begins, and a message that is told on one. Faults meet
# them only where they name them.
CONNECT, EVENT = "CONNECT", "EVENT"


class Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(Described):
    """Which requests: those that agree with everything given. `nth` passes over the first matching ones.

    Messages are matched as requests with the method EVENT and their channel as path: "/user".
    """

    method: str | None = None
    path_prefix: str | None = None
    client_order_id: str | None = None
    product_id: str | None = None
    nth: Positive = 1


class Do(Described):
    """What happens to them: a wait (`hold`, `delay_ms`), an ending, changes to the answer; in this order.

    A caller that leaves during a wait before the venue has acted is not served, unless `even_if_gone`. Messages may be
    dropped and duplicated too; a `status` replaces them by the body.
    """

    hold: bool = False
    delay_ms: Positive | None = None
    even_if_gone: bool = False
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: str | dict[str, object] | list[object] = ""
    headers: dict[str, str] = {}
    content_type: str | None = None
    reset: bool = False
    close: bool = False
    truncate_bytes: Annotated[int, Field(ge=0)] | None = None
    empty: bool = False
    duplicate_fills: bool = False
    reorder_answers: bool = False
    hide_fills_ms: Positive | None = None
    drop: bool = False
    duplicate: bool = False

    @property
    def waits(self) -> bool:
        return self.hold or self.delay_ms is not None

    @property
    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body)

    @property
    def endings(self) -> int:
        return sum((self.status is not None, self.reset, self.close, self.truncate_bytes is not None, self.empty))

    @property
    def needs_answer(self) -> bool:
        changes = self.duplicate_fills or self.reorder_answers or self.hide_fills_ms is not None
        return changes or self.truncate_bytes is not None


class Spec(Described):
    match: Match = Match()
    times: Positive | None = 1
    when: Literal["before", "after"] = "before"
    do: Do

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.do.endings > 1:
            raise ValueError("a request ends in one way only")
        if self.when == "before" and self.do.needs_answer:
            raise ValueError('there is no answer to change before the venue has acted: say "when": "after"')
        if (self.do.drop or self.do.duplicate) and self.match.method != EVENT:
            raise ValueError('only messages are dropped or duplicated: match the method "EVENT"')
        if self.do == Do():
            raise ValueError("nothing to do")
        return self


class Call(NamedTuple):
    """A request, as far as faults tell requests apart."""

    method: str
    path: str
    client_order_id: str | None
    product_id: str | None


@dataclass(eq=False)
class Held:
    held_id: str
    call: Call
    since: datetime
    released: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    dropped: bool = False


@dataclass(eq=False)
class Fault:
    fault_id: str
    spec: Spec
    seen: int = 0
    used: int = 0
    held: list[Held] = field(default_factory=list)

    def claims(self, call: Call) -> bool:
        """Whether `call` falls under this fault; counts it if so."""
        match = self.spec.match
        if match.method is None and call.method in (CONNECT, EVENT):
            return False
        if match.method not in (None, call.method) or not call.path.startswith(match.path_prefix or ""):
            return False
        if match.client_order_id not in (None, call.client_order_id) or match.product_id not in (None, call.product_id):
            return False
        self.seen += 1
        if self.seen < match.nth or (self.spec.times is not None and self.used >= self.spec.times):
            return False
        self.used += 1
        return True


class FaultPlane:
    """The faults in the order in which they were set; a request meets all that claim it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._changed = asyncio.Condition()

    def add(self, spec: Spec) -> Fault:
        fault = Fault(str(uuid.uuid4()), spec)
        self._faults[fault.fault_id] = fault
        log_event("fault_set", fault_id=fault.fault_id, when=spec.when, do=spec.do.model_dump(exclude_defaults=True))
        return fault

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def one(self, fault_id: str) -> Fault:
        """Raises NotFound."""
        fault = self._faults.get(fault_id)
        if fault is None:
            raise NotFound("no such fault")
        return fault

    async def claim(self, call: Call) -> list[Fault]:
        """The faults that `call` meets, in order."""
        claimed = [fault for fault in self._faults.values() if fault.claims(call)]
        for fault in claimed:
            log_event("fault_met", fault_id=fault.fault_id, method=call.method, path=call.path)
        if claimed:
            await self._tell()
        return claimed

    async def wait(self, fault: Fault, call: Call, until_gone: Callable[[], Awaitable[None]]) -> bool:
        """Sit out what `fault` makes `call` wait; whether the venue should go on with it.

        `until_gone` ends when the caller has closed the connection.
        """
        if not fault.spec.do.waits:
            return True
        held = Held(str(uuid.uuid4()), call, self._clock())
        watch = asyncio.create_task(self._watch(held, until_gone))
        fault.held.append(held)
        await self._tell()
        try:
            await self._sit(fault.spec.do, held)
        finally:
            fault.held.remove(held)
            watch.cancel()
            await self._tell()
        return not held.dropped and (not held.gone or fault.spec.do.even_if_gone)

    async def _sit(self, do: Do, held: Held) -> None:
        """A delay ends early when it is released."""
        if do.delay_ms is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(do.delay_ms / 1000):
                    await held.released.wait()
        if do.hold:
            await held.released.wait()

    async def _watch(self, held: Held, until_gone: Callable[[], Awaitable[None]]) -> None:
        await until_gone()
        held.gone = True
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` holds, at most so long; whether it does."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return condition()
        return True

    def release(self, fault: Fault, *, drop: bool = False) -> int:
        """Let go of what `fault` holds; dropped requests are not served. The number let go."""
        waiting = [held for held in fault.held if not held.released.is_set()]
        for held in waiting:
            held.dropped = drop
            held.released.set()
        return len(waiting)

    def remove(self, fault: Fault) -> int:
        del self._faults[fault.fault_id]
        log_event("fault_removed", fault_id=fault.fault_id)
        return self.release(fault)

    def close(self) -> None:
        """The exchange stops: nothing that is held will be served."""
        for fault in self.all():
            self.release(fault, drop=True)
