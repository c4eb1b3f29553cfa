"""Coinbase and its simulated exchange, for the contract and for the tests of the adapter's own."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from domain.names import client_order_id
from domain.orders import LookUp, Order, OrderReport, OrderState, Prepared
from domain.quotes import Instrument
from domain.signals import Action
from simulators.exchange.server import House
from simulators.exchange.settings import Settings
from simulators.exchange.store import Store
from tests.simulators.clients import Control, Json, in_process
from tests.venues.backstage import Levels, Sent, Truth, market
from tests.worlds import ETH_USD, prepared
from venues.coinbase.adapter import Coinbase
from venues.coinbase.keys import ApiKey

ACCOUNT = "coinbase-paper"
LIFE = timedelta(seconds=12)
API = "/api/v3/brokerage"
BATCH, FILLS, ACCOUNTS = f"{API}/orders/historical/batch", f"{API}/orders/historical/fills", f"{API}/accounts"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

Answer = Callable[[httpx.QueryParams], Json]

_STATES: dict[str, OrderState] = {
    "OPEN": "open",
    "FILLED": "filled",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
    "FAILED": "rejected",
}


def exchange_settings(folder: Path) -> Settings:
    return Settings(
        database_path=folder / "exchange.db",
        key_file=folder / "key.json",
        prices="fixed",
        private_requests_per_s=0,
        public_requests_per_s=0,
    )


def plain_http(url: str, timeout: httpx.Timeout | float = 20, **options: Any) -> httpx.AsyncClient:
    """A client without encryption: one that reads no certificates is made in no time."""
    return httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False, verify=False, **options)


def coinbase(http: httpx.AsyncClient, key: ApiKey, life: timedelta = LIFE) -> Coinbase:
    return Coinbase(http, key, ACCOUNT, life)


def scripted(key: ApiKey, answer: Callable[[httpx.Request], httpx.Response]) -> Coinbase:
    """The adapter, speaking to nothing but `answer`."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="https://api.coinbase.com")
    return coinbase(http, key)


@asynccontextmanager
async def coinbase_backstage(folder: Path) -> AsyncIterator["CoinbaseBackstage"]:
    """An exchange of its own, without sockets."""
    settings = exchange_settings(folder)
    store = Store(settings.database_path)
    house = House.build(settings, store)
    async with in_process(house.venue) as venue, in_process(house.control) as control:
        yield CoinbaseBackstage(coinbase(venue, ApiKey.from_file(settings.key_file)), Control(control), house)
    store.close()


class CoinbaseBackstage:
    pair = ETH_USD
    instrument = Instrument(
        pair=ETH_USD,
        base_step=Decimal("0.00000001"),
        price_step=Decimal("0.01"),
        min_base=Decimal("0.00000001"),
        max_base=Decimal(42_000),
        min_quote=Decimal(1),
        max_quote=Decimal(150_000_000),
        open_for_trading=True,
    )

    def __init__(self, venue: Coinbase, control: Control, house: House) -> None:
        self.venue, self.control, self._house = venue, control, house

    async def set_book(self, bids: Levels, asks: Levels) -> None:
        await self.control.tell("POST", "/book", {"product_id": str(self.pair), "bids": bids, "asks": asks})

    async def set_balance(self, asset: str, amount: str) -> None:
        await self.control.tell("POST", "/balances", {"currency": asset, "available": amount})

    async def stop_trading(self) -> None:
        await self.control.tell("POST", f"/products/{self.pair}", {"trading_disabled": True})

    async def others_trade(self, action: Action, price: str, base_qty: str) -> None:
        trade = {"product_id": str(self.pair), "side": action, "price": price, "size": base_qty, "queue_ahead": "0"}
        await self.control.tell("POST", "/trades", trade)

    async def shift_clock(self, seconds: int) -> None:
        await self.turn(clock_offset_s=seconds)

    async def now(self) -> datetime:
        return self._house.exchange.now()

    async def hide_orders(self, hidden: bool) -> None:
        await self.turn(visibility_delay_ms=3_600_000 if hidden else 0)

    async def answer_repeats_with_an_error(self) -> None:
        await self.turn(duplicate_ids="error")

    async def orders(self, prepared: Prepared) -> Sequence[Truth]:
        audit = await self.control.get("/audit", client_order_id=prepared.client_order_id)
        return [_truth(order, audit["fills"]) for order in audit["orders"]]

    async def calls(self) -> int:
        arrivals = await self.control.get("/audit/requests")
        await self.control.http.delete("/audit/requests")
        return sum(arrivals.values())

    async def turn(self, **knobs: Any) -> None:
        await self.control.tell("PATCH", "/settings", knobs)


