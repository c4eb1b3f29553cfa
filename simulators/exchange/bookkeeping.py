"""Holds, fills and fees: how an order's progress moves money between accounts. Pure, and to the last digit."""

import hashlib
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, NamedTuple

from simulators.exchange.books import Take
from simulators.exchange.decimals import ZERO, finest
from simulators.exchange.orders import Account, Fill, Moment, Order
from simulators.exchange.products import Product
from simulators.exchange.refusals import Reason, Refused

Accounts = Mapping[str, Account]
Liquidity = Literal["MAKER", "TAKER"]


class Rates(NamedTuple):
    maker: Decimal
    taker: Decimal


class Terms(NamedTuple):
    """What is traded, at which fees, and when."""

    product: Product
    rates: Rates
    moment: Moment


class Part(NamedTuple):
    """One fill to be booked: what was taken, its fee, and as what."""

    take: Take
    commission: Decimal
    liquidity: Liquidity


def maker_part(take: Take, terms: Terms) -> Part:
    return Part(take, finest(take.value * terms.rates.maker), "MAKER")


def net_of_fee(quote_size: Decimal, rates: Rates) -> Decimal:
    """What `quote_size` leaves for the purchase itself: the size includes the taker's fee."""
    return finest(quote_size / (1 + rates.taker))


def standing_hold(order: Order) -> Decimal:
    """What must be held for the unfilled part of a base-sized order, at its worst price and dearest fee."""
    assert order.base_size is not None
    left = order.base_size - order.filled_size
    if order.side == "SELL":
        return left
    return left * limit_of(order) * (1 + order.hold_rate)


def limit_of(order: Order) -> Decimal:
    assert order.limit_price is not None
    return order.limit_price


def reserve(order: Order, product: Product, accounts: dict[str, Account], needed: Decimal) -> Order:
    """Hold `needed` for `order`. Raises Refused when that is not available."""
    currency = _currency(order, product)
    if _account(accounts, currency).available < needed:
        raise Refused(Reason.INSUFFICIENT_FUND)
    _move(accounts, currency, -needed, needed)
    return order.model_copy(update={"hold": needed})


def release(order: Order, product: Product, accounts: dict[str, Account]) -> Order:
    """Give back all that `order` still holds."""
    _move(accounts, _currency(order, product), order.hold, -order.hold)
    return order.model_copy(update={"hold": ZERO})


def book_fill(order: Order, accounts: dict[str, Account], part: Part, terms: Terms) -> tuple[Order, Fill]:
    """Book one fill of `order`: pay from its hold, credit the proceeds, and shrink the hold to what still stands."""
    take, product = part.take, terms.product
    filled = order.model_copy(
        update={
            "filled_size": order.filled_size + take.size,
            "filled_value": order.filled_value + take.value,
            "total_fees": order.total_fees + part.commission,
            "number_of_fills": order.number_of_fills + 1,
            "last_fill_at": terms.moment.at,
        }
    )
    spent = take.value + part.commission if order.side == "BUY" else take.size
    hold = order.hold - spent if order.limit_price is None else standing_hold(filled)
    _move(accounts, _currency(order, product), order.hold - hold - spent, hold - order.hold)
    if order.side == "BUY":
        _move(accounts, product.base, take.size)
    else:
        _move(accounts, product.quote, take.value - part.commission)
    filled = filled.model_copy(update={"hold": hold})
    return filled, _fill(filled, part, terms.moment)


def _fill(order: Order, part: Part, moment: Moment) -> Fill:
    trade_id = str(uuid.uuid5(uuid.UUID(order.order_id), str(order.number_of_fills)))
    return Fill(
        trade_id=trade_id,
        entry_id=hashlib.sha256(trade_id.encode()).hexdigest(),
        order_id=order.order_id,
        product_id=order.product_id,
        side=order.side,
        price=part.take.price,
        size=part.take.size,
        value=part.take.value,
        commission=part.commission,
        liquidity=part.liquidity,
        size_in_quote=order.quote_size is not None,
        traded_at=moment.at,
        traded_ms=moment.true_ms,
    )


def _currency(order: Order, product: Product) -> str:
    return product.quote if order.side == "BUY" else product.base


def _account(accounts: Accounts, currency: str) -> Account:
    return accounts.get(currency) or Account(currency=currency)


def _move(accounts: dict[str, Account], currency: str, available: Decimal, hold: Decimal = ZERO) -> None:
    account = _account(accounts, currency)
    moved = account.model_copy(update={"available": account.available + available, "hold": account.hold + hold})
    assert moved.available >= 0, f"{currency} would be overdrawn"
    assert moved.hold >= 0, f"more {currency} would be released than is held"
    accounts[currency] = moved
