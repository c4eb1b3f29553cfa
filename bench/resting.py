"""What waiting costs: many limit orders at rest, and nothing else going on."""

import asyncio
import time
from typing import Any

from bench.measuring import Meter
from bench.trading import send_alerts
from tests.pipeline.stack import Stack

_PATIENCE_S = 900
_STEADY_S = 20
# Slower than they are placed: signals that wait too long are refused.
_EVERY_S = 0.12
# Far below every price of the exchange, so that none is filled.
_REST = {"amount": 25, "limit_price": 1000}


def measure_resting(stack: Stack, house: Meter, count: int) -> dict[str, Any]:
    """Memory by process, processor time and requests at the exchange, a second, while `count` orders rest."""
    asyncio.run(send_alerts(stack.url(stack.door), count, 20, _EVERY_S, **_REST))
    end = time.monotonic() + _PATIENCE_S
    while (resting := _resting(stack)) < count:
        assert time.monotonic() < end, f"only {resting} orders of {count} rest after {_PATIENCE_S} s"
        time.sleep(2)
    time.sleep(_STEADY_S)
    stack.control("DELETE", "/audit/requests")
    before = house.cpu_s()
    time.sleep(_STEADY_S)
    used = {name: round((now - before[name]) / _STEADY_S, 3) for name, now in house.cpu_s().items()}
    requests = stack.control("GET", "/audit/requests")
    return {
        "orders": count,
        "mib": house.memory_mib(),
        "cpu_s_each_s": used,
        "requests_each_s": round(sum(requests.values()) / _STEADY_S, 2),
    }


def _resting(stack: Stack) -> int:
    return sum(order["status"] == "OPEN" for order in stack.control("GET", "/audit")["orders"])
