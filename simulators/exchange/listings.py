"""Lists of orders, fills and accounts: the venue's filters and its paging."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.datastructures import QueryParams

from simulators.exchange.exchange import Exchange
from simulators.exchange.orders import Fill, Order
from simulators.exchange.refusals import Malformed
from simulators.exchange.store import Value, stamp
from simulators.exchange.tickets import read_instant
from simulators.exchange.views import View, account_view, fill_view, order_view, pending

STATUSES = frozenset({"PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED", "QUEUED", "CANCEL_QUEUED"})
LONGEST_PAGE = 1000


@dataclass
class Filter:
    """A WHERE clause as it grows."""

    clauses: list[str] = field(default_factory=lambda: ["1"])
    values: list[Value] = field(default_factory=list)

    def add(self, clause: str, *values: Value) -> None:
        self.clauses.append(clause)
        self.values.extend(values)

    def among(self, column: str, values: Sequence[str]) -> None:
        if values:
            self.add(f"{column} IN ({', '.join('?' for _ in values)})", *values)

    @property
    def where(self) -> str:
        return " AND ".join(self.clauses)


def many(query: QueryParams, *names: str) -> list[str]:
    """Every value given under any of `names`, repeated or separated by commas."""
    return [part for name in names for value in query.getlist(name) for part in value.split(",") if part]


def page_of(query: QueryParams, usual: int) -> int:
    text = query.get("limit", str(usual))
    if not text.isascii() or not text.isdigit():
        raise Malformed("limit must be a number")
    return min(int(text), LONGEST_PAGE) or usual


def cursor_of(query: QueryParams) -> int | None:
    text = query.get("cursor", "")
    if text and not (text.isascii() and text.isdigit()):
        raise Malformed("cursor is not one of ours")
    return int(text) if text else None


def shown(exchange: Exchange, order: Order | None) -> Order | None:
    """`order` as a caller may see it now: not at all, still pending, or as it is."""
    if order is None or order.accepted_ms > exchange.visible_until_ms():
        return None
    return pending(order) if order.accepted_ms > worked_until_ms(exchange) else order


def worked_until_ms(exchange: Exchange) -> int:
    """Orders accepted up to here show what became of them; younger ones are pending."""
    return exchange.visible_until_ms() - exchange.knobs.pending_ms


def list_orders(exchange: Exchange, query: QueryParams) -> View:
    wanted = Filter()
    wanted.add("accepted_ms <= ?", exchange.visible_until_ms())
    wanted.among("product_id", many(query, "product_ids", "product_id"))
    wanted.among("order_id", many(query, "order_ids", "order_id"))
    wanted.among("side", many(query, "order_side"))
    if any(kind != "SPOT" for kind in many(query, "product_type")):
        wanted.add("0")
    _by_status(wanted, many(query, "order_status"), worked_until_ms(exchange))
    _by_date(wanted, query)
    if (cursor := cursor_of(query)) is not None:
        wanted.add("seq < ?", cursor)
    size = page_of(query, LONGEST_PAGE)
    tail = f"ORDER BY seq DESC LIMIT {size + 1}"
    found = exchange.store.find(Order, "orders", wanted.where, wanted.values, tail)
    page, more = found[:size], len(found) > size
    views = [order_view(order, exchange) for kept in page if (order := shown(exchange, kept)) is not None]
    return {"orders": views, "sequence": "0", "has_next": more, "cursor": str(page[-1].seq) if more else ""}


def _by_status(wanted: Filter, statuses: Sequence[str], worked_until: int) -> None:
    if any(status not in STATUSES for status in statuses):
        raise Malformed("order_status is unknown")
    if "OPEN" in statuses and len(set(statuses)) > 1:
        raise Malformed("cannot pair open orders with other order types")
    if statuses:
        marks = ", ".join("?" for _ in statuses)
        shown_status = "CASE WHEN accepted_ms > ? THEN 'PENDING' ELSE status END"
        wanted.add(f"{shown_status} IN ({marks})", worked_until, *statuses)


def _by_date(wanted: Filter, query: QueryParams) -> None:
    """The start is inclusive, the end is not; open orders are listed whatever the dates."""
    for name, comparison in (("start_date", ">="), ("end_date", "<")):
        if text := query.get(name):
            wanted.add(f"(status = 'OPEN' OR created_at {comparison} ?)", stamp(read_instant(text, name)))


def list_fills(exchange: Exchange, query: QueryParams) -> View:
    wanted = Filter()
    # Fills of an order are as late to be seen as the order's own progress.
    seen = "SELECT order_id FROM orders WHERE orders.order_id = fills.order_id AND accepted_ms <= ?"
    wanted.add(f"EXISTS ({seen})", worked_until_ms(exchange))
    wanted.among("order_id", many(query, "order_ids", "order_id"))
    wanted.among("product_id", many(query, "product_ids", "product_id"))
    wanted.among("trade_id", many(query, "trade_ids"))
    for name, comparison in (("start_sequence_timestamp", ">="), ("end_sequence_timestamp", "<")):
        if text := query.get(name):
            wanted.add(f"traded_at {comparison} ?", stamp(read_instant(text, name)))
    if (cursor := cursor_of(query)) is not None:
        wanted.add("seq < ?", cursor)
    size = page_of(query, 100)
    tail = f"ORDER BY seq DESC LIMIT {size + 1}"
    found = exchange.store.find(Fill, "fills", wanted.where, wanted.values, tail)
    page, more = found[:size], len(found) > size
    return {"fills": [fill_view(fill, exchange) for fill in page], "cursor": str(page[-1].seq) if more else ""}


def list_accounts(exchange: Exchange, query: QueryParams) -> View:
    accounts = list(exchange.store.accounts().values())
    start, size = cursor_of(query) or 0, page_of(query, 49)
    page, more = accounts[start : start + size], len(accounts) > start + size
    views = [account_view(account, exchange) for account in page]
    return {"accounts": views, "has_next": more, "cursor": str(start + size) if more else "", "size": len(page)}
