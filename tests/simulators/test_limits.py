"""How many requests the venue takes."""

import pytest

from simulators.exchange.limits import NANO, Buckets
from tests.simulators.clients import Control, Trader, market_buy

pytestmark = pytest.mark.anyio


def test_a_bucket_holds_one_seconds_worth_and_fills_up_with_time() -> None:
    now = [0]
    buckets = Buckets(lambda: now[0])
    assert [buckets.draw("a", 2).granted for _ in range(3)] == [True, True, False]
    assert buckets.draw("b", 2).granted
    now[0] += NANO // 2
    assert [buckets.draw("a", 2).granted for _ in range(2)] == [True, False]
    now[0] += 100 * NANO
    assert [buckets.draw("a", 2).granted for _ in range(3)] == [True, True, False]


def test_a_limit_of_zero_is_none() -> None:
    buckets = Buckets(lambda: 0)
    assert all(buckets.draw("a", 0) == (True, {}) for _ in range(1000))


async def test_too_many_requests_are_turned_away_with_the_venues_words(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"private_requests_per_s": 1})
    body = {"product_id": "ETH-USD", "side": "BUY", "order_configuration": market_buy("10")}
    answers = [await trader.post_order({**body, "client_order_id": f"n-{n}"}) for n in range(2)]
    last = answers[-1]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert last.json() == {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    assert (last.headers["x-ratelimit-limit"], last.headers["x-ratelimit-remaining"]) == ("1", "0")
    assert "retry-after" not in last.headers
    assert await control.results("n-1") == ["rate_limited"]


async def test_public_and_private_requests_are_counted_apart(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"public_requests_per_s": 1, "private_requests_per_s": 0})
    public = [await trader.http.get("/api/v3/brokerage/time") for _ in range(2)]
    assert [answer.status_code for answer in public] == [200, 429]
    assert (await trader.call("GET", "/accounts")).status_code == 200
