"""Asking venues what they offer."""

from __future__ import annotations

import asyncio

from temporalio import activity

from domain.errors import TradeError, TryAgain, VenueNotHere
from domain.pairs import Pair
from domain.quotes import Quote, Quotes
from domain.signals import Action
from domain.values import Value
from venues.venue import Venues, venue_of


class QuoteRequest(Value):
    """What is to be traded, and on which account. `exchange`: the one that the signal names, if it names one."""

    account: str
    exchange: str | None
    pair: Pair
    action: Action


class Quoting:
    """Asks the candidate venues of a trade."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    @activity.defn
    async def fetch_quotes(self, request: QuoteRequest) -> Quotes:
        """Quotes of the candidates, and why some have none. Raises when no candidate answers."""
        venue = venue_of(self._venues, request.account)
        if request.exchange not in (None, venue.name):
            raise VenueNotHere(f"{request.account} trades on {venue.name}, the signal wants {request.exchange}")
        asked = [venue.quote(request.pair, request.action)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        quotes = tuple(answer for answer in answers if isinstance(answer, Quote))
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if not quotes:
            raise next((error for error in failures if isinstance(error, TryAgain)), failures[0])
        for error in failures:
            if not isinstance(error, TradeError):
                raise error
        return Quotes(quotes=quotes, failures=tuple(str(error) for error in failures))
