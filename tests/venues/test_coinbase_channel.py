"""What the venue tells by itself, read from the simulated exchange: hints to look, and nothing else."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from domain.errors import VenueUnreachable
from simulators.exchange.auth import Keyring, issue_key
from simulators.exchange.store import Store
from tests.simulators.clients import Json
from tests.venues.backstage import resting, send
from tests.venues.coinbase import CoinbaseBackstage
from tests.venues.conftest import Exchange
from venues.coinbase.channel import UserChannel
from venues.coinbase.keys import ApiKey
from venues.venue import News

pytestmark = pytest.mark.anyio

ANYTHING = News(None)
USER: Json = {"method": "EVENT", "path_prefix": "/user"}


@pytest.fixture
async def hearing(exchange: Exchange, backstage: CoinbaseBackstage) -> AsyncIterator[AsyncGenerator[News]]:
    """The channel, subscribed to, with all said that a subscription brings."""
    hearing = UserChannel(exchange.venue_url, exchange.key, 5, trust_env=False).hear()
    assert await anext(hearing) == ANYTHING
    assert await anext(hearing) == ANYTHING
    yield hearing
    await hearing.aclose()


@pytest.fixture
def stranger_key(tmp_path: Path) -> ApiKey:
    """A good key that the venue has never seen."""
    store = Store(tmp_path / "elsewhere.db")
    issue_key(Keyring(store), tmp_path / "key.json")
    store.close()
    return ApiKey.from_file(tmp_path / "key.json")


async def next_but_heartbeats(hearing: AsyncGenerator[News]) -> News:
    """The next hint."""
    while not (news := await anext(hearing)).is_hint:
        pass
    return news


async def test_a_change_of_an_order_is_a_hint(hearing: AsyncGenerator[News], backstage: CoinbaseBackstage) -> None:
    sent = await send(backstage.venue, await resting(backstage))
    assert await next_but_heartbeats(hearing) == News(frozenset({sent.venue_order_id}))


async def test_a_heartbeat_is_a_sign_of_life_and_no_hint(hearing: AsyncGenerator[News], exchange: Exchange) -> None:
    exchange.house.feed.beat()
    assert not (await anext(hearing)).is_hint


async def test_what_was_lost_is_noticed_by_its_number(
    hearing: AsyncGenerator[News], exchange: Exchange, backstage: CoinbaseBackstage
) -> None:
    await exchange.control.fault({"drop": True}, match=USER)
    await send(backstage.venue, await resting(backstage))
    exchange.house.feed.beat()
    assert await next_but_heartbeats(hearing) == ANYTHING


@pytest.mark.parametrize(
    "body",
    ["no JSON", "[]", '{"sequence_num": "x"}', {"events": [1]}, {"channel": None}, {"channel": "user"}, "\N{SNOWMAN}"],
)
async def test_what_cannot_be_read_may_be_about_anything(
    hearing: AsyncGenerator[News], exchange: Exchange, backstage: CoinbaseBackstage, body: object
) -> None:
    await exchange.control.fault({"status": 200, "body": body}, match=USER)
    await send(backstage.venue, await resting(backstage))
    assert await next_but_heartbeats(hearing) == ANYTHING


@pytest.mark.parametrize("do", [{"close": True}, {"reset": True}])
async def test_a_broken_connection_is_told_as_one(
    hearing: AsyncGenerator[News], exchange: Exchange, backstage: CoinbaseBackstage, do: Json
) -> None:
    await exchange.control.fault(do, match=USER)
    await send(backstage.venue, await resting(backstage))
    with pytest.raises(VenueUnreachable, match="the user channel broke"):
        await next_but_heartbeats(hearing)


async def test_a_venue_that_refuses_the_connection_is_unreachable(exchange: Exchange) -> None:
    await exchange.control.fault({"status": 503}, match={"method": "CONNECT"})
    channel = UserChannel(exchange.venue_url, exchange.key, 5, trust_env=False)
    with pytest.raises(VenueUnreachable, match="HTTP 403"):
        await anext(channel.hear())
    nobody = UserChannel("http://127.0.0.1:1", exchange.key, 5, trust_env=False)
    with pytest.raises(VenueUnreachable, match="ConnectionRefusedError"):
        await anext(nobody.hear())


async def test_a_key_that_the_venue_does_not_know_hears_nothing(exchange: Exchange, stranger_key: ApiKey) -> None:
    channel = UserChannel(exchange.venue_url, stranger_key, 5, trust_env=False)
    with pytest.raises(VenueUnreachable, match="authentication failure"):
        await anext(channel.hear())


async def test_no_token_is_logged(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        hearing = UserChannel(exchange.venue_url, exchange.key, 5, trust_env=False).hear()
        assert await anext(hearing)
        await hearing.aclose()
    assert "eyJ" not in caplog.text
    assert "jwt" not in caplog.text
