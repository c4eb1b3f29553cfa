"""Asking venues what they offer."""

from __future__ import annotations

import asyncio

from temporalio import activity

from domain.errors import TradeError, TryAgain
from domain.quotes import Quote, Quotes
from domain.routing import traded_pair
from domain.trades import OpenedTrade
from venues.venue import Venues, venue_of


class Quoting:
    """Asks the candidate venues of a trade."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    @activity.defn
    async def fetch_quotes(self, trade: OpenedTrade) -> Quotes:
        """Quotes of the candidates, and why some have none. Raises when no candidate answers."""
        pair = traded_pair(trade.signal.pair, trade.rules.tradable_pairs)
        asked = [venue_of(self._venues, trade.rules.account).quote(pair, trade.signal.action)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        quotes = tuple(answer for answer in answers if isinstance(answer, Quote))
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if not quotes:
            raise next((error for error in failures if isinstance(error, TryAgain)), failures[0])
        for error in failures:
            if not isinstance(error, TradeError):
                raise error
        return Quotes(quotes=quotes, failures=tuple(str(error) for error in failures))
