"""Record one history of each way that a trade can go: `python -m tests.replay.record VERSION`."""

import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.rules import Rules
from domain.settlements import Settlement
from domain.signals import Signal
from ledger.database import Database
from ledger.ledger import Ledger
from tests.databases import SqliteLedgers
from tests.fakes import FakeVenue, Step, fill_silently, nothing, reject, rest
from tests.temporal import temporal_server
from tests.workflows.conftest import Desk, Handle, open_desk
from tests.worlds import PAPER, a_fill, a_signal, some_limits, some_rules
from workflows.trade import TradeWorkflow

HISTORIES = Path(__file__).parent / "histories"


async def just_wait(desk: Desk, handle: Handle) -> None:
    """Nothing happens from outside."""


async def fill_while_resting(desk: Desk, handle: Handle) -> None:
    await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
    (order,) = (await desk.sheet(handle)).orders
    desk.venue.now_says(order.order.order_id, "open", a_fill("f1", "0.004", "2400"))
    await desk.until(handle, lambda sheet: len(sheet.fills) == 1)
    desk.venue.now_says(order.order.order_id, "filled", a_fill("f1", "0.004", "2400"), a_fill("f2", "0.006", "2400"))


async def cancel_while_resting(desk: Desk, handle: Handle) -> None:
    await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
    await handle.signal(TradeWorkflow.cancel, "changed my mind")


async def cancel_in_temporal_while_resting(desk: Desk, handle: Handle) -> None:
    await desk.until(handle, lambda sheet: any(order.state == "open" for order in sheet.orders))
    await handle.cancel()


async def cancel_in_flight(desk: Desk, handle: Handle) -> None:
    await desk.venue.submitting.wait()
    await handle.signal(TradeWorkflow.cancel, "changed my mind")
    await desk.until(handle, lambda sheet: sheet.cancel_reason is not None)
    desk.venue.let_submit.set()


async def prove_after_a_look_up(desk: Desk, handle: Handle) -> None:
    await desk.until(handle, lambda sheet: desk.venue.look_ups >= 1)
    desk.venue.clock_ahead = timedelta(minutes=1)


def settled_as(**said: Any) -> Callable[[Desk, Handle], Awaitable[None]]:
    """A person settles the order, once it is unresolved."""

    async def settle(desk: Desk, handle: Handle) -> None:
        await desk.until(handle, lambda sheet: sheet.unresolved_since is not None)
        at_venue = {report.venue_order_id for report in desk.venue.reports.values()}
        found = {"venue_order_id": at_venue.pop()} if said["kind"] == "found" else {}
        settlement = Settlement(**{"by": "ann", "reason": "seen on the venue's page", **said, **found})
        await handle.execute_update("settle", settlement)

    return settle


def silent_venue(*, step: Step = nothing) -> FakeVenue:
    """A venue of which nothing proves that an order is not there."""
    return FakeVenue(step, resend_window=None, fence=None, hides=True)


def held_venue() -> FakeVenue:
    venue = FakeVenue(rest)
    venue.let_submit.clear()
    return venue


def venue_with_an_old_quote() -> FakeVenue:
    venue = FakeVenue()
    venue.quote_ages = [timedelta(minutes=1)]
    return venue


def a_limit_order() -> Signal:
    return a_signal(limit_price=Decimal(2400), amount=Decimal(24))


@dataclass
class Way:
    """One way that a trade can go."""

    venue: Callable[[], FakeVenue] = FakeVenue
    signal: Callable[[], Signal] = a_signal
    rules: Rules = field(default_factory=some_rules)
    meanwhile: Callable[[Desk, Handle], Awaitable[None]] = just_wait


SOON = some_rules(unresolved_alert_s=1)
WAYS = {
    "filled": Way(),
    "rejected": Way(venue=lambda: FakeVenue(reject)),
    "answer-lost": Way(venue=lambda: FakeVenue(fill_silently)),
    "sent-again": Way(venue=lambda: FakeVenue(nothing, fill_silently)),
    "not-placed": Way(venue=lambda: FakeVenue(nothing, resend_window=None), meanwhile=prove_after_a_look_up),
    "over-budget": Way(rules=some_rules(limits=some_limits(daily_trades=0))),
    "expired": Way(signal=lambda: a_signal(alerted_at=datetime.now(UTC) - timedelta(hours=1))),
    "quoted-again": Way(venue=venue_with_an_old_quote),
    "limit-filled": Way(venue=lambda: FakeVenue(rest), signal=a_limit_order, meanwhile=fill_while_resting),
    "filled-while-watched": Way(venue=lambda: FakeVenue(rest), meanwhile=fill_while_resting),
    "limit-cancelled": Way(venue=lambda: FakeVenue(rest), signal=a_limit_order, meanwhile=cancel_while_resting),
    "limit-cancelled-in-temporal": Way(
        venue=lambda: FakeVenue(rest), signal=a_limit_order, meanwhile=cancel_in_temporal_while_resting
    ),
    "limit-deadline": Way(
        venue=lambda: FakeVenue(rest),
        signal=lambda: a_signal(limit_price=Decimal(2400), amount=Decimal(24), cancel_after_s=1),
    ),
    "settled-never-placed": Way(venue=silent_venue, rules=SOON, meanwhile=settled_as(kind="never_placed")),
    "settled-filled": Way(
        venue=silent_venue, rules=SOON, meanwhile=settled_as(kind="filled", filled_base="0.004", price="2500")
    ),
    "settled-found": Way(
        venue=lambda: silent_venue(step=fill_silently), rules=SOON, meanwhile=settled_as(kind="found")
    ),
    "cancelled-in-flight": Way(venue=held_venue, signal=a_limit_order, meanwhile=cancel_in_flight),
}


async def record() -> dict[str, str]:
    """One history of each way, as JSON, without what is this machine's: its name, its paths in stack traces."""
    histories: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        ledgers = SqliteLedgers(Path(scratch))
        async with temporal_server() as temporal:
            for name, way in WAYS.items():
                database = Database(ledgers.fresh())
                ledger = Ledger(database)
                await ledger.trades.register(PAPER)
                async with open_desk(temporal, ledger, way.venue(), way.rules, real_time=True) as desk:
                    handle = await desk.start(way.signal())
                    await way.meanwhile(desk, handle)
                    result = await handle.result()
                    histories[name] = (await handle.fetch_history()).to_json()
                    sys.stdout.write(f"{name}: {result.outcome.kind} {result.outcome.code}\n")
                database.close()
    return {name: _anywhere(history) for name, history in histories.items()}


def _anywhere(history: str) -> str:
    def without_traces(told: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in told.items() if name != "stackTrace"}

    portable = json.loads(history.replace(socket.gethostname(), "recorder"), object_hook=without_traces)
    return json.dumps(portable, indent=2)


if __name__ == "__main__":
    folder = HISTORIES / sys.argv[1]
    folder.mkdir(parents=True, exist_ok=True)
    for way, history in asyncio.run(record()).items():
        (folder / f"{way}.json").write_text(history)
