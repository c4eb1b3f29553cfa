"""Listening to what venues tell by themselves. Whatever breaks here, orders are looked up as before."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from activities import policies
from activities.hints import Hint, Hints
from domain.errors import TradeError
from venues.venue import Channel

log = logging.getLogger(__name__)


@asynccontextmanager
async def listening(channels: Mapping[str, Channel]) -> AsyncIterator[Hints]:
    """The hints of every account that has a channel, until the end of the block."""
    hints = {account: Hint() for account in channels}
    tasks = [asyncio.create_task(listen(account, channel, hints[account])) for account, channel in channels.items()]
    try:
        yield hints
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listen(account: str, channel: Channel, hint: Hint) -> None:
    """Pass on what the channel tells, and connect again whenever that ends, with growing pauses.

    An outage is told once: it may last as long as there is no such venue.
    """
    pause_s, level = policies.LISTEN_FIRST_PAUSE_S, logging.WARNING
    while True:
        heard_before, why = hint.heard, "it was closed"
        try:
            await _pass_on(account, channel, hint)
        except TimeoutError:
            why = "it is silent"
        except TradeError as error:
            why = str(error)
        except Exception as error:  # A hint is worth no worker.
            why = f"{type(error).__name__} {error}"
        finally:
            hint.set_live(False)
        if hint.heard > heard_before:
            pause_s, level = policies.LISTEN_FIRST_PAUSE_S, logging.WARNING
        log.log(level, "channel_lost account=%s why=%s; trying again in %s s", account, why, pause_s)
        await asyncio.sleep(pause_s)
        pause_s, level = min(2 * pause_s, policies.LISTEN_LAST_PAUSE_S), logging.DEBUG


async def _pass_on(account: str, channel: Channel, hint: Hint) -> None:
    """Tell of every hint, until the channel ends. Raises TimeoutError when it says nothing at all for long."""
    async with aclosing(channel.hear()) as hearing:
        while True:
            async with asyncio.timeout(policies.SILENCE_S):
                news = await anext(hearing, None)
            if news is None:
                return
            if news.is_hint:
                hint.tell(news.venue_order_ids)
            if not hint.is_live:
                hint.set_live(True)
                log.info("channel_live account=%s", account)
