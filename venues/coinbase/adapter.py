"""The verbs of `Venue`, said to Coinbase Advanced Trade."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx

from domain.attempts import Answer
from domain.audits import FoundOrder
from domain.errors import VenueDown, VenueUnreachable
from domain.names import client_order_id
from domain.orders import LookUp, Order, OrderReport, Prepared, Resting
from domain.pairs import Pair
from domain.quotes import Quote
from domain.signals import Action
from venues.coinbase import faults, reading, wire
from venues.coinbase.keys import ApiKey
from venues.venue import Ticket

W = TypeVar("W", bound=wire.Wire)
P = TypeVar("P", bound=wire.Page)
Params = list[tuple[str, str]]

_API = "/api/v3/brokerage"
_ORDERS = f"{_API}/orders"
_BATCH = f"{_API}/orders/historical/batch"
_FILLS = f"{_API}/orders/historical/fills"
_READ_LIFE = timedelta(seconds=60)
_BOOK_LEVELS = 50
_PAGE = 250
_IDS_IN_ONE_CALL = 50
# A look-up by our own id starts so long before the send: no clock of ours is trusted to be nearer than that.
_LOOK_BACK = timedelta(days=1)
# Repeats of a client order id return the first order; for how long is not documented.
_RESEND_WINDOW = timedelta(seconds=30)
_PRODUCT_LIFE = timedelta(seconds=10)


class Coinbase:
    """One account at Coinbase Advanced Trade. `attempt_life`: how long what an attempt sends is accepted."""

    name = "coinbase"
    resend_window: timedelta | None = _RESEND_WINDOW

    def __init__(self, http: httpx.AsyncClient, key: ApiKey, account: str, attempt_life: timedelta) -> None:
        self._http, self._key, self._account, self._attempt_life = http, key, account, attempt_life
        self._products: dict[Pair, tuple[wire.Product, datetime]] = {}

    async def quote(self, pair: Pair, action: Action) -> Quote:
        asked_at = datetime.now(UTC)
        params = [("product_id", str(pair)), ("limit", str(_BOOK_LEVELS))]
        product, book, sellable = await asyncio.gather(
            self._product(pair),
            self._get(wire.ProductBook, f"{_API}/product_book", params),
            self._available(pair.base) if action == "SELL" else _nothing(),
        )
        levels = book.pricebook.asks if action == "BUY" else book.pricebook.bids
        try:
            return Quote(
                account=self._account,
                venue=self.name,
                action=action,
                instrument=product.to_instrument(),
                levels=tuple(level.to_level() for level in levels),
                sellable=sellable,
                quoted_at=asked_at,
            )
        except ValueError as error:
            raise VenueDown(f"coinbase: what it offers for {pair} cannot be read") from error

    async def prepare(self, order: Order, generation: int) -> Prepared:
        return Prepared(
            order_id=order.order_id,
            generation=generation,
            client_order_id=client_order_id(order.order_id, generation),
            limit_price=order.limit_price,
            payload=json.dumps(wire.create_request(order, generation), separators=(",", ":")),
        )

    def open_attempt(self) -> Ticket:
        now = datetime.now(UTC)
        # A token ends at a whole second, and so must the fence.
        fence_at = (now + self._attempt_life).replace(microsecond=0)
        token = self._key.token(now, fence_at - now, self._uri("POST", _ORDERS))
        return Ticket(fence_at=fence_at, credential=token)

    async def submit(self, prepared: Prepared, ticket: Ticket) -> Answer:
        headers = {"Authorization": f"Bearer {ticket.credential}", "Content-Type": "application/json"}
        try:
            response = await self._http.post(_ORDERS, content=prepared.payload, headers=headers)
        except httpx.TransportError as error:
            return faults.answer_without_response(error)
        except httpx.HTTPError as error:
            return Answer(verdict="unknown", evidence=f"{type(error).__name__}: {error}")
        answer = faults.answer_of(response)
        if response.status_code == httpx.codes.UNAUTHORIZED and ticket.is_over(datetime.now(UTC)):
            # Held up on its way, by a pause of this process for one: the fence did its work, our key is good.
            return answer.model_copy(update={"verdict": "not_placed", "reason_code": VenueUnreachable.__name__})
        return answer

    async def report(self, order: Order, prepared: Prepared, venue_order_id: str | None, sent_at: datetime) -> LookUp:
        if venue_order_id is None:
            found, began_at = await self._find(prepared.client_order_id, sent_at)
        else:
            found, began_at = await self._one(venue_order_id), reading.NO_TIME
        if found is None:
            return LookUp(report=None, began_at=began_at)
        if found.client_order_id != prepared.client_order_id:
            raise VenueDown(f"coinbase: asked for order {venue_order_id}, it answers with somebody else's")
        fills = await self._fills([found.order_id]) if found.filled_size else []
        return LookUp(report=reading.report_of(found, order.order_id, fills), began_at=began_at)

    async def report_open(self, resting: Sequence[Resting]) -> Sequence[OrderReport]:
        known = {order.venue_order_id: order for order in resting}
        # Few are asked for by name; of many, most are on the list of those that are open.
        are_few = len(known) <= _IDS_IN_ONE_CALL
        listed = {} if are_few else await self._listed(known, [("order_status", "OPEN")])
        for ids in _chunks([order_id for order_id in known if order_id not in listed]):
            listed |= await self._listed(known, [("order_ids", order_id) for order_id in ids])
        changed = [order for order_id, order in listed.items() if reading.says_more(order, known[order_id])]
        with_fills = [order.order_id for order in changed if order.filled_size > known[order.order_id].filled_base]
        fills = [fill for ids in _chunks(with_fills) for fill in await self._fills(ids)]
        return list(
            reading.believable(lambda order: reading.report_of(order, known[order.order_id].order_id, fills), changed)
        )

    async def orders_since(self, since: datetime) -> Sequence[FoundOrder]:
        listed: dict[str, dict[str, Any]] = {}
        async for page, _ in self._pages(wire.OrderPage, _BATCH, [("start_date", _whole_second(since))]):
            listed |= {str(found["order_id"]): found for found in page.orders if found.get("order_id")}
        filled = [order_id for order_id, found in listed.items() if reading.may_have_fills_of_ours(found)]
        fills: dict[str, list[wire.VenueFill]] = defaultdict(list)
        for ids in _chunks(filled):
            for fill in await self._fills(ids):
                fills[fill.order_id].append(fill)
        return [reading.found_order(found, fills[order_id]) for order_id, found in listed.items()]

    async def balances(self) -> Mapping[str, Decimal]:
        totals: dict[str, Decimal] = defaultdict(Decimal)
        async for page, _ in self._pages(wire.Wallets, f"{_API}/accounts", []):
            for wallet in page.accounts:
                if wallet.can_sell(wallet.currency):
                    totals[wallet.currency] += wallet.total
        return totals

    async def cancel(self, venue_order_id: str) -> str:
        path = f"{_ORDERS}/batch_cancel"
        answer = await self._call(wire.CancelAnswer, "POST", path, content=json.dumps({"order_ids": [venue_order_id]}))
        result = next((one for one in answer.results if one.order_id == venue_order_id), None)
        return "accepted" if result and result.success else (result.failure_reason if result else "no answer for it")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _product(self, pair: Pair) -> wire.Product:
        """The rules for a pair, asked for again after a while: the venue checks every order against its own."""
        now = datetime.now(UTC)
        if pair in self._products:
            known, asked_at = self._products[pair]
            if asked_at <= now < asked_at + _PRODUCT_LIFE:
                return known
        product = await self._get(wire.Product, f"{_API}/products/{pair}")
        if product.product_id != str(pair):
            raise VenueDown(f"coinbase: asked for {pair}, it answers with {product.product_id}")
        self._products[pair] = product, now
        return product

    async def _available(self, asset: str) -> Decimal:
        async for page, _ in self._pages(wire.Wallets, f"{_API}/accounts", []):
            for wallet in page.accounts:
                if wallet.can_sell(asset):
                    return wallet.available_balance.value
        return Decimal(0)

    async def _one(self, venue_order_id: str) -> wire.VenueOrder | None:
        """The order with the venue's id; None while the venue does not show it yet."""
        response = await self._send("GET", f"{_ORDERS}/historical/{venue_order_id}", may_be_missing=True)
        return None if faults.says_missing(response) else reading.parse(wire.OneOrder, response).order

    async def _find(self, client_id: str, sent_at: datetime) -> tuple[wire.VenueOrder | None, datetime]:
        """The order with our id, and when the search began by the venue's clock.

        Orders of all products are searched: the venue may keep one on BTC-USDC under the name of its twin, BTC-USD.
        """
        since, began_at = _whole_second(sent_at - _LOOK_BACK), None
        async for page, response in self._pages(wire.OrderPage, _BATCH, [("start_date", since)]):
            began_at = began_at or reading.began_at(response)
            for found in page.orders:
                if found.get("client_order_id") == client_id:
                    return reading.read_order(found), began_at
        return None, began_at or reading.NO_TIME

    async def _listed(self, known: Container[str], query: Params) -> dict[str, wire.VenueOrder]:
        """Those of the `known` orders that are on the list that `query` asks for, by the venue's id."""
        orders: dict[str, wire.VenueOrder] = {}
        async for page, _ in self._pages(wire.OrderPage, _BATCH, query):
            ours = [found for found in page.orders if found.get("order_id") in known]
            orders.update({order.order_id: order for order in reading.believable(reading.read_order, ours)})
        return orders

    async def _fills(self, order_ids: Sequence[str]) -> list[wire.VenueFill]:
        """The fills of the orders, each once."""
        fills: dict[str, wire.VenueFill] = {}
        async for page, _ in self._pages(wire.FillPage, _FILLS, [("order_ids", order_id) for order_id in order_ids]):
            fills.update({fill.entry_id: fill for fill in page.fills})
        return list(fills.values())

    async def _pages(self, model: type[P], path: str, query: Params) -> AsyncIterator[tuple[P, httpx.Response]]:
        """Every page of a list. Raises VenueDown when the list does not lead to its end."""
        cursors = [""]
        while True:
            page_query = [("limit", str(_PAGE)), *([("cursor", cursors[-1])] if cursors[-1] else [])]
            response = await self._send("GET", path, params=[*query, *page_query])
            page = reading.parse(model, response)
            yield page, response
            if page.is_last:
                return
            if not page.cursor or page.cursor in cursors:
                raise VenueDown("coinbase: a list goes on, but does not say where")
            cursors.append(page.cursor)

    async def _get(self, model: type[W], path: str, params: Params | None = None) -> W:
        return await self._call(model, "GET", path, params=params)

    async def _call(self, model: type[W], method: str, path: str, **request: Any) -> W:
        return reading.parse(model, await self._send(method, path, **request))

    async def _send(self, method: str, path: str, *, may_be_missing: bool = False, **request: Any) -> httpx.Response:
        token = self._key.token(datetime.now(UTC), _READ_LIFE, self._uri(method, path))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            response = await self._http.request(method, path, headers=headers, **request)
        except httpx.HTTPError as error:
            raise VenueUnreachable(f"coinbase: {type(error).__name__} {error}") from error
        if not (may_be_missing and faults.says_missing(response)):
            faults.raise_for(response)
        return response

    def _uri(self, method: str, path: str) -> str:
        return f"{method} {self._http.base_url.netloc.decode()}{path}"


async def _nothing() -> None:
    return None


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_IN_ONE_CALL):
        yield ids[start : start + _IDS_IN_ONE_CALL]


def _whole_second(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
