"""Why a trade did not go as asked. Every error answers one question: may the same call succeed later?

* TradeError
  + TryAgain              the same call may succeed later
    - VenueUnreachable        no answer: what was asked may or may not have happened
    - VenueDown               the venue says that it cannot serve now
    - RateLimited             the venue asks for a pause; carries retry_after_s
    - NotConfiguredHere       this process has no keys for the account
  + GiveUp                the same call will never succeed
    - SignalExpired           too old to trade on
    - TradingHalted           the kill switch is on
    - CancelRequested         somebody cancelled the trade
    - TradeEnded              the books have closed the trade: whoever still works on it is late
    - PairUnknown             the venue does not trade it
    - VenueNotHere            the account trades at another venue than the signal wants
    - PairClosed              the venue does not trade it now
    - QuoteStale              the price is older than the rules allow
    - PriceMoved              the price has left the signal's own by more than the rules allow
    - SlippageExceeded        the book is too thin for the size within the tolerance
    - LimitTooFar             the limit gives away more than the tolerance
    - OrderTooSmall
    - OrderTooLarge
    - NothingToSell           no balance of the base asset
    - BudgetExhausted         a daily limit is reached
    - OrderRejected           the venue understood and said no
    - FundsInsufficient       ... because the money is not there
    - CredentialsRefused      ... because of our keys, or a clock that is off
    - OrderMismatch           the venue's order is not the one that we asked for
    - LedgerBehind            the ledger misses rows of this trade (it was restored from a backup)
    - SettlementRefused       what a person says of an order does not fit the books

Temporal compares exact class names, so policies list them with `leaves(GiveUp)`; all errors live in this module.
"""


class TradeError(Exception):
    """Base of every error that is raised on purpose."""


class TryAgain(TradeError):
    """The same call may succeed later."""


class VenueUnreachable(TryAgain):
    """No usable answer; what was asked may or may not have happened."""


class VenueDown(TryAgain):
    """The venue answered that it cannot serve now."""


class RateLimited(TryAgain):
    """The venue asks for a pause. `retry_after_s`: seconds it asks for, or None."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotConfiguredHere(TryAgain):
    """This process has no keys for the account; another one may."""


class GiveUp(TradeError):
    """The same call will never succeed."""


class SignalExpired(GiveUp):
    """The signal is too old to trade on."""


class TradingHalted(GiveUp):
    """The kill switch is on."""


class CancelRequested(GiveUp):
    """Somebody cancelled the trade before anything was sent."""


class TradeEnded(GiveUp):
    """The trade is closed in the books; a worker that was stopped before went on too late."""


class PairUnknown(GiveUp):
    """The venue does not trade this pair."""


class VenueNotHere(GiveUp):
    """The account trades at another venue than the signal wants."""


class PairClosed(GiveUp):
    """The venue does not trade this pair at the moment."""


class QuoteStale(GiveUp):
    """The price is older than the rules allow."""


class PriceMoved(GiveUp):
    """The price has left the signal's own price by more than the rules allow."""


class SlippageExceeded(GiveUp):
    """The book is too thin for the size within the slippage tolerance."""


class LimitTooFar(GiveUp):
    """The limit gives away more than the tolerance."""


class OrderTooSmall(GiveUp):
    """The size is below the rules' or the venue's smallest."""


class OrderTooLarge(GiveUp):
    """The size is above the rules' or the venue's largest."""


class NothingToSell(GiveUp):
    """The account holds none of the base asset."""


class BudgetExhausted(GiveUp):
    """A daily limit leaves no room for this order."""


class OrderRejected(GiveUp):
    """The venue understood the order and said no."""


class FundsInsufficient(OrderRejected):
    """The venue says that the money is not there."""


class CredentialsRefused(OrderRejected):
    """The venue does not accept our key, or our clock is off."""


class OrderMismatch(GiveUp):
    """The venue's order under our id is not the order that we asked for."""


class LedgerBehind(GiveUp):
    """The ledger misses rows that this trade has written before."""


class SettlementRefused(GiveUp):
    """What a person says of an order does not fit the books. `code` is made for programs; `field`: the wrong one."""

    def __init__(self, code: str, text: str, fix: str, *, field: str | None = None) -> None:
        super().__init__(f"{text}; {fix}")
        self.code, self.text, self.fix, self.field = code, text, fix, field


def leaves(base: type[TradeError]) -> list[str]:
    """Names of `base` and all its descendants, as Temporal's retry policies want them."""
    return [base.__name__, *(name for child in base.__subclasses__() for name in leaves(child))]
