"""Each step of a trade as one call: which activity, under which policy, and what the UI says of it."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import policies
    from activities.placing import EndRequest, Placing
    from activities.quoting import QuoteRequest, Quoting
    from activities.recording import CloseRequest, Recording, SettleRequest, SizeRequest, TradeNote
    from activities.watching import Watching
    from domain.orders import Order, OrderStanding
    from domain.outcomes import Outcome
    from domain.quotes import Quotes, Route
    from domain.routing import traded_pair
    from domain.settlements import Settlement
    from domain.trades import OpenedTrade


def _said(policy: workflow.ActivityConfig, summary: str) -> workflow.ActivityConfig:
    """`policy`, and what the UI shows beside the step."""
    return {**policy, "summary": summary}


async def open_trade(trade_id: str) -> OpenedTrade:
    return await workflow.execute_local_activity_method(Recording.open_trade, trade_id, **policies.OPEN_TRADE)


async def fetch_quotes(trade: OpenedTrade) -> Quotes:
    """A price is worth waiting for as long as the signal is fresh. Raises PairUnknown."""
    patience = timedelta(seconds=trade.rules.max_signal_age_s)
    pair = traded_pair(trade.signal.pair, trade.rules.tradable_pairs)
    summary = f"quote {pair} for {trade.rules.account}"
    return await workflow.execute_activity_method(
        Quoting.fetch_quotes,
        QuoteRequest(
            account=trade.rules.account, exchange=trade.signal.exchange, pair=pair, action=trade.signal.action
        ),
        **_said({**policies.FETCH_QUOTES, "schedule_to_close_timeout": patience}, summary),
    )


async def size_order(trade: OpenedTrade, route: Route) -> OrderStanding:
    return await workflow.execute_local_activity_method(
        Recording.size_order, SizeRequest(trade=trade, route=route), **policies.SIZE_ORDER
    )


def start_placing(order: Order, patience: timedelta) -> workflow.ActivityHandle[OrderStanding]:
    """After `patience` the gate lets nothing out any more; whatever it has let out is looked after elsewhere."""
    policy: workflow.ActivityConfig = {**policies.PLACE_ORDER, "schedule_to_close_timeout": patience}
    return workflow.start_activity_method(Placing.place_order, order, **_said(policy, order.headline))


async def watch_fill(order: Order) -> OrderStanding:
    return await workflow.execute_activity_method(
        Placing.watch_fill, order, **_said(policies.WATCH_FILL, f"fill of {order.headline}")
    )


async def look_up_order(order: Order) -> OrderStanding:
    return await workflow.execute_activity_method(
        Placing.look_up_order, order, **_said(policies.LOOK_UP_ORDER, f"look up {order.headline}")
    )


async def end_order(order: Order, code: str, reason: str) -> OrderStanding:
    return await workflow.execute_activity_method(
        Placing.end_order,
        EndRequest(order=order, code=code, reason=reason),
        **_said(policies.END_ORDER, f"end {order.headline}"),
    )


async def ask_to_watch(account: str) -> None:
    await workflow.execute_activity_method(
        Watching.ask_to_watch, account, **_said(policies.ASK_TO_WATCH, f"watch {account}")
    )


async def read_standing(order_id: str) -> OrderStanding:
    return await workflow.execute_local_activity_method(Recording.read_standing, order_id, **policies.READ_STANDING)


async def request_cancel(trade_id: str, reason: str) -> None:
    note = TradeNote(trade_id=trade_id, by="a message to the workflow", text=reason)
    await workflow.execute_local_activity_method(Recording.request_cancel, note, **policies.REQUEST_CANCEL)


async def mark_unresolved(trade_id: str, reason: str) -> None:
    note = TradeNote(trade_id=trade_id, by="the workflow", text=reason)
    await workflow.execute_local_activity_method(Recording.mark_unresolved, note, **policies.MARK_UNRESOLVED)


async def settle(trade_id: str, settlement: Settlement) -> OrderStanding:
    """Raises a FailureError when the books leave no room for it."""
    request = SettleRequest(trade_id=trade_id, settlement=settlement)
    return await workflow.execute_local_activity_method(Recording.settle, request, **policies.SETTLE)


async def close_trade(trade_id: str, outcome: Outcome) -> Outcome:
    return await workflow.execute_local_activity_method(
        Recording.close_trade, CloseRequest(trade_id=trade_id, outcome=outcome), **policies.CLOSE_TRADE
    )