def _truth(order: Json, fills: Sequence[Json]) -> Truth:
    ((kind, terms),) = order["order_configuration"].items()
    return Truth(
        venue_order_id=order["order_id"],
        state=_STATES[order["status"]],
        pair=order["product_id"],
        action=order["side"],
        base_qty=Decimal(terms["base_size"]),
        limit_price=Decimal(terms["limit_price"]),
        rests={"sor_limit_ioc": False, "limit_limit_gtd": True}[kind],
        filled_base=Decimal(order["filled_size"]),
        filled_quote=Decimal(order["filled_value"]),
        fee=Decimal(order["total_fees"]),
        fills=[
            (Decimal(fill["size"]), Decimal(fill["price"]), Decimal(fill["commission"]))
            for fill in fills
            if fill["order_id"] == order["order_id"]
        ],
    )


def told(order: Order, **changes: Any) -> Json:
    """The order as the venue tells it when it was filled at once, `changes` apart."""
    terms = {"base_size": str(order.base_qty), "limit_price": str(order.limit_price)}
    answer = {
        "order_id": "v-1",
        "client_order_id": client_order_id(order.order_id, 1),
        "product_id": "ETH-USD",
        "side": order.action,
        "status": "FILLED",
        "order_configuration": {"sor_limit_ioc": terms},
        "filled_size": terms["base_size"],
        "filled_value": "2500",
        "total_fees": "30",
        "number_of_fills": "1",
        "cancel_message": "",
    }
    return {**answer, **changes}


def a_fill(**changes: Any) -> Json:
    """A fill of `told`'s order."""
    fill = {
        "entry_id": "f-1",
        "order_id": "v-1",
        "trade_type": "FILL",
        "trade_time": "2026-11-22T09:30:00.123456789Z",
        "price": "2500",
    }
    return {**fill, "size": "1", "commission": "30", "liquidity_indicator": "TAKER", "size_in_quote": False, **changes}


class Script:
    """A venue that says what `says` holds for a path, and remembers what it was asked."""

    def __init__(self, key: ApiKey) -> None:
        self.asked: list[httpx.QueryParams] = []
        self.says: dict[str, Answer] = {FILLS: lambda _: {"fills": [], "cursor": ""}}
        self.venue = scripted(key, self._answer)
        self.order = market("BUY", "1", "2600")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.params)
        assert len(self.asked) < 20, "it asks for ever"
        return httpx.Response(200, json=self.says[request.url.path](request.url.params))

    def pages(self, path: str, rows: str, *pages: Sequence[Json]) -> None:
        """Let the list at `path` have these pages; on each but the last the cursor is the next one's number."""

        def answer(params: httpx.QueryParams) -> Json:
            number = int(params.get("cursor", "0"))
            more = number + 1 < len(pages)
            page: Json = {rows: pages[number], "cursor": str(number + 1) if more else ""}
            return page if rows == "fills" else {**page, "has_next": more}

        self.says[path] = answer

    def ours(self, **changes: Any) -> Json:
        return told(self.order, **{"status": "OPEN", "filled_size": "0", "number_of_fills": "0", **changes})

    async def look_up(self, sent_at: datetime = NOW) -> LookUp:
        return await self.venue.report(self.order, prepared(self.order), None, sent_at)

    async def watch(self, *others: Sent) -> Sequence[OrderReport]:
        ours = Sent(self.order, prepared(self.order), "v-1")
        return await self.venue.report_open([sent.resting() for sent in (ours, *others)])
