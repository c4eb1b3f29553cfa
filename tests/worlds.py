"""Values for tests: one plain trade, to be varied by what a test is about."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.attempts import Answer
from domain.names import client_order_id
from domain.orders import Fill, Order, OrderReport, OrderState, Prepared
from domain.pairs import Pair
from domain.quotes import Instrument, Level, Quote
from domain.rules import Limits, Rules
from domain.signals import Signal
from ledger.signals import Alert
from ledger.trades import Account

ETH_USD = Pair(base="ETH", quote="USD")
PAPER = Account(name="coinbase-paper", venue="coinbase", mode="paper")
_count = itertools.count(1)


def a_signal(**changes: Any) -> Signal:
    number = next(_count)
    values: dict[str, Any] = {
        "signal_id": f"20261122-093000-{number:06d}",
        "source": "tests",
        "action": "BUY",
        "pair": ETH_USD,
        "amount": Decimal(25),
        "received_at": datetime.now(UTC),
    }
    if "amount" not in changes and {"base_amount", "percentage"} & changes.keys():
        del values["amount"]
    return Signal(**{**values, **changes})


def an_alert(**changes: Any) -> Alert:
    number = next(_count)
    values: dict[str, Any] = {
        "source": "tests",
        "remote": "127.0.0.1",
        "body": "{}",
        "key": f"key-{number}",
        "body_hash": "hash",
        "window": timedelta(seconds=30),
    }
    return Alert(**{**values, **changes})


def some_limits(**changes: Any) -> Limits:
    values: dict[str, Any] = {"daily_trades": 50, "daily_usd": Decimal(10_000), "daily_cex_usd": Decimal(1_000)}
    return Limits(**{**values, **changes})


def some_rules(**changes: Any) -> Rules:
    values: dict[str, Any] = {
        "account": PAPER.name,
        "tradable_pairs": (ETH_USD,),
        "trade_amount_usd": Decimal(10),
        "sell_percentage": Decimal("99.999"),
        "sellable_fraction": Decimal("0.999"),
        "min_sell_base": Decimal("0.001"),
        "min_order_usd": Decimal("1.2"),
        "max_order_usd": Decimal(100),
        "slippage_percent": Decimal(1),
        "max_price_move_percent": Decimal(2),
        "max_quote_age_s": 10,
        "max_signal_age_s": 120,
        "cancel_after_s": 3600,
        "unresolved_alert_s": 300,
        "limits": some_limits(),
    }
    return Rules(**{**values, **changes})


def an_instrument(**changes: Any) -> Instrument:
    values: dict[str, Any] = {
        "pair": ETH_USD,
        "base_step": Decimal("0.00000001"),
        "price_step": Decimal("0.01"),
        "min_base": Decimal("0.00022"),
        "max_base": Decimal(4_000),
        "min_quote": Decimal(1),
        "max_quote": Decimal(50_000_000),
        "open_for_trading": True,
    }
    return Instrument(**{**values, **changes})


def a_quote(**changes: Any) -> Quote:
    values: dict[str, Any] = {
        "account": PAPER.name,
        "venue": "coinbase",
        "action": "BUY",
        "instrument": an_instrument(),
        "levels": (Level(price=Decimal(2500), base_qty=Decimal(10)),),
        "quoted_at": datetime.now(UTC),
    }
    return Quote(**{**values, **changes})


def an_order(signal: Signal, **changes: Any) -> Order:
    values: dict[str, Any] = {
        "order_id": f"{signal.trade_id}-1",
        "trade_id": signal.trade_id,
        "account": PAPER.name,
        "venue": "coinbase",
        "pair": signal.pair,
        "action": signal.action,
        "kind": signal.kind,
        "base_qty": Decimal("0.01"),
        "limit_price": Decimal(2525),
        "expected_price": Decimal(2500),
        "quoted_at": datetime.now(UTC),
    }
    return Order(**{**values, **changes})


def prepared(order: Order, generation: int = 1) -> Prepared:
    return Prepared(
        order_id=order.order_id,
        generation=generation,
        client_order_id=client_order_id(order.order_id, generation),
        limit_price=order.limit_price,
        payload="{}",
    )


def a_fill(fill_id: str, base_qty: str, price: str = "2500", fee: str = "0.1") -> Fill:
    return Fill(
        venue_fill_id=fill_id,
        base_qty=Decimal(base_qty),
        price=Decimal(price),
        fee=Decimal(fee),
        filled_at=datetime.now(UTC),
        liquidity="taker",
    )


def a_report(order: Order, state: OrderState, *fills: Fill, **changes: Any) -> OrderReport:
    values: dict[str, Any] = {
        "order_id": order.order_id,
        "venue_order_id": f"v-{order.order_id}",
        "state": state,
        "pair": order.pair,
        "action": order.action,
        "base_qty": order.base_qty,
        "limit_price": order.limit_price,
        "filled_base": sum((fill.base_qty for fill in fills), Decimal(0)),
        "filled_quote": sum((fill.quote_qty for fill in fills), Decimal(0)),
        "fee": sum((fill.fee for fill in fills), Decimal(0)),
        "fills": fills,
    }
    return OrderReport(**{**values, **changes})


def accepted(order: Order) -> Answer:
    return Answer(verdict="accepted", venue_order_id=f"v-{order.order_id}")
