"""The exchange itself: what the venue does and what its market does, kept in the store as it happens."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from simulators.exchange.bookkeeping import Rates, Terms
from simulators.exchange.books import Book, book_faults, mid_of, stepped, synthetic
from simulators.exchange.decimals import ZERO, exact, on_grid, plain
from simulators.exchange.events import log_event
from simulators.exchange.markets import Market, MarketRow
from simulators.exchange.matching import Floor, Print, cross, end, place, print_trade
from simulators.exchange.orders import Account, Ending, Fill, Moment, Order, Ticket
from simulators.exchange.products import CATALOGUE, Product
from simulators.exchange.refusals import Malformed, NotFound, Reason, Refused
from simulators.exchange.settings import Knobs, Settings
from simulators.exchange.store import Store
from simulators.exchange.tickets import check_ticket

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Change = Callable[[Sequence[Order], Floor, Terms], Floor]


class Exchange:
    """`clock` gives the true time; the venue's own clock is off from it by the offset among the knobs."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], datetime]) -> None:
        self.knobs: Knobs = settings.knobs()
        self.store = store
        self.rates = Rates(settings.maker_fee_rate, settings.taker_fee_rate)
        # Who is told of every order that has changed, as it stands then.
        self.listeners: list[Callable[[Order], None]] = []
        self._seed = str(settings.seed)
        self._clock = clock
        with store.transaction():
            if store.meta("opened_at") is None:
                store.save_accounts(Account(currency=name, available=sum_) for name, sum_ in settings.balances.items())
                store.set_meta("opened_at", self.now().isoformat())
            self.opened_at = datetime.fromisoformat(store.meta("opened_at") or "")
            self.user_id, self.portfolio_id = store.once("user_id"), store.once("portfolio_id")
            kept = {row.product_id: row for row in store.markets()}
            self.markets = {name: self._open_market(product, kept.get(name)) for name, product in CATALOGUE.items()}

    def _open_market(self, product: Product, row: MarketRow | None) -> Market:
        if row is None:
            mid = product.starting_price
            row = MarketRow(product.product_id, mid, mid, 0, synthetic(product, mid, f"{self._seed}:0"))
            self.store.save_market(row)
        market = Market(product, row)
        market.report(row.last, product.base_increment, "BUY", self.now())
        return market

    def now(self) -> datetime:
        return self._clock() + timedelta(seconds=self.knobs.clock_offset_s)

    def true_ms(self) -> int:
        return (self._clock() - EPOCH) // timedelta(milliseconds=1)

    def visible_until_ms(self) -> int:
        """Orders accepted up to here are shown; younger ones are not visible yet."""
        return self.true_ms() - self.knobs.visibility_delay_ms

    def market(self, product_id: str) -> Market:
        """Raises NotFound for a product that is not in the catalogue."""
        market = self.markets.get(product_id)
        if market is None:
            raise NotFound("valid product_id is required")
        return market

    def place(self, ticket: Ticket, post: int) -> str:
        """Admit `ticket`; the new order's id. The outcome of `post` is committed with the order. Raises Refused."""
        market, floor = self._tried(ticket)
        order_id = floor.orders[0].order_id
        self._commit(market, floor, market.row, lambda: self.store.finish_post(post, "created", True, order_id))
        return order_id

    def preview(self, ticket: Ticket) -> Order:
        """What `ticket` would become if it were placed now. Raises Refused."""
        return self._tried(ticket)[1].orders[0]

    def _tried(self, ticket: Ticket) -> tuple[Market, Floor]:
        market = self.markets.get(ticket.product_id)
        if market is None:
            raise Refused(Reason.INVALID_PRODUCT_ID)
        self.expire_due()
        terms = self._terms(market)
        at, true_ms = terms.moment.at, terms.moment.true_ms
        check_ticket(ticket, market.product, mid_of(market.book), at)
        order = Order(**dict(ticket), order_id=str(uuid.uuid4()), created_at=at, accepted_ms=true_ms)
        return market, place(order, self._floor(market), terms)

    def cancel(self, order_id: str) -> str | None:
        """Cancel an order at its client's wish; the reason why not, or None."""
        self.expire_due()
        order = self.store.order("order_id", order_id)
        reason = _cancel_fault(order, self.visible_until_ms())
        if order is None or reason is not None:
            self.store.add_cancel(self.now(), order_id, reason)
        else:
            messages = {"cancel_message": "User requested cancel"}
            self._end(order, "CANCELLED", messages, lambda: self.store.add_cancel(self.now(), order_id, None))
        log_event("cancel_answered", order_id=order_id, failure_reason=reason)
        return reason

    def end_order(self, order_id: str, ending: Ending, messages: Mapping[str, str]) -> None:
        """The venue itself ends an open order. Raises NotFound when there is no such open order."""
        order = self.store.order("order_id", order_id)
        if order is None or order.status != "OPEN":
            raise NotFound("no open order has this order_id")
        self._end(order, ending, messages)

    def expire_due(self) -> None:
        """End every order whose time has come."""
        now = self.now()
        for order in self.store.find(Order, "orders", "status = 'OPEN' AND kind = 'limit_limit_gtd'", []):
            if order.end_time is not None and order.end_time <= now:
                self._end(order, "EXPIRED", {})

    def _end(
        self, order: Order, ending: Ending, messages: Mapping[str, str], also: Callable[[], None] = lambda: None
    ) -> None:
        market = self.markets[order.product_id]
        floor = end(order, self._floor(market), self._terms(market), ending, messages)
        self._commit(market, floor, market.row, also)
        log_event("order_ended", order_id=order.order_id, status=ending)

    def set_price(self, product_id: str, price: Decimal) -> None:
        """Move the market to `price`: a fresh book around it; resting orders that it reaches are filled."""
        market = self.market(product_id)
        if price <= market.product.price_increment or not on_grid(price, market.product.price_increment):
            raise Malformed(f"price must be a multiple of {market.product.price_increment}, and above it")
        self._move(market, price)
        log_event("price_set", product_id=product_id, price=plain(price))

    def set_book(self, product_id: str, book: Book) -> None:
        """Replace the book; resting orders that it reaches are filled."""
        market = self.market(product_id)
        if (fault := book_faults(market.product, book)) is not None:
            raise Malformed(fault)
        mid = mid_of(book) or market.row.mid
        self._meet(market, cross, market.row._replace(book=book, mid=mid))
        log_event("book_set", product_id=product_id)

    def print_trade(self, product_id: str, trade: Print) -> None:
        """A trade of others: it may fill resting orders, and its price is the last one."""
        market = self.market(product_id)
        grid = (trade.price, market.product.price_increment), (trade.size, market.product.base_increment)
        if not all(amount > 0 and on_grid(amount, step) for amount, step in grid):
            raise Malformed("price and size must be positive multiples of the product's increments")
        self._meet(market, partial(print_trade, trade), market.row._replace(last=trade.price))
        market.report(trade.price, trade.size, trade.side, self.now())
        log_event("trade_printed", product_id=product_id, price=plain(trade.price), size=plain(trade.size))

    def step(self) -> None:
        """One beat of time: orders expire, and synthetic prices move."""
        self.expire_due()
        if self.knobs.prices == "synthetic":
            for market in self.markets.values():
                seed = f"{self._seed}:{market.product.base}:{market.row.tick}"
                self._move(market, stepped(market.row.mid, market.product.price_increment, seed))

    def _move(self, market: Market, mid: Decimal) -> None:
        rising, tick = mid >= market.row.mid, market.row.tick + 1
        book = synthetic(market.product, mid, f"{self._seed}:{tick}")
        self._meet(market, cross, market.row._replace(mid=mid, last=mid, tick=tick, book=book))
        market.report(mid, market.product.base_increment, "BUY" if rising else "SELL", self.now())

    def _meet(self, market: Market, change: Change, row: MarketRow) -> None:
        """The market becomes `row`, and `change` says what that does to its resting orders."""
        where = "status = 'OPEN' AND product_id = ?"
        resting = self.store.find(Order, "orders", where, [row.product_id])
        floor = self._floor(market)._replace(book=row.book)
        self._commit(market, change(resting, floor, self._terms(market)), row)

    def _terms(self, market: Market) -> Terms:
        return Terms(market.product, self.rates, Moment(at=self.now(), true_ms=self.true_ms()))

    def _floor(self, market: Market) -> Floor:
        return Floor(market.book, self.store.accounts((market.product.base, market.product.quote)))

    def _commit(self, market: Market, floor: Floor, row: MarketRow, also: Callable[[], None] = lambda: None) -> None:
        """Keep what `floor` changed and the market's `row`, in one transaction; then believe it."""
        last = floor.fills[-1].price if floor.fills else row.last
        row = row._replace(book=floor.book, last=last)
        with self.store.transaction():
            for order in floor.orders:
                self.store.save_order(order) if order.seq else self.store.add_order(order)
            for fill in floor.fills:
                self.store.add_fill(fill)
            self.store.save_accounts(floor.accounts.values())
            self.store.save_market(row)
            self._count_volume(floor.fills)
            also()
        market.row = row
        for order in floor.orders:
            if not order.seq:
                log_event("order_created", order_id=order.order_id, client_order_id=order.client_order_id)
        for fill in floor.fills:
            market.report_fill(fill)
            log_event("order_filled", order_id=fill.order_id, price=plain(fill.price), size=plain(fill.size))
        self._announce(floor)

    def _announce(self, floor: Floor) -> None:
        """Tell of what is new, filled or ended; an order that only moved up in its queue is no news."""
        filled = {fill.order_id for fill in floor.fills}
        for order in floor.orders:
            if not order.seq or order.status != "OPEN" or order.order_id in filled:
                for listener in self.listeners:
                    listener(order)

    @exact
    def _count_volume(self, fills: Sequence[Fill]) -> None:
        if fills:
            volume = sum((fill.value for fill in fills), self.total("volume"))
            fees = sum((fill.commission for fill in fills), self.total("fees"))
            self.store.set_meta("volume", plain(volume))
            self.store.set_meta("fees", plain(fees))

    def total(self, name: str) -> Decimal:
        """The `volume` or the `fees` of all fills so far, in quote units."""
        return Decimal(self.store.meta(name) or ZERO)

    def disable(self, product_id: str, disabled: bool) -> None:
        market = self.market(product_id)
        row = market.row._replace(trading_disabled=disabled)
        self.store.save_market(row)
        market.row = row
        log_event("product_set", product_id=product_id, trading_disabled=disabled)

    def set_available(self, currency: str, available: Decimal) -> None:
        account = self.store.accounts([currency]).get(currency) or Account(currency=currency)
        self.store.save_accounts([account.model_copy(update={"available": available})])
        log_event("balance_set", currency=currency, available=plain(available))

    def turn(self, changes: Mapping[str, object]) -> Knobs:
        """Change knobs until the next restart. Raises pydantic's ValidationError."""
        self.knobs = Knobs.model_validate({**self.knobs.model_dump(), **changes})
        log_event("knobs_turned", **changes)
        return self.knobs


def _cancel_fault(order: Order | None, visible_until_ms: int) -> str | None:
    if order is None or order.accepted_ms > visible_until_ms:
        return "UNKNOWN_CANCEL_ORDER"
    faults = {"OPEN": None, "FILLED": "ORDER_IS_FULLY_FILLED", "CANCELLED": "DUPLICATE_CANCEL_REQUEST"}
    return faults.get(order.status, "INVALID_CANCEL_REQUEST")
