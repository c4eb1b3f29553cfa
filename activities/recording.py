"""Steps that only touch the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from domain.errors import GiveUp
from domain.orders import OrderStanding
from domain.outcomes import Outcome
from domain.quotes import Route
from domain.rules import Rules
from domain.settlements import Settlement
from domain.sizing import size_order
from domain.trades import OpenedTrade
from domain.values import Value

if TYPE_CHECKING:
    from ledger.ledger import Ledger


class SizeRequest(Value):
    """A trade and the route that was chosen for it."""

    trade: OpenedTrade
    route: Route


class CloseRequest(Value):
    """A trade and how it ended."""

    trade_id: str
    outcome: Outcome


class SettleRequest(Value):
    """A trade and what a person says became of its order."""

    trade_id: str
    settlement: Settlement


class TradeNote(Value):
    """Something to write down about a trade: who says it, and what."""

    trade_id: str
    by: str
    text: str


class Recording:
    """Keeps the decisions of a trade. `rules` are frozen into each trade that opens."""

    def __init__(self, ledger: Ledger, rules: Rules) -> None:
        self._ledger, self._rules = ledger, rules

    @activity.defn
    async def open_trade(self, trade_id: str) -> OpenedTrade:
        """Open the trade, or get it as it stands. Raises LedgerBehind."""
        return await self._ledger.trades.open(trade_id, self._rules)

    @activity.defn
    async def size_order(self, request: SizeRequest) -> OrderStanding:
        """Decide the order and hold its share of the budgets, in one transaction. Raises a GiveUp that says why not.

        A repeat gets the order that was kept, whatever would be decided now.
        """
        trade = request.trade
        try:
            order = size_order(trade.signal, request.route, trade.rules, datetime.now(UTC))
        except GiveUp:
            if (kept := await self._ledger.orders.of_trade(trade.trade_id)) is not None:
                return kept
            raise
        renamed = f"; {trade.signal.pair} is traded as {order.pair}" if order.pair != trade.signal.pair else ""
        return await self._ledger.orders.size(order, request.route.reason + renamed, trade.rules.limits)

    @activity.defn
    async def request_cancel(self, note: TradeNote) -> None:
        """Let nothing more of the trade go out."""
        await self._ledger.trades.request_cancel(note.trade_id, note.text, note.by)

    @activity.defn
    async def read_standing(self, order_id: str) -> OrderStanding:
        """Where an order stands in the books."""
        return await self._ledger.orders.standing(order_id)

    @activity.defn
    async def mark_unresolved(self, note: TradeNote) -> None:
        """Call for a person."""
        await self._ledger.trades.mark_unresolved(note.trade_id, note.text)

    @activity.defn
    async def settle(self, request: SettleRequest) -> OrderStanding:
        """Take a person's word on the trade's order; a repeat changes nothing. Raises SettlementRefused."""
        return await self._ledger.settlements.settle(request.trade_id, request.settlement)

    @activity.defn
    async def close_trade(self, request: CloseRequest) -> Outcome:
        """Close the trade; the outcome that was written first."""
        return await self._ledger.trades.close(request.trade_id, request.outcome)
