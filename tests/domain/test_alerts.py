"""The legacy alert, from its bytes to a signal; and the door in small that the other tests of alerts share."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.alerts import AlertRefused, read_body, to_signal
from domain.signals import Signal

NOW = datetime(2025, 11, 22, 10, 0, 0, tzinfo=UTC)
LEGACY = {
    "api_key": "a-long-secret-of-the-source",
    "action": "BUY",
    "symbol": "WBTC-USDC",
    "exchange": "coinbase",
    "network": "arbitrum",
    "pool_type": "amm",
    "amount": 25,
    "percentage": 50,
}


def signal_of(body: bytes) -> tuple[Signal, tuple[str, ...]]:
    return to_signal(read_body(body), source="tests", signal_id="s-1", received_at=NOW, max_age_s=120)


def asked(**fields: object) -> tuple[Signal, tuple[str, ...]]:
    """The signal and warnings of a BUY of ETH-USD with `fields` beside or instead."""
    return signal_of(json.dumps({"action": "BUY", "symbol": "ETH-USD", **fields}).encode())


def refusal(body: bytes) -> AlertRefused:
    with pytest.raises(AlertRefused) as caught:
        signal_of(body)
    return caught.value


def refusal_of(**fields: object) -> AlertRefused:
    return refusal(json.dumps({"action": "BUY", "symbol": "ETH-USD", **fields}).encode())


def test_the_legacy_body_is_accepted_unchanged_and_a_buy_takes_its_amount() -> None:
    signal, warnings = signal_of(json.dumps(LEGACY).encode())
    assert (signal.action, str(signal.pair), signal.exchange) == ("BUY", "WBTC-USDC", "coinbase")
    assert (signal.network, signal.pool_type) == ("arbitrum", "amm")
    assert (signal.amount, signal.percentage) == (Decimal(25), None)
    assert warnings == ("percentage is ignored on a BUY: amount counts",)


def test_a_sell_of_the_legacy_template_takes_its_percentage() -> None:
    signal, warnings = signal_of(json.dumps({**LEGACY, "action": "sell"}).encode())
    assert (signal.action, signal.amount, signal.percentage) == ("SELL", None, Decimal(50))
    assert warnings == ("amount is ignored on a SELL: percentage counts",)
