"""Listening to a channel that breaks, falls silent or lies: hints come or do not come, and nothing else happens."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest

from activities import policies
from activities.hints import Hint
from domain.errors import VenueUnreachable
from venues.venue import News
from worker.listening import listen, listening

pytestmark = pytest.mark.anyio

ACCOUNT = "coinbase-paper"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between connections."""
    monkeypatch.setattr(policies, "LISTEN_FIRST_PAUSE_S", 0)


class Scripted:
    """A channel that says the next of its scripts at each connection: hints, errors, or nothing at all for ever."""

    def __init__(self, *scripts: list[bool | Exception]) -> None:
        self.scripts, self.connections = list(scripts), 0
        self.ended, self.connected_again = asyncio.Event(), asyncio.Event()

    async def hear(self) -> AsyncGenerator[News]:
        self.connections += 1
        if self.connections > 1:
            self.connected_again.set()
        if not self.scripts:
            self.ended.set()
            await asyncio.Event().wait()
        for said in self.scripts.pop(0):
            if isinstance(said, Exception):
                raise said
            yield News(None if said else frozenset())


async def heard_of(channel: Scripted) -> Hint:
    """What was heard when all scripts were said."""
    hint = Hint()
    task = asyncio.create_task(listen(ACCOUNT, channel, hint))
    await channel.ended.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return hint


async def test_only_what_may_have_changed_is_passed_on() -> None:
    assert (await heard_of(Scripted([True, False, True, False]))).heard == 2


@pytest.mark.parametrize("end", [VenueUnreachable("gone"), RuntimeError("a bug")])
async def test_a_channel_that_breaks_is_connected_again(end: Exception, caplog: pytest.LogCaptureFixture) -> None:
    channel = Scripted([True, end], [end], [], [True, True])
    with caplog.at_level(logging.WARNING):
        assert (await heard_of(channel)).heard == 3
    assert channel.connections == 5
    assert str(end) in caplog.text


async def test_an_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    gone = VenueUnreachable("gone")
    with caplog.at_level(logging.WARNING):
        await heard_of(Scripted([gone], [gone], [gone], [True, gone], [gone], [gone]))
    assert caplog.text.count("channel_lost") == 2


async def test_a_channel_is_live_from_its_first_word_to_its_last() -> None:
    channel, hint, seen = Scripted(), Hint(), []

    async def hear() -> AsyncGenerator[News]:
        seen.append(hint.is_live)
        yield News(frozenset())
        seen.append(hint.is_live)
        channel.ended.set()

    channel.hear = hear  # type: ignore[method-assign]
    task = asyncio.create_task(listen(ACCOUNT, channel, hint))
    await channel.ended.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen[:2] == [False, True]
    assert not hint.is_live


async def test_a_silent_channel_is_given_up(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(policies, "SILENCE_S", 0.01)
    channel, hint = Scripted(), Hint()
    task = asyncio.create_task(listen(ACCOUNT, channel, hint))
    await channel.connected_again.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "it is silent" in caplog.text


async def test_listening_ends_with_its_block() -> None:
    channel = Scripted([True])
    async with listening({ACCOUNT: channel}) as hints:
        await channel.ended.wait()
        assert hints[ACCOUNT].heard == 1
    assert not hints[ACCOUNT].is_live


async def test_a_hint_during_a_look_is_not_lost() -> None:
    hint = Hint()
    hint.set_live(True)
    heard = hint.heard
    hint.tell()
    await hint.more_than(heard)
    assert hint.heard > heard


async def test_a_change_that_nobody_told_of_makes_a_channel_doubtful_until_it_tells_of_one() -> None:
    hint = Hint()
    hint.set_live(True)
    hint.tell()
    hint.look_found(1, hint.heard)
    assert hint.is_trusted
    hint.look_found(0, hint.heard)
    assert hint.is_trusted
    hint.look_found(1, hint.heard)
    assert not hint.is_trusted
    await hint.more_than(hint.heard)
    hint.tell()
    assert hint.is_trusted


async def test_nobody_waits_on_a_dead_channel() -> None:
    hint = Hint()
    await hint.more_than(0)
    hint.set_live(True)
    waiting = asyncio.create_task(hint.more_than(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    hint.set_live(False)
    await waiting
