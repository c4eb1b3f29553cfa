"""The verbs of `Venue`, said to Coinbase Advanced Trade."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from domain.attempts import Answer
from domain.errors import VenueDown, VenueUnreachable
from domain.names import client_order_id
from domain.orders import LookUp, Order, OrderReport, OrderStanding, Prepared
from domain.pairs import Pair
from domain.quotes import Quote
from domain.signals import Action
from venues.coinbase import faults, wire
from venues.coinbase.keys import ApiKey
from venues.venue import Ticket

log = logging.getLogger(__name__)

W = TypeVar("W", bound=wire.Wire)
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
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class Coinbase:
    """One account at Coinbase Advanced Trade. `attempt_life`: how long what an attempt sends is accepted."""

    name = "coinbase"
    resend_window: timedelta | None = _RESEND_WINDOW

    def __init__(self, http: httpx.AsyncClient, key: ApiKey, account: str, attempt_life: timedelta) -> None:
        self._http, self._key, self._account, self._attempt_life = http, key, account, attempt_life

    async def quote(self, pair: Pair, action: Action) -> Quote:
        asked_at = datetime.now(UTC)
        params = [("product_id", str(pair)), ("limit", str(_BOOK_LEVELS))]
        product, book, sellable = await asyncio.gather(
            self._get(wire.Product, f"{_API}/products/{pair}"),
            self._get(wire.ProductBook, f"{_API}/product_book", params),
            self._available(pair.base) if action == "SELL" else _nothing(),
        )
        levels = book.pricebook.asks if action == "BUY" else book.pricebook.bids
        return Quote(
            account=self._account,
            venue=self.name,
            action=action,
            instrument=product.to_instrument(),
            levels=tuple(level.to_level() for level in levels),
            sellable=sellable,
            quoted_at=asked_at,
        )

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
            found, began_at = await self._find(order, prepared.client_order_id, sent_at)
        else:
            found, began_at = await self._one(venue_order_id), _NO_TIME
        if found is None:
            return LookUp(report=None, began_at=began_at)
        fills = await self._fills([found.order_id]) if found.filled_size else []
        return LookUp(report=_report(found, order, fills), began_at=began_at)

    async def report_open(self, standings: Sequence[OrderStanding]) -> Sequence[OrderReport]:
        known = {standing.venue_order_id: standing for standing in standings if standing.venue_order_id}
        listed = {order.order_id: order for order in await self._orders([("order_status", "OPEN")])}
        missing = [order_id for order_id in known if order_id not in listed]
        for ids in _chunks(missing):
            found = await self._orders([("order_ids", order_id) for order_id in ids])
            listed.update({order.order_id: order for order in found})
        changed = [listed[order_id] for order_id in known if order_id in listed and _says_more(listed[order_id], known)]
        with_fills = [order.order_id for order in changed if order.filled_size > known[order.order_id].filled_base]
        fills = [fill for ids in _chunks(with_fills) for fill in await self._fills(ids)]
        return [_report(order, known[order.order_id].order, fills) for order in changed]

    async def cancel(self, venue_order_id: str) -> str:
        path = f"{_ORDERS}/batch_cancel"
        answer = await self._call(wire.CancelAnswer, "POST", path, content=json.dumps({"order_ids": [venue_order_id]}))
        result = next((one for one in answer.results if one.order_id == venue_order_id), None)
        return "accepted" if result and result.success else (result.failure_reason if result else "no answer for it")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _available(self, asset: str) -> Decimal:
        cursor = ""
        while True:
            page = await self._get(wire.Wallets, f"{_API}/accounts", _page(cursor))
            for wallet in page.accounts:
                if wallet.currency == asset and wallet.active:
                    return wallet.available_balance.value
            if not page.has_next or not page.cursor:
                return Decimal(0)
            cursor = page.cursor

    async def _one(self, venue_order_id: str) -> wire.VenueOrder | None:
        """The order with the venue's id; None while the venue does not show it yet."""
        response = await self._send("GET", f"{_ORDERS}/historical/{venue_order_id}", may_be_missing=True)
        missing = response.status_code == httpx.codes.NOT_FOUND
        return None if missing else _parse(wire.OneOrder, response).order

    async def _find(self, order: Order, client_id: str, sent_at: datetime) -> tuple[wire.VenueOrder | None, datetime]:
        """The order with our id, and when the search began by the venue's clock."""
        since = f"{sent_at - _LOOK_BACK:%Y-%m-%dT%H:%M:%SZ}"
        query = [("product_ids", str(order.pair)), ("start_date", since)]
        cursor, began_at = "", None
        while True:
            response = await self._send("GET", _BATCH, params=[*query, *_page(cursor)])
            began_at = began_at or _began_at(response)
            page = _parse(wire.OrderPage, response)
            for found in page.orders:
                if found.client_order_id == client_id:
                    return found, began_at
            if not page.has_next or not page.cursor:
                return None, began_at
            cursor = page.cursor

    async def _orders(self, query: Params) -> list[wire.VenueOrder]:
        orders: list[wire.VenueOrder] = []
        cursor = ""
        while True:
            page = await self._get(wire.OrderPage, _BATCH, [*query, *_page(cursor)])
            orders.extend(page.orders)
            if not page.has_next or not page.cursor:
                return orders
            cursor = page.cursor

    async def _fills(self, order_ids: Sequence[str]) -> list[wire.VenueFill]:
        fills: list[wire.VenueFill] = []
        query, cursor = [("order_ids", order_id) for order_id in order_ids], ""
        while True:
            page = await self._get(wire.FillPage, _FILLS, [*query, *_page(cursor)])
            fills.extend(page.fills)
            # This list has no has_next: a cursor on a full page means more.
            if not page.cursor or len(page.fills) < _PAGE:
                return fills
            cursor = page.cursor

    async def _get(self, model: type[W], path: str, params: Params | None = None) -> W:
        return await self._call(model, "GET", path, params=params)

    async def _call(self, model: type[W], method: str, path: str, **request: Any) -> W:
        return _parse(model, await self._send(method, path, **request))

    async def _send(self, method: str, path: str, *, may_be_missing: bool = False, **request: Any) -> httpx.Response:
        token = self._key.token(datetime.now(UTC), _READ_LIFE, self._uri(method, path))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            response = await self._http.request(method, path, headers=headers, **request)
        except httpx.HTTPError as error:
            raise VenueUnreachable(f"coinbase: {type(error).__name__} {error}") from error
        if not (may_be_missing and response.status_code == httpx.codes.NOT_FOUND):
            faults.raise_for(response)
        return response

    def _uri(self, method: str, path: str) -> str:
        return f"{method} {self._http.base_url.netloc.decode()}{path}"


