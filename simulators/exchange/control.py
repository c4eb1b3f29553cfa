"""The control port: the audit, the fault plane, and the market's strings. For tests and operators, on loopback only."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.exchange import commands
from simulators.exchange.auth import Keyring, KeyUnusable
from simulators.exchange.books import Level, sorted_book
from simulators.exchange.decimals import plain
from simulators.exchange.door import Door, failure, read_json
from simulators.exchange.exchange import Exchange
from simulators.exchange.faults import Fault, FaultPlane, Held, Spec
from simulators.exchange.feed import Feed
from simulators.exchange.matching import Print
from simulators.exchange.orders import Fill, Order
from simulators.exchange.refusals import Malformed, NotFound
from simulators.exchange.store import Value
from simulators.exchange.views import View, best_view, instant, order_view

M = TypeVar("M", bound=BaseModel)
Serve = Callable[[Request], Awaitable[Response]]


class Control:
    def __init__(self, exchange: Exchange, keyring: Keyring, faults: FaultPlane, door: Door, feed: Feed) -> None:
        self._exchange, self._keyring, self._faults, self._door, self._feed = exchange, keyring, faults, door, feed

    async def audit(self, request: Request) -> Response:
        """Every POST of an order that arrived, and every order, fill and cancel that there is."""
        self._exchange.expire_due()
        store, wanted = self._exchange.store, request.query_params.get("client_order_id")
        mine, one = ("client_order_id = ?", [wanted]) if wanted else ("1", [])
        theirs = f"order_id IN (SELECT order_id FROM orders WHERE {mine})"
        orders = store.find(Order, "orders", mine, one, "ORDER BY seq")
        fills = store.find(Fill, "fills", theirs, one, "ORDER BY seq")
        return JSONResponse(
            {
                "posts": [_post_view(row) for row in store.rows("posts", mine, one)],
                "orders": [order_view(order, self._exchange) for order in orders],
                "fills": [_booked_view(fill) for fill in fills],
                "cancels": [_cancel_view(row) for row in store.rows("cancels", theirs if wanted else "1", one)],
            }
        )

    async def requests(self, request: Request) -> Response:
        return JSONResponse(dict(self._door.arrivals))

    async def forget_requests(self, request: Request) -> Response:
        self._door.arrivals.clear()
        return JSONResponse({})

    async def prices(self, request: Request) -> Response:
        markets = self._exchange.markets.items()
        views = {name: {**best_view(m.book), "mid": plain(m.row.mid), "last": plain(m.row.last)} for name, m in markets}
        return JSONResponse(views)

    async def set_price(self, request: Request) -> Response:
        command = await _read(request, commands.SetPrice)
        self._exchange.set_price(command.product_id, command.price)
        return JSONResponse({})

    async def set_book(self, request: Request) -> Response:
        command = await _read(request, commands.SetBook)
        bids, asks = ([Level(*level) for level in levels] for levels in (command.bids, command.asks))
        self._exchange.set_book(command.product_id, sorted_book(bids, asks))
        return JSONResponse({})

    async def print_trade(self, request: Request) -> Response:
        command = await _read(request, commands.PrintTrade)
        trade = Print(command.side, command.price, command.size, command.queue_ahead)
        self._exchange.print_trade(command.product_id, trade)
        return JSONResponse({})

    async def balances(self, request: Request) -> Response:
        accounts = self._exchange.store.accounts().values()
        views = {a.currency: {"available": plain(a.available), "hold": plain(a.hold)} for a in accounts}
        return JSONResponse(views)

    async def set_balance(self, request: Request) -> Response:
        command = await _read(request, commands.SetBalance)
        self._exchange.set_available(command.currency, command.available)
        return JSONResponse({})

    async def set_product(self, request: Request) -> Response:
        command = await _read(request, commands.SetProduct)
        self._exchange.disable(request.path_params["product_id"], command.trading_disabled)
        return JSONResponse({})

    async def add_key(self, request: Request) -> Response:
        command = await _read(request, commands.AddKey)
        self._keyring.register(command.name, command.public_key_pem)
        return JSONResponse({})

    async def end_order(self, request: Request) -> Response:
        command = await _read(request, commands.EndOrder)
        messages = command.model_dump(exclude={"status"})
        self._exchange.end_order(request.path_params["order_id"], command.status, messages)
        return JSONResponse({})

    async def settings(self, request: Request) -> Response:
        return JSONResponse(self._exchange.knobs.model_dump(mode="json"))

    async def turn_settings(self, request: Request) -> Response:
        knobs = self._exchange.turn(await _object(request))
        return JSONResponse(knobs.model_dump(mode="json"))

    async def faults(self, request: Request) -> Response:
        return JSONResponse({"faults": [_fault_view(fault) for fault in self._faults.all()]})

    async def set_fault(self, request: Request) -> Response:
        fault = self._faults.add(await _read(request, Spec))
        return JSONResponse({"fault_id": fault.fault_id})

    async def fault(self, request: Request) -> Response:
        fault = self._faults.one(request.path_params["fault_id"])
        wait = commands.Wait.model_validate(dict(request.query_params))
        for seconds, condition in (
            (wait.wait_held, lambda: bool(fault.held)),
            (wait.wait_gone, lambda: any(held.gone for held in fault.held)),
            (wait.wait_used, lambda: fault.used >= (fault.spec.times or 1)),
        ):
            if seconds is not None:
                await self._faults.until(condition, seconds)
        return JSONResponse(_fault_view(fault))

    async def release_fault(self, request: Request) -> Response:
        fault = self._faults.one(request.path_params["fault_id"])
        return JSONResponse({"released": self._faults.release(fault)})

    async def remove_fault(self, request: Request) -> Response:
        fault = self._faults.one(request.path_params["fault_id"])
        return JSONResponse({"released": self._faults.remove(fault)})

    async def remove_faults(self, request: Request) -> Response:
        return JSONResponse({"released": sum(self._faults.remove(fault) for fault in self._faults.all())})

    async def connections(self, request: Request) -> Response:
        """Every WebSocket, with the channels that it subscribed to and the number of messages that it was told."""
        return JSONResponse({"connections": self._feed.sessions()})

    async def cut_connections(self, request: Request) -> Response:
        return JSONResponse({"cut": self._feed.cut()})

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})


async def _object(request: Request) -> Mapping[str, object]:
    body = read_json(await request.body())
    if body is None:
        raise Malformed("the body must be a JSON object")
    return body


async def _read(request: Request, model: type[M]) -> M:
    return model.model_validate(await _object(request))


def _post_view(row: Mapping[str, Value]) -> View:
    configuration = row["order_configuration"]
    return {
        **row,
        "order_configuration": None if configuration is None else json.loads(str(configuration)),
        "authorised": bool(row["authorised"]),
        "result": row["result"] or "received",
    }


def _cancel_view(row: Mapping[str, Value]) -> View:
    return {**row, "success": bool(row["success"])}


def _booked_view(fill: Fill) -> View:
    """A fill as it was booked: base units whatever the order was sized in."""
    amounts = {name: plain(getattr(fill, name)) for name in ("price", "size", "value", "commission")}
    return {"trade_id": fill.trade_id, "order_id": fill.order_id, **amounts, "liquidity_indicator": fill.liquidity}


def _fault_view(fault: Fault) -> View:
    spec = fault.spec.model_dump(mode="json", exclude_defaults=True)
    held = [_held_view(held) for held in fault.held]
    return {"fault_id": fault.fault_id, **spec, "seen": fault.seen, "used": fault.used, "held": held}


def _held_view(held: Held) -> View:
    return {"held_id": held.held_id, **held.call._asdict(), "held_since": instant(held.since), "gone": held.gone}


def _told(serve: Serve) -> Serve:
    """`serve`, telling the caller what is wrong with the request instead of failing."""

    async def told(request: Request) -> Response:
        try:
            return await serve(request)
        except NotFound as error:
            return failure(404, "NOT_FOUND", str(error))
        except (Malformed, KeyUnusable, ValidationError) as error:
            return failure(400, "INVALID_ARGUMENT", str(error))

    return told


def control_app(control: Control) -> Starlette:
    table: list[tuple[str, str, Serve]] = [
        ("GET", "/healthz", control.healthz),
        ("GET", "/audit", control.audit),
        ("GET", "/audit/requests", control.requests),
        ("DELETE", "/audit/requests", control.forget_requests),
        ("GET", "/prices", control.prices),
        ("POST", "/prices", control.set_price),
        ("POST", "/book", control.set_book),
        ("POST", "/trades", control.print_trade),
        ("GET", "/balances", control.balances),
        ("POST", "/balances", control.set_balance),
        ("POST", "/products/{product_id}", control.set_product),
        ("POST", "/keys", control.add_key),
        ("POST", "/orders/{order_id}/end", control.end_order),
        ("GET", "/connections", control.connections),
        ("DELETE", "/connections", control.cut_connections),
        ("GET", "/settings", control.settings),
        ("PATCH", "/settings", control.turn_settings),
        ("GET", "/faults", control.faults),
        ("POST", "/faults", control.set_fault),
        ("DELETE", "/faults", control.remove_faults),
        ("GET", "/faults/{fault_id}", control.fault),
        ("POST", "/faults/{fault_id}/release", control.release_fault),
        ("DELETE", "/faults/{fault_id}", control.remove_fault),
    ]
    return Starlette(routes=[Route(path, _told(serve), methods=[method]) for method, path, serve in table])
