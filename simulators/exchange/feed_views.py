"""How the WebSocket shows what happens: the field names and notations of the channels `user` and `heartbeats`."""

from datetime import datetime

from simulators.exchange.decimals import ZERO, exact, plain
from simulators.exchange.exchange import Exchange
from simulators.exchange.orders import Order
from simulators.exchange.views import TIME_IN_FORCE, View, instant, progress_view

NO_POSITIONS: View = {"perpetual_futures_positions": [], "expiring_futures_positions": []}
# What the venue writes where there is no time.
NO_TIME = "0001-01-01T00:00:00Z"

SAME_FOR_EVERY_ORDER: View = {
    "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
    "product_type": "SPOT",
    "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
    "start_time": NO_TIME,
    "stop_price": "",
    "trigger_status": "INVALID_ORDER_TYPE",
}


@exact
def told_order_view(order: Order, exchange: Exchange) -> View:
    """An order as the channel `user` tells it: all it has come to so far, and no single fills."""
    progress = progress_view(order)
    left = ZERO if order.base_size is None or order.status != "OPEN" else order.base_size - order.filled_size
    same = ("completion_percentage", "filled_value", "number_of_fills", "outstanding_hold_amount", "total_fees")
    return {
        **{name: progress[name] for name in (*same, "total_value_after_fees")},
        "avg_price": progress["average_filled_price"],
        "cancel_reason": order.cancel_message,
        "client_order_id": order.client_order_id,
        "creation_time": instant(order.created_at),
        "cumulative_quantity": progress["filled_size"],
        "end_time": instant(order.end_time) if order.end_time else NO_TIME,
        "leaves_quantity": plain(left),
        "limit_price": plain(order.limit_price or ZERO),
        "order_id": order.order_id,
        "order_side": order.side,
        "order_type": "Market" if order.kind == "market_market_ioc" else "Limit",
        "post_only": "true" if order.post_only else "false",
        "product_id": order.product_id,
        "reject_reason": order.reject_reason,
        "retail_portfolio_id": exchange.portfolio_id,
        "status": order.status,
        "time_in_force": TIME_IN_FORCE[order.kind],
        **SAME_FOR_EVERY_ORDER,
    }


def heartbeat_view(count: int, now: datetime) -> View:
    return {"current_time": f"{now:%Y-%m-%d %H:%M:%S.%f} +0000 UTC", "heartbeat_counter": count}