async def _nothing() -> None:
    return None


def _report(found: wire.VenueOrder, order: Order, fills: Sequence[wire.VenueFill]) -> OrderReport:
    if not found.status_is_known:
        raise VenueDown(f"coinbase: order {found.order_id} has the status {found.status}, which says nothing")
    return found.to_report(order, fills)


def _says_more(found: wire.VenueOrder, known: dict[str, OrderStanding]) -> bool:
    """Whether the venue's order says more than we know."""
    standing = known[found.order_id]
    if not found.status_is_known:
        log.warning("fault_unlisted venue=coinbase order_id=%s status=%s", standing.order.order_id, found.status)
        return False
    return found.status != "OPEN" or standing.state != "open" or found.filled_size != standing.filled_base


def _parse(model: type[W], response: httpx.Response) -> W:
    try:
        return model.model_validate(json.loads(response.text, parse_float=Decimal))
    except (ValueError, ValidationError) as error:
        raise VenueDown(f"coinbase: the answer cannot be read as {model.__name__}") from error


def _began_at(response: httpx.Response) -> datetime:
    """Not later than the start of the request that `response` answers, by the venue's clock."""
    theirs = faults.venue_time(response)
    return theirs - response.elapsed if theirs else _NO_TIME


def _page(cursor: str) -> Params:
    return [("limit", str(_PAGE)), *([("cursor", cursor)] if cursor else [])]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_IN_ONE_CALL):
        yield ids[start : start + _IDS_IN_ONE_CALL]
