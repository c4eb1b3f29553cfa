"""Alerts and trades in any order, before a ledger and its model: what a machine needs before anything is sent."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
)

from domain.attempts import Attempt
from domain.errors import BudgetExhausted, TradeEnded
from domain.orders import Order, OrderReport, OrderStanding
from domain.outcomes import Outcome
from ledger.database import Database
from ledger.ledger import Ledger
from tests.databases import PostgresLedgers, SqliteLedgers
from tests.ledger.model import HOUR, ModelOrder, ModelTrade
from tests.worlds import PAPER, a_signal, an_alert, an_order, some_limits, some_rules

LIMITS = some_limits(daily_trades=4, daily_usd=Decimal(120), daily_cex_usd=Decimal(110))
RULES = some_rules(limits=LIMITS)
SELDOM = st.sampled_from([False] * 9 + [True])
WORKERS = st.sampled_from([0, 1])


class TradesMachine(RuleBasedStateMachine):
    """Those who bring alerts and decide about trades; two workers with connections of their own."""

    trades: Bundle[ModelTrade] = Bundle("trades")
    orders: Bundle[ModelTrade] = Bundle("orders")
    attempts: Bundle[tuple[ModelOrder, Attempt]] = Bundle("attempts")
    reports: Bundle[tuple[ModelOrder, OrderReport]] = Bundle("reports")
    ANY_TRADE = trades | orders

    ledgers: SqliteLedgers | PostgresLedgers

    def __init__(self) -> None:
        super().__init__()
        url = self.ledgers.fresh()
        self.databases = [Database(url), Database(url)]
        self.workers = [Ledger(database) for database in self.databases]
        self.runner = asyncio.Runner()
        self.known: list[ModelTrade] = []
        self.keys: dict[str, tuple[ModelTrade, str]] = {}
        self.is_halted = False
        self.namespaces: list[str] = []
        self.fill_number = 0

    def run(self, *steps: Any) -> Any:
        """What the steps give, taken at the same time when there are several; errors are results too."""

        async def together() -> list[Any]:
            return await asyncio.gather(*steps, return_exceptions=True)

        found = self.runner.run(together())
        note(f"{found!r:.300}")
        return found if len(found) > 1 else found[0]

    def teardown(self) -> None:
        for database in self.databases:
            database.close()
        self.runner.close()

    @initialize(target=orders, sales=st.tuples(st.booleans(), st.booleans()))
    def some_trades_have_orders(self, sales: tuple[bool, bool]) -> Any:
        self.run(self.workers[0].trades.register(PAPER))
        begun = []
        for number, is_sale in enumerate(sales):
            trade = self.an_alert_comes(str(number), "x", None, False, is_sale, False)
            self.a_trade_opens(trade, 0)
            begun.append(self.it_is_sized(trade, "0.01", False))
        return multiple(*begun)

    # Alerts

    @rule(
        target=trades,
        key=st.sampled_from("ab"),
        body=st.sampled_from("xy"),
        window=st.sampled_from([None, timedelta(0), HOUR]),
        is_stale=SELDOM,
        is_sale=st.booleans(),
        is_refused=SELDOM,
    )
    def an_alert_comes(
        self, key: str, body: str, window: timedelta | None, is_stale: bool, is_sale: bool, is_refused: bool
    ) -> Any:
        if is_refused:
            self.an_alert_is_refused(key, window)
            return multiple()
        signal = a_signal(
            action="SELL" if is_sale else "BUY", alerted_at=datetime.now(UTC) - HOUR if is_stale else None
        )
        alert = an_alert(key=key, body_hash=body, window=window)
        kept = self.run(self.workers[0].signals.keep(alert, signal))
        if key in self.keys and window != timedelta(0):
            first, first_body = self.keys[key]
            assert (kept.signal.signal_id, kept.duplicate) == (first.signal_id, True)
            assert kept.differs == (body != first_body)
            return multiple()
        assert (kept.signal.signal_id, kept.duplicate, kept.differs) == (signal.signal_id, False, False)
        trade = ModelTrade(signal.trade_id, signal.signal_id, is_stale, is_sale)
        self.keys[key] = (trade, body)
        self.known.append(trade)
        return trade

    def an_alert_is_refused(self, key: str, window: timedelta | None) -> None:
        kept = self.run(self.workers[1].signals.refuse(an_alert(key=key, window=window), "stale", "too old"))
        if key in self.keys and window != timedelta(0):
            assert kept.signal.signal_id == self.keys[key][0].signal_id
        else:
            assert kept is None

    def temporal_has_it(self, trade: ModelTrade) -> None:
        self.run(self.workers[0].signals.mark_started([trade.signal_id]))
        trade.is_started = True

    # Trades

    @rule(trade=ANY_TRADE, worker=WORKERS)
    def a_trade_opens(self, trade: ModelTrade, worker: int) -> None:
        opened = self.run(self.workers[worker].trades.open(trade.trade_id, RULES))
        if trade.status == "received":
            trade.outcome = self._ends_at_once(trade)
            trade.status = "closed" if trade.outcome else "open"
        assert (opened.outcome.kind if opened.outcome else None) == trade.outcome

    def _ends_at_once(self, trade: ModelTrade) -> str | None:
        if trade.is_cancelled:
            return "cancelled"
        if trade.is_stale:
            return "expired"
        return "refused" if self.is_halted else None

    @rule(
        target=orders,
        trade=ANY_TRADE,
        size=st.sampled_from(["0.01", "0.02", "0.000000000000000001"]),
        race=st.booleans(),
    )
    def it_is_sized(self, trade: ModelTrade, size: str, race: bool) -> Any:
        if trade.status == "received":
            return multiple()
        signal = a_signal(signal_id=trade.signal_id, action="SELL" if trade.is_sale else "BUY")
        asked = an_order(signal, base_qty=Decimal(size))
        sizing = [worker.orders.size(asked, "the only venue", LIMITS) for worker in self.workers[: 1 + race]]
        results = self.run(*sizing)
        for result in results if race else [results]:
            self._check_size(trade, asked, result)
        return trade if trade.order and trade.order.asked is asked else multiple()

    def _check_size(self, trade: ModelTrade, asked: Order, result: OrderStanding | Exception) -> None:
        if trade.order is None and trade.status == "closed":
            assert isinstance(result, TradeEnded)
        elif trade.order is None and not trade.is_sale and self._is_too_much(asked.largest_quote_qty):
            assert isinstance(result, BudgetExhausted)
        else:
            if trade.order is None:
                trade.order = ModelOrder(asked)
                trade.order.reserve()
            assert isinstance(result, OrderStanding)
            assert result.order == trade.order.asked

    def _is_too_much(self, usd: Decimal) -> bool:
        mine = [trade.order for trade in self.known if trade.order]
        used = sum((order.reserved + order.spent for order in mine), Decimal(0))
        count = sum(order.trades for order in mine)
        return count >= LIMITS.daily_trades or used + usd > min(LIMITS.daily_usd, LIMITS.daily_cex_usd)

    def somebody_cancels(self, trade: ModelTrade, worker: int) -> None:
        answer = self.run(self.workers[worker].trades.request_cancel(trade.trade_id, "enough", "ann"))
        assert answer.too_late == (trade.status == "closed")
        if trade.status != "closed":
            trade.is_cancelled = True
            if trade.order:
                trade.order.shut_gate()

    def a_person_is_called(self, trade: ModelTrade, worker: int) -> None:
        self.run(self.workers[worker].trades.mark_unresolved(trade.trade_id, "nobody can tell"))
        trade.is_unresolved = trade.is_unresolved or trade.status == "open"

    def a_trade_closes(self, trade: ModelTrade, worker: int) -> None:
        if trade.status == "received":
            return
        result = self.run(self.workers[worker].trades.close(trade.trade_id, Outcome(kind="refused")))
        if trade.status == "open" and trade.order and not trade.order.final:
            assert "cannot close" in str(result)
            return
        trade.outcome = trade.outcome or (trade.order.outcome if trade.order else "refused")
        trade.status, trade.is_unresolved = "closed", False
        assert result.kind == trade.outcome
