"""The same for real trades: alerts in, orders at the exchange, fills in the books."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from domain.names import client_order_id
from tests.pipeline.stack import SECRET, Stack

_PATIENCE_S = 300


@dataclass
class Sent:
    """What was sent, and when (seconds since the epoch): by trade id. `answers_s`: how long each answer took."""

    at: dict[str, float] = field(default_factory=dict)
    answers_s: list[float] = field(default_factory=list)


async def send_alerts(url: str, count: int, at_once: int, every_s: float, **asked: Any) -> Sent:
    """Post `count` alerts from `at_once` connections at most, one every `every_s` at most; `asked`: more fields."""
    sent, gate = Sent(), asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as http:

        async def one() -> None:
            body = {
                "api_key": SECRET,
                "action": "BUY",
                "symbol": "ETH-USD",
                "exchange": "coinbase",
                "amount": 25,
                **asked,
            }
            began, ticks = time.time(), time.perf_counter()
            try:
                answer = await http.post("/webhook/hummingbot", json={**body, "id": os.urandom(8).hex()})
            finally:
                gate.release()
            sent.answers_s.append(time.perf_counter() - ticks)
            assert answer.status_code == 202, answer.text
            sent.at[answer.json()["trade_id"]] = began

        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await gate.acquire()
                group.create_task(one())
                await asyncio.sleep(max(0.0, start + (number + 1) * every_s - time.perf_counter()))
    return sent


class Desk:
    """Sends alerts at a stack and reads what became of them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def measure(self, count: int, at_once: int, every_s: float) -> dict[str, Any]:
        """Trade `count` times. Times in seconds, from the alert's sending on; `took_s` until the last was recorded."""
        began = time.time()
        sent = asyncio.run(send_alerts(self._stack.url(self._stack.door), count, at_once, every_s))
        closed = self._closed(sent)
        accepted = self._accepted(sent)
        return {
            "answers_s": sent.answers_s,
            "to_order_s": [accepted[trade_id] - at for trade_id, at in sent.at.items()],
            "to_record_s": [closed[trade_id] - at for trade_id, at in sent.at.items()],
            "took_s": max(closed.values()) - began,
        }

    def _closed(self, sent: Sent) -> dict[str, float]:
        """When each trade was recorded; raises AssertionError if one was lost or did not fill."""
        end = time.monotonic() + _PATIENCE_S
        while self._some("received") or self._some("open"):
            assert time.monotonic() < end, f"trades are still open after {_PATIENCE_S} s"
            time.sleep(0.5)
        trades = self._newest(sent.at)
        outcomes = Counter((trades[trade_id]["outcome"], trades[trade_id]["reason"]) for trade_id in sent.at)
        assert outcomes == {("filled", ""): len(sent.at)}, outcomes
        return {trade_id: _seconds(trades[trade_id]["closed_at"]) for trade_id in sent.at}

    def _some(self, status: str) -> bool:
        return bool(self._list(status=status, limit=1)["trades"])

    def _newest(self, wanted: Collection[str]) -> dict[str, dict[str, Any]]:
        """Trades by id, from the newest back, until all that are `wanted` are there."""
        trades: dict[str, dict[str, Any]] = {}
        page: dict[str, Any] = {"next": None}
        while not trades.keys() >= set(wanted):
            page = self._list(limit=500, **({"before": page["next"]} if page["next"] else {}))
            trades |= {trade["trade_id"]: trade for trade in page["trades"]}
            assert page["next"] or trades.keys() >= set(wanted), "a trade was lost"
        return trades

    def _list(self, **which: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._stack.operate("GET", "/trades", params=which)
        return page

    def _accepted(self, sent: Sent) -> dict[str, float]:
        """When the exchange took each order; raises AssertionError unless there is exactly one for each trade."""
        orders = self._stack.control("GET", "/audit")["orders"]
        made = Counter(order["client_order_id"] for order in orders)
        ids = {trade_id: client_order_id(f"{trade_id}-1", 1) for trade_id in sent.at}
        assert {made[client_id] for client_id in ids.values()} == {1}, "an order is missing, or there twice"
        times = {order["client_order_id"]: _seconds(order["created_time"]) for order in orders}
        return {trade_id: times[client_id] for trade_id, client_id in ids.items()}


def _seconds(instant: str) -> float:
    """Since the epoch."""
    return datetime.fromisoformat(instant).timestamp()
