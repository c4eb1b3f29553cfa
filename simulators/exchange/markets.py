"""One product's market as it stands, and its public tape."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from simulators.exchange.books import Book, Side
from simulators.exchange.orders import Fill
from simulators.exchange.products import Product


class MarketRow(NamedTuple):
    """What is kept of a market. `mid` is the price that the book was built around, `tick` counts its rebuilds."""

    product_id: str
    mid: Decimal
    last: Decimal
    tick: int
    book: Book
    trading_disabled: bool = False


class Trade(NamedTuple):
    """A line of the tape; `side` is the taker's."""

    trade_id: int
    price: Decimal
    size: Decimal
    side: Side
    at: datetime


@dataclass
class Market:
    """The tape is remembered only while the exchange runs."""

    catalogued: Product
    row: MarketRow
    tape: deque[Trade] = field(default_factory=lambda: deque(maxlen=100))
    trades: int = 0

    @property
    def product(self) -> Product:
        if self.row.trading_disabled:
            return self.catalogued.model_copy(update={"trading_disabled": True})
        return self.catalogued

    @property
    def book(self) -> Book:
        return self.row.book

    def report(self, price: Decimal, size: Decimal, side: Side, at: datetime) -> None:
        """Put a trade on the tape."""
        self.trades += 1
        self.tape.appendleft(Trade(self.trades, price, size, side, at))

    def report_fill(self, fill: Fill) -> None:
        opposite: Side = "SELL" if fill.side == "BUY" else "BUY"
        self.report(fill.price, fill.size, fill.side if fill.liquidity == "TAKER" else opposite, fill.traded_at)
