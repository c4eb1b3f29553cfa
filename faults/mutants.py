"""Our own code, broken on purpose: `python -m faults.mutants NAME worker` runs a worker with one fault of each kind.

What the machine cannot see in these it would not see in an honest mistake either.
"""

import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from temporalio import activity

from activities import placing
from domain.attempts import Answer, Send
from domain.orders import Fill, Order, OrderReport, OrderStanding, Prepared
from ledger import budgets
from ledger import orders as books
from venues.coinbase import adapter, faults
from venues.venue import Ticket, venue_of
from worker import building
from workflows.trade import TradeWorkflow


@dataclass(frozen=True)
class Mutant:
    """`break_it`: what is done to our code; `seen_in`: the case that has to show it."""

    break_it: Callable[[], None]
    seen_in: str


class _Hasty(placing.Placing):
    @activity.defn
    async def place_order(self, order: Order) -> OrderStanding:
        """Sends first, and writes it down when the answer is there."""
        venue = venue_of(self._venues, order.account)
        prepared, ticket = await venue.prepare(order, generation=1), venue.open_attempt()
        answer = await venue.submit(prepared, ticket)
        send = Send(prepared=prepared, fence_at=ticket.fence_at, resend_window=venue.resend_window, epoch=self._epoch)
        attempt = (await self._ledger.orders.admit(send)).attempt
        assert attempt is not None
        return await self._ledger.orders.answer(attempt, answer)


class _Trusting(placing.Placing):
    @activity.defn
    async def place_order(self, order: Order) -> OrderStanding:
        """Takes the quote for the fill, as soon as the order is on its way."""
        if order.kind == "market":
            return await self._ledger.reports.merge(_as_quoted(order))
        return await super().place_order(order)


def _as_quoted(order: Order) -> OrderReport:
    price, size = order.expected_price, order.base_qty
    fill = Fill(venue_fill_id=order.order_id, base_qty=size, price=price, fee=Decimal(0), filled_at=order.quoted_at)
    return OrderReport(
        order_id=order.order_id,
        venue_order_id=order.order_id,
        state="filled",
        pair=order.pair,
        action=order.action,
        base_qty=size,
        limit_price=order.limit_price,
        filled_base=size,
        filled_quote=size * price,
        fee=Decimal(0),
        fills=(fill,),
    )


def _place_without_preparing() -> None:
    _set(building, "Placing", _Hasty)


def _record_before_confirmation() -> None:
    _set(building, "Placing", _Trusting)


def _random_client_id() -> None:
    submit = adapter.Coinbase.submit

    async def with_an_id_of_its_own(self: adapter.Coinbase, prepared: Prepared, ticket: Ticket) -> Answer:
        body = {**json.loads(prepared.payload), "client_order_id": str(uuid.uuid4())}
        return await submit(self, prepared.model_copy(update={"payload": json.dumps(body)}), ticket)

    _set(adapter.Coinbase, "submit", with_an_id_of_its_own)


def _send_again_without_looking() -> None:
    admit = books.Orders.admit

    async def without_look_up(self: books.Orders, send: Send) -> Any:
        return (await admit(self, send)).model_copy(update={"look_up_first": False})

    _set(books.Orders, "admit", without_look_up)


def _reserve_nothing() -> None:
    """What is reserved after the order was placed is not there when two orders race."""
    _set(budgets, "reserve", lambda *_args, **_more: None)


def _timeout_is_a_rejection() -> None:
    rejected = Answer(verdict="rejected", reason_code="OrderRejected", evidence="no answer")
    _set(faults, "answer_without_response", lambda _error: rejected)


def _no_shield() -> None:
    async def unprotected(_self: TradeWorkflow, trip: Any) -> Any:
        return await trip

    _set(TradeWorkflow, "_uncancelled", unprotected)


def _no_fence() -> None:
    """Not found is not there."""
    _set(books, "proves_not_placed", lambda _attempts, _looked_up_from: True)


MUTANTS = {
    "place-without-prepare": Mutant(
        _place_without_preparing, "kill -9 worker, ids forgotten @ order taken, answer on its way"
    ),
    "random-client-id": Mutant(_random_client_id, "kill -9 worker @ order on its way"),
    "resend-without-look-up": Mutant(_send_again_without_looking, "repeats taken for new @ order answered"),
    "record-before-confirm": Mutant(_record_before_confirmation, "kill -9 worker @ order on its way"),
    "reserve-after-place": Mutant(_reserve_nothing, "many at once @ a limit"),
    "timeout-is-rejection": Mutant(_timeout_is_a_rejection, "reset after it acted @ order answered"),
    "no-shield": Mutant(_no_shield, "cancelled in Temporal @ at rest"),
    "no-not-after": Mutant(_no_fence, "cancelled, then held for 8 s @ order on its way"),
}


def _set(where: object, name: str, value: object) -> None:
    setattr(where, name, value)


if __name__ == "__main__":
    from cli.main import main

    MUTANTS[sys.argv[1]].break_it()
    sys.argv = ["surefill", *sys.argv[2:]]
    main()
