"""Asking venues what they offer."""

from __future__ import annotations

import asyncio

from temporalio import activity

from domain.errors import TradeError, TryAgain
from domain.pairs import Pair
from domain.quotes import Quote, Quotes
from domain.signals import Action
from domain.values import Value
from venues.venue import Venues, venue_of


class QuoteRequest(Value):
    """What is to be traded, and on which account."""

    account: str
    pair: Pair
    action: Action


class Quoting:
    """Asks the candidate venues of a trade."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    @activity.defn
    async def fetch_quotes(self, request: QuoteRequest) -> Quotes:
        """Quotes of the candidates, and why some have none. Raises when no candidate answers."""
        asked = [venue_of(self._venues, request.account).quote(request.pair, request.action)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        quotes = tuple(answer for answer in answers if isinstance(answer, Quote))
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if not quotes:
            raise next((error for error in failures if isinstance(error, TryAgain)), failures[0])
        for error in failures:
            if not isinstance(error, TradeError):
                raise error
        return Quotes(quotes=quotes, failures=tuple(str(error) for error in failures))
