"""Where a trade is when it is struck: a message of it is held there, so that no run depends on luck."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import httpx

from faults.house import House
from faults.trades import Asked, Batch, Kind
from tests.pipeline.stack import until

_RELEASE_S = 1
# Lets the message go on its way, to whoever is still there.
Release = Callable[[], None]


@dataclass(frozen=True)
class Stop:
    """A place on the trip. `bring`: brings one trade there and keeps it until it is released."""

    name: str
    bring: Callable[[House, Batch], AbstractContextManager[tuple[Asked, Release]]]


def _held(
    name: str, method: str, path: str, *, when: str = "before", even_if_gone: bool = False, kind: Kind = "buy"
) -> Stop:
    """The stop at which one request to the exchange is held: `before` it acts, or `after`, with the answer withheld."""

    @contextmanager
    def bring(house: House, batch: Batch) -> Iterator[tuple[Asked, Release]]:
        fault = house.fault(method, path, when=when, hold=True, even_if_gone=even_if_gone)
        asked = batch.send(kind)
        if kind == "cancelled at rest":
            _rest(house, asked)
            batch.cancel(asked)
        house.await_held(fault)
        yield asked, lambda: _let_go(house, fault)

    return Stop(name, bring)


@contextmanager
def _at_rest(house: House, batch: Batch) -> Iterator[tuple[Asked, Release]]:
    asked = batch.send("filled at rest")
    _rest(house, asked)
    yield asked, lambda: None


@contextmanager
def _kept(house: House, batch: Batch) -> Iterator[tuple[Asked, Release]]:
    """Answered, and not started: Temporal takes no starts."""
    temporal = house.parts["temporal"]
    temporal.freeze()
    try:
        yield batch.send("buy"), lambda: temporal.thaw() if temporal.lives else None
    finally:
        if temporal.lives:
            temporal.thaw()


@contextmanager
def _to_be_booked(house: House, batch: Batch) -> Iterator[tuple[Asked, Release]]:
    """Its fills are known to the worker, and the ledger takes nothing."""
    fault = house.fault("GET", "/orders/historical/fills", when="after", hold=True)
    asked = batch.send("buy")
    house.await_held(fault)
    lock = house.ledger_locked()
    lock.__enter__()
    unlocked = False

    def unlock() -> None:
        nonlocal unlocked
        if not unlocked:
            unlocked = True
            lock.__exit__(None, None, None)

    try:
        _let_go(house, fault)
        yield asked, unlock
    finally:
        unlock()


def _rest(house: House, asked: Asked) -> None:
    until(lambda: house.trade(asked.trade_id)["orders"] and house.orders_at_exchange(asked.trade_id), "it to rest")


def _let_go(house: House, fault: str) -> None:
    """The exchange itself may have been struck: one that is frozen hears of it when it wakes up."""
    with suppress(httpx.TransportError):
        httpx.post(f"{house.url('control')}/faults/{fault}/release", timeout=_RELEASE_S, trust_env=False)


STOPS = (
    Stop("kept, not started", _kept),
    _held("asking for a quote", "GET", "/product_book"),
    _held("order on its way", "POST", "/orders", even_if_gone=True),
    _held("order lost on its way", "POST", "/orders"),
    _held("order taken, answer on its way", "POST", "/orders", when="after"),
    _held("looking the order up", "GET", "/orders/historical/"),
    _held("asking for its fills", "GET", "/orders/historical/fills"),
    Stop("fills to be booked", _to_be_booked),
    Stop("at rest", _at_rest),
    _held("cancel on its way", "POST", "/orders/batch_cancel", kind="cancelled at rest", even_if_gone=True),
    _held("cancelled, answer on its way", "POST", "/orders/batch_cancel", kind="cancelled at rest", when="after"),
)
BY_NAME = {stop.name: stop for stop in STOPS}
