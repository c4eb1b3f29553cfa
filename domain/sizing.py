"""From a route to an order: how much, and at what worst price."""

from datetime import datetime, timedelta
from decimal import Decimal

from domain.errors import (
    FundsInsufficient,
    LimitTooFar,
    NothingToSell,
    OrderTooLarge,
    OrderTooSmall,
    PairClosed,
    PairUnknown,
    PriceMoved,
    QuoteStale,
    SlippageExceeded,
)
from domain.money import ceil_to_step, floor_to_step, percent_apart, percent_of, plain
from domain.orders import Order
from domain.quotes import Instrument, Quote, Route
from domain.rules import Rules
from domain.signals import Signal


def size_order(signal: Signal, route: Route, rules: Rules, now: datetime) -> Order:
    """The order for `signal` on `route`. Quantities are rounded down, prices never past the tolerance.

    Raises a GiveUp that names the figures: QuoteStale, PriceMoved, OrderTooSmall, OrderTooLarge, NothingToSell,
    FundsInsufficient, SlippageExceeded, LimitTooFar, PairClosed, PairUnknown.
    """
    quote = route.quote
    check_quote(quote, signal, rules, now)
    limit_price = _limit_price(signal, quote, rules)
    base_qty = floor_to_step(_wanted_base(signal, quote, rules), quote.instrument.base_step)
    _check_size(signal, base_qty, quote, rules)
    _check_venue_limits(base_qty, limit_price, quote.instrument)
    if signal.kind == "market":
        check_depth(base_qty, limit_price, quote)
    return Order(
        order_id=f"{signal.trade_id}-1",
        trade_id=signal.trade_id,
        account=quote.account,
        venue=quote.venue,
        pair=quote.instrument.pair,
        action=signal.action,
        kind=signal.kind,
        base_qty=base_qty,
        limit_price=limit_price,
        expected_price=quote.price,
        rests_until=_rests_until(signal, rules, now),
        quoted_at=quote.quoted_at,
    )


def check_quote(quote: Quote, signal: Signal, rules: Rules, now: datetime) -> None:
    """Hold the quote to the rules: tradable, fresh, and near the price that the signal saw."""
    pair = quote.instrument.pair
    if not quote.instrument.open_for_trading:
        raise PairClosed(f"{quote.venue} does not trade {pair} at the moment")
    if not pair.counts_in_usd:
        raise PairUnknown(f"{pair} is not priced in US dollars; limits cannot be held, so it is not traded")
    age_s = (now - quote.quoted_at).total_seconds()
    if signal.kind == "market" and age_s > rules.max_quote_age_s:
        raise QuoteStale(f"the quote is {age_s:.1f} s old, at most {rules.max_quote_age_s} s are allowed")
    if signal.price is None:
        return
    moved = percent_apart(quote.price, signal.price)
    if moved > rules.max_price_move_percent:
        raise PriceMoved(
            f"{pair} is at {plain(quote.price)}, {moved:.2f} % from the signal's {plain(signal.price)}; "
            f"at most {plain(rules.max_price_move_percent)} % are allowed"
        )


def check_depth(base_qty: Decimal, limit_price: Decimal, quote: Quote) -> None:
    """Refuse a size that the book cannot fill within the tolerance."""
    buying = quote.action == "BUY"
    reachable = (
        level for level in quote.levels if (level.price <= limit_price if buying else level.price >= limit_price)
    )
    on_offer = sum((level.base_qty for level in reachable), Decimal(0))
    if on_offer < base_qty:
        raise SlippageExceeded(
            f"the book offers {plain(on_offer)} {quote.instrument.pair.base} up to {plain(limit_price)}, "
            f"{plain(base_qty)} are wanted"
        )


def _limit_price(signal: Signal, quote: Quote, rules: Rules) -> Decimal:
    step = quote.instrument.price_step
    buying = signal.action == "BUY"
    tolerance = percent_of(quote.price, rules.slippage_percent)
    worst = quote.price + tolerance if buying else quote.price - tolerance
    wanted = worst if signal.limit_price is None else signal.limit_price
    if wanted > worst if buying else wanted < worst:
        raise LimitTooFar(
            f"the limit of {plain(wanted)} is worse than the market's {plain(quote.price)} by more than "
            f"{plain(rules.slippage_percent)} %"
        )
    price = floor_to_step(wanted, step) if buying else ceil_to_step(wanted, step)
    if price <= 0:
        raise OrderTooSmall(f"a price of {plain(wanted)} is below the venue's step of {plain(step)}")
    return price


def _wanted_base(signal: Signal, quote: Quote, rules: Rules) -> Decimal:
    """Base quantity before rounding. A sale by percentage leaves the dust that venues never let go."""
    if signal.base_amount is not None:
        return signal.base_amount
    price = signal.limit_price or quote.price
    if signal.action == "BUY":
        return (signal.amount or rules.trade_amount_usd) / price
    if signal.percentage is None and signal.amount is not None:
        return signal.amount / price
    held = quote.sellable or Decimal(0)
    share = percent_of(held, signal.percentage or rules.sell_percentage)
    return min(share, held * rules.sellable_fraction)


def _check_size(signal: Signal, base_qty: Decimal, quote: Quote, rules: Rules) -> None:
    if signal.action == "BUY":
        _check_entry(base_qty * (signal.limit_price or quote.price), rules)
    else:
        _check_exit(base_qty, quote, rules)


def _check_entry(usd: Decimal, rules: Rules) -> None:
    if usd < rules.min_order_usd:
        raise OrderTooSmall(f"{usd:.2f} USD is below the smallest order of {plain(rules.min_order_usd)} USD")
    if usd > rules.max_order_usd:
        raise OrderTooLarge(f"{usd:.2f} USD is above the largest order of {plain(rules.max_order_usd)} USD")


def _check_exit(base_qty: Decimal, quote: Quote, rules: Rules) -> None:
    asset, held = quote.instrument.pair.base, quote.sellable or Decimal(0)
    if held == 0:
        raise NothingToSell(f"{quote.account} holds no {asset}")
    if base_qty > held:
        raise FundsInsufficient(f"{quote.account} holds {plain(held)} {asset}, {plain(base_qty)} are to be sold")
    if base_qty < rules.min_sell_base:
        raise OrderTooSmall(f"{plain(base_qty)} {asset} is below the smallest sale of {plain(rules.min_sell_base)}")


def _check_venue_limits(base_qty: Decimal, price: Decimal, instrument: Instrument) -> None:
    pair, quote_qty = instrument.pair, base_qty * price
    if base_qty == 0 or base_qty < instrument.min_base or quote_qty < instrument.min_quote:
        raise OrderTooSmall(
            f"{plain(base_qty)} {pair.base} is below the venue's smallest order: "
            f"{plain(instrument.min_base)} {pair.base}, {plain(instrument.min_quote)} {pair.quote}"
        )
    if base_qty > instrument.max_base or quote_qty > instrument.max_quote:
        raise OrderTooLarge(
            f"{plain(base_qty)} {pair.base} is above the venue's largest order: "
            f"{plain(instrument.max_base)} {pair.base}, {plain(instrument.max_quote)} {pair.quote}"
        )


def _rests_until(signal: Signal, rules: Rules, now: datetime) -> datetime | None:
    if signal.kind == "market":
        return None
    seconds = signal.cancel_after_s or rules.cancel_after_s
    return now + timedelta(seconds=seconds)
