"""Design: Duplicates; kept before answered, started beside the answer."""

import asyncio
import itertools
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pipeline.stack import SECRET, Stack, until

pytestmark = pytest.mark.slow

ALERTS = 20


def test_a_thousand_identical_alerts_at_two_apis_make_one_trade(stack: Stack) -> None:
    stack.start("api-2")
    body = {"api_key": SECRET, "action": "BUY", "symbol": "ETH-USD", "exchange": "coinbase", "amount": 11}

    async def send_all() -> list[dict[str, Any]]:
        async def one_connection(number: int) -> list[dict[str, Any]]:
            url = f"{stack.url('api-1' if number % 2 else 'api-2')}/webhook/hummingbot"
            async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
                answers = [await http.post(url, json=body) for _ in range(50)]
            assert {answer.status_code for answer in answers} == {202}
            return [answer.json() for answer in answers]

        return [answer for answers in await asyncio.gather(*map(one_connection, range(20))) for answer in answers]

    answers = asyncio.run(send_all())
    assert len(answers) == 1000
    assert len({answer["trade_id"] for answer in answers}) == 1
    assert Counter(answer["duplicate"] for answer in answers) == {False: 1, True: 999}
    trade = stack.closed(answers[0]["trade_id"])
    assert trade["outcome"]["kind"] == "filled"
    assert len(stack.orders_at_exchange(trade["trade_id"])) == 1


def test_alerts_that_come_while_temporal_is_dead_are_traded_once_when_it_is_back(stack: Stack) -> None:
    stack.parts["temporal"].kill()
    trade_ids = [stack.send(amount=12) for _ in range(ALERTS)]
    stack.start("temporal")
    all_filled_once(stack, trade_ids)


def test_alerts_that_come_while_temporal_is_frozen_are_traded_once_when_it_goes_on(stack: Stack) -> None:
    temporal = stack.parts["temporal"]
    temporal.freeze()
    try:
        trade_ids = [stack.send(amount=13) for _ in range(ALERTS)]
    finally:
        temporal.thaw()
    all_filled_once(stack, trade_ids)


def test_one_process_for_all_takes_alerts_before_temporal_is_there(tmp_path: Path) -> None:
    stack = Stack(tmp_path, door="all-1")
    try:
        stack.run("migrate")
        for name in ("exchange", "all-1"):
            stack.start(name)
        trade_id = stack.send(amount=25)
        stack.start("temporal")
        assert stack.closed(trade_id)["outcome"]["kind"] == "filled"
    finally:
        stack.stop_all()


def test_one_process_for_all_stops_when_it_is_told_to_though_temporal_is_away(tmp_path: Path) -> None:
    stack = Stack(tmp_path, door="all-1")
    try:
        stack.run("migrate")
        stack.start("exchange")
        process = stack.start("all-1")
        process.send(signal.SIGTERM)
        assert process.handle.wait(timeout=60) == 0
    finally:
        stack.stop_all()


def test_a_signal_that_goes_stale_while_temporal_is_away_expires(stack: Stack) -> None:
    stack.parts["temporal"].kill()
    # All but two seconds of the 120 that a signal may be old are gone when it arrives.
    fired_at = datetime.now(UTC) - timedelta(seconds=118)
    answer = stack.alert(amount=14, time=fired_at.isoformat())
    assert answer.status_code == 202, answer.text
    late = itertools.count()
    until(lambda: stack.alert(id=f"late-{next(late)}", time=fired_at.isoformat()).status_code == 422, "it to be stale")
    stack.start("temporal")
    trade = stack.closed(answer.json()["trade_id"])
    assert (trade["outcome"]["kind"], trade["outcome"]["code"]) == ("expired", "SignalExpired")
    assert stack.orders_at_exchange(trade["trade_id"]) == []


def all_filled_once(stack: Stack, trade_ids: list[str]) -> None:
    assert len(set(trade_ids)) == len(trade_ids)
    with ThreadPoolExecutor(4) as pool:
        trades = list(pool.map(stack.closed, trade_ids))
    assert [trade["outcome"]["kind"] for trade in trades] == ["filled"] * len(trades)
    assert all(len(stack.orders_at_exchange(trade_id)) == 1 for trade_id in trade_ids)
