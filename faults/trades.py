"""The script of trades: what is asked for in one run, by a sender that sends again until it is answered."""

import random
import time
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal

import httpx

from faults.findings import Finding
from faults.house import House
from tests.pipeline.stack import Json, until

Kind = Literal["buy", "sell", "filled at rest", "cancelled at rest"]

# Prices at the exchange stand still at 2500. One resting order is filled by others, the other is not.
_FILLED_AT, _UNFILLED_AT = "2450", "2300"
_ASKED: dict[Kind, Json] = {
    "buy": {"action": "BUY", "amount": 25},
    "sell": {"action": "SELL", "base_amount": "0.002"},
    "filled at rest": {"action": "BUY", "amount": 25, "limit_price": _FILLED_AT},
    "cancelled at rest": {"action": "BUY", "amount": 25, "limit_price": _UNFILLED_AT},
}
_PATIENCE_S = 90
_STEP = Decimal("1e-8")


@dataclass
class Asked:
    """One alert. `trade_id`: from the first 202; from then on it must not be lost."""

    alert_id: str
    kind: Kind
    trade_id: str = ""


@dataclass
class Batch:
    """The trades of one run."""

    house: House
    rng: random.Random
    asked: list[Asked] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def send(self, kind: Kind) -> Asked:
        """Post one alert, once; what is not answered is sent again by `send_again`."""
        alert = Asked(f"{self.rng.getrandbits(64):016x}", kind)
        self.asked.append(alert)
        self._try(alert)
        return alert

    def send_some(self, count: int) -> None:
        for _ in range(count):
            self.send(self.rng.choice(("buy", "buy", "sell")))

    def send_again(self) -> None:
        """Repeat what was not answered, until it is."""
        end = time.monotonic() + _PATIENCE_S
        while missing := [alert for alert in self.asked if not alert.trade_id]:
            assert time.monotonic() < end, f"{len(missing)} alerts get no 202 in {_PATIENCE_S} s"
            for alert in missing:
                self._try(alert)
            time.sleep(0.1)

    def end_what_rests(self) -> None:
        """Others fill one kind of resting order, in two parts; the other kind is cancelled."""
        resting = [alert for alert in self.asked if alert.kind in ("filled at rest", "cancelled at rest")]
        for alert in resting:
            until(lambda one=alert: self._is_out(one), f"{alert.trade_id} to rest")  # type: ignore[misc]  # bound at once
        open_ones = [order for alert in resting for order in self._open(alert, "filled at rest")]
        total = sum((Decimal(order["base_size"]) - Decimal(order["filled_size"]) for order in open_ones), Decimal(0))
        half = (total / 2).quantize(_STEP, ROUND_DOWN)
        for part in (half, total - half):
            if part:
                trade = {"product_id": "ETH-USD", "side": "SELL", "price": _FILLED_AT, "size": f"{part:f}"}
                self.house.control("POST", "/trades", json={**trade, "queue_ahead": "0"})
        for alert in resting:
            if alert.kind == "cancelled at rest":
                self.cancel(alert)

    def cancel(self, alert: Asked) -> None:
        self.house.operate("POST", f"/trades/{alert.trade_id}/cancel", json={"reason": "the script says so"})

    def _is_out(self, alert: Asked) -> bool:
        trade = self.house.trade(alert.trade_id)
        return trade["status"] == "closed" or any(order["venue_order_id"] for order in trade["orders"])

    def _open(self, alert: Asked, kind: Kind) -> list[Json]:
        if alert.kind != kind:
            return []
        orders = self.house.orders_at_exchange(alert.trade_id)
        return [
            {"base_size": _size(order), "filled_size": order["filled_size"]}
            for order in orders
            if order["status"] == "OPEN"
        ]

    def _try(self, alert: Asked) -> None:
        body: dict[str, Any] = {"id": alert.alert_id, "symbol": "ETH-USD", **_ASKED[alert.kind]}
        for api in self.house.apis:
            try:
                answer = self.house.alert_at(api, **body)
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                told = answer.json()["trade_id"]
                assert alert.trade_id in ("", told), f"{alert.alert_id} was {alert.trade_id}, now it is {told}"
                alert.trade_id = told
                return
            assert answer.status_code in (429, 503), f"{answer.status_code} {answer.text}"


def _size(order: Json) -> str:
    (terms,) = order["order_configuration"].values()
    size: str = terms["base_size"]
    return size
