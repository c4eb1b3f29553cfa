"""The venue port: the REST paths of Coinbase Advanced Trade."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from simulators.exchange import coinbase_app
from simulators.exchange.door import PREFIX, Access, Door, Handler, Visit, failure
from simulators.exchange.events import log_event
from simulators.exchange.exchange import Exchange
from simulators.exchange.feed import Feed
from simulators.exchange.listings import list_accounts, list_fills, list_orders, many, page_of, shown
from simulators.exchange.refusals import Malformed, NotFound, Reason, Refused, wording
from simulators.exchange.tickets import demand_fields, read_ticket
from simulators.exchange.views import (
    NO_PREVIEW,
    View,
    account_uuid,
    account_view,
    best_view,
    instant,
    order_view,
    preview_view,
    pricebook_view,
    product_book_view,
    product_view,
    summary_view,
    ticker_view,
)

Way = tuple[str, Access, str, Handler]

EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class Venue:
    """What stands behind the door: one method per path."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def time(self, visit: Visit) -> Response:
        now = self._exchange.now()
        seconds, millis = str(int(now.timestamp())), str(int(now.timestamp()) * 1000 + now.microsecond // 1000)
        both = {"epochSeconds": seconds, "epochMillis": millis, "epoch_seconds": seconds, "epoch_millis": millis}
        return JSONResponse({"iso": instant(now), **both})

    def products(self, visit: Visit) -> Response:
        query = visit.request.query_params
        wanted, kinds = many(query, "product_ids"), many(query, "product_type")
        markets = self._exchange.markets.values() if set(kinds) <= {"SPOT"} else []
        views = [product_view(m) for m in markets if not wanted or m.product.product_id in wanted]
        return JSONResponse({"products": views, "num_products": len(views), "pagination": None})

    def product(self, visit: Visit) -> Response:
        return JSONResponse(product_view(self._exchange.market(visit.request.path_params["product_id"])))

    def ticker(self, visit: Visit) -> Response:
        market = self._exchange.market(visit.request.path_params["product_id"])
        return JSONResponse(ticker_view(market, page_of(visit.request.query_params, 100)))

    def product_book(self, visit: Visit) -> Response:
        query = visit.request.query_params
        market = self._exchange.market(query.get("product_id", ""))
        limit = page_of(query, 1) if "limit" in query else None
        return JSONResponse(product_book_view(market, self._exchange.now(), limit))

    def best_bid_ask(self, visit: Visit) -> Response:
        names = many(visit.request.query_params, "product_ids", "product_id") or list(self._exchange.markets)
        now = self._exchange.now()
        return JSONResponse({"pricebooks": [pricebook_view(self._exchange.market(name), now, 1) for name in names]})

    def accounts(self, visit: Visit) -> Response:
        return JSONResponse(list_accounts(self._exchange, visit.request.query_params))

    def account(self, visit: Visit) -> Response:
        wanted = visit.request.path_params["account_uuid"]
        for account in self._exchange.store.accounts().values():
            if account_uuid(account, self._exchange) == wanted:
                return JSONResponse({"account": account_view(account, self._exchange)})
        raise NotFound("account not found")

    def summary(self, visit: Visit) -> Response:
        return JSONResponse(summary_view(self._exchange))

    def create(self, visit: Visit) -> Response:
        body = visit.demand_body()
        demand_fields(body)
        known = self._exchange.store.order("client_order_id", str(body["client_order_id"]))
        if known is not None and self._exchange.knobs.duplicate_ids == "return_old":
            self._exchange.store.finish_post(visit.post, "duplicate", True, known.order_id)
            log_event("order_repeated", order_id=known.order_id, client_order_id=known.client_order_id)
            return _created(body, known.order_id)
        try:
            if known is not None and self._exchange.knobs.duplicate_ids == "error":
                raise Refused(Reason.DUPLICATE_CLIENT_ORDER_ID)
            return _created(body, self._exchange.place(read_ticket(body), visit.post))
        except Refused as refused:
            self._exchange.store.finish_post(visit.post, f"rejected:{refused.reason}", True)
            log_event("order_rejected", client_order_id=body["client_order_id"], reason=refused.reason)
            return _rejected(body, refused.reason)

    def preview(self, visit: Visit) -> Response:
        body = visit.demand_body()
        demand_fields(body, ("product_id", "side", "order_configuration"))
        market = self._exchange.markets.get(str(body["product_id"]))
        best: View = best_view(market.book) if market else {"best_bid": "", "best_ask": ""}
        try:
            amounts = preview_view(self._exchange.preview(read_ticket(body)), self._exchange)
            return JSONResponse({**amounts, "errs": [], **best})
        except Refused as refused:
            return JSONResponse({**NO_PREVIEW, "errs": [wording(refused.reason).preview], **best})

    def cancel(self, visit: Visit) -> Response:
        order_ids = visit.demand_body().get("order_ids")
        if not isinstance(order_ids, list) or not order_ids or not all(isinstance(each, str) for each in order_ids):
            raise Malformed("order_ids must be a list of order ids")
        results = []
        for order_id in order_ids:
            reason = self._exchange.cancel(order_id)
            shown_reason = reason or "UNKNOWN_CANCEL_FAILURE_REASON"
            results.append({"success": reason is None, "failure_reason": shown_reason, "order_id": order_id})
        return JSONResponse({"results": results})

    def orders(self, visit: Visit) -> Response:
        return JSONResponse(list_orders(self._exchange, visit.request.query_params))

    def order(self, visit: Visit) -> Response:
        kept = self._exchange.store.order("order_id", visit.request.path_params["order_id"])
        order = shown(self._exchange, kept)
        if order is None:
            raise NotFound("order with this orderID was not found")
        return JSONResponse({"order": order_view(order, self._exchange)})

    def fills(self, visit: Visit) -> Response:
        return JSONResponse(list_fills(self._exchange, visit.request.query_params))

    def nothing(self, visit: Visit) -> Response:
        return failure(404, "NOT_FOUND", "no such path")


def _created(body: Mapping[str, object], order_id: str) -> Response:
    """The answer to an accepted order; it echoes what this request said, even when `order_id` is of an earlier one."""
    echoed = {name: body[name] for name in ("product_id", "side", "client_order_id")}
    success = {"order_id": order_id, **echoed, "attached_order_id": ""}
    answer = {"success": True, "success_response": success, "order_configuration": body["order_configuration"]}
    return JSONResponse(answer)


def _rejected(body: Mapping[str, object], reason: Reason) -> Response:
    words = wording(reason)
    error = {
        "error": words.error,
        "message": words.message,
        "error_details": "",
        "preview_failure_reason": words.preview,
        "new_order_failure_reason": words.new_order,
    }
    answer = {"success": False, "error_response": error, "order_configuration": body["order_configuration"]}
    return JSONResponse(answer)


def venue_app(exchange: Exchange, door: Door, feed: Feed) -> Starlette:
    """The venue's paths behind `door`; whatever is not among them is answered as unknown."""
    venue = Venue(exchange)
    routes: list[BaseRoute] = [Route("/healthz", _healthz), WebSocketRoute("/", feed.serve)]
    for method, access, path, handler in (*_trade_table(venue), *_app_table(exchange)):
        routes.append(Route(path, door.endpoint(path, access, handler), methods=[method]))
    elsewhere = door.endpoint("(unknown)", "public", venue.nothing)
    routes.append(Route("/{rest:path}", elsewhere, methods=EVERY_METHOD))
    return Starlette(routes=routes)


def _trade_table(venue: Venue) -> list[Way]:
    table: list[Way] = [
        ("GET", "public", "/time", venue.time),
        ("GET", "public", "/market/products", venue.products),
        ("GET", "public", "/market/products/{product_id}", venue.product),
        ("GET", "public", "/market/products/{product_id}/ticker", venue.ticker),
        ("GET", "public", "/market/product_book", venue.product_book),
        ("GET", "private", "/products", venue.products),
        ("GET", "private", "/products/{product_id}", venue.product),
        ("GET", "private", "/products/{product_id}/ticker", venue.ticker),
        ("GET", "private", "/product_book", venue.product_book),
        ("GET", "private", "/best_bid_ask", venue.best_bid_ask),
        ("GET", "private", "/accounts", venue.accounts),
        ("GET", "private", "/accounts/{account_uuid}", venue.account),
        ("GET", "private", "/transaction_summary", venue.summary),
        ("POST", "private", "/orders", venue.create),
        ("POST", "private", "/orders/preview", venue.preview),
        ("POST", "private", "/orders/batch_cancel", venue.cancel),
        ("GET", "private", "/orders/historical/batch", venue.orders),
        ("GET", "private", "/orders/historical/fills", venue.fills),
        ("GET", "private", "/orders/historical/{order_id}", venue.order),
    ]
    return [(method, access, PREFIX + path, handler) for method, access, path, handler in table]


def _app_table(exchange: Exchange) -> list[Way]:
    return [
        ("GET", "public", "/v2/time", lambda _: JSONResponse(coinbase_app.tell_time(exchange))),
        ("GET", "public", "/v2/currencies", lambda _: JSONResponse(coinbase_app.list_fiat())),
        ("GET", "public", "/v2/currencies/crypto", lambda _: JSONResponse(coinbase_app.list_crypto())),
        ("GET", "public", "/v2/exchange-rates", lambda _: JSONResponse(coinbase_app.list_rates(exchange))),
        ("GET", "private", "/v2/accounts", lambda _: JSONResponse(coinbase_app.list_wallets(exchange))),
    ]


async def _healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})
