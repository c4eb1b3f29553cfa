"""What Coinbase's answers mean for an order, and for a read.

An order counts as rejected only on positive evidence, as not placed only when it provably never reached the books;
everything else is unknown. Source: the API's enumeration of failure reasons, and observed answers.
"""

import json
import logging
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import ValidationError

from domain.attempts import Answer
from domain.errors import (
    CredentialsRefused,
    FundsInsufficient,
    OrderRejected,
    OrderTooLarge,
    OrderTooSmall,
    PairClosed,
    PairUnknown,
    RateLimited,
    TradeError,
    VenueDown,
    VenueUnreachable,
)
from domain.texts import legible
from venues.coinbase.wire import CreateAnswer

log = logging.getLogger(__name__)

# Reasons are listed without the prefix PREVIEW_, with which the same reasons come as well.
REASONS: dict[str, type[OrderRejected] | type[TradeError]] = {
    "INSUFFICIENT_FUND": FundsInsufficient,
    "INSUFFICIENT_FUNDS": FundsInsufficient,
    "INSUFFICIENT_LEDGER_BALANCE": FundsInsufficient,
    "INVALID_LEDGER_BALANCE": FundsInsufficient,
    "INVALID_BASE_SIZE_TOO_SMALL": OrderTooSmall,
    "INVALID_QUOTE_SIZE_TOO_SMALL": OrderTooSmall,
    "INVALID_BASE_SIZE_TOO_LARGE": OrderTooLarge,
    "INVALID_QUOTE_SIZE_TOO_LARGE": OrderTooLarge,
    "COMPLIANCE_PURCHASE_LIMIT_EXCEEDED": OrderTooLarge,
    "INVALID_PRODUCT_ID": PairUnknown,
    "INELIGIBLE_PAIR": PairUnknown,
    "UNTRADABLE_PRODUCT": PairUnknown,
    "ORDER_ENTRY_DISABLED": PairClosed,
    "TRADING_DISABLED": PairClosed,
    "PRODUCT_TRADING_HALTED": PairClosed,
    "NOT_ALLOWED_BY_MARKET_STATE": PairClosed,
    "INVALID_NO_LIQUIDITY": OrderRejected,
    "MISSING_PRODUCT_PRICE_BOOK": OrderRejected,
    "MISSING_MARKET_TRADE_DATA": OrderRejected,
    "INVALID_LIMIT_PRICE": OrderRejected,
    "INVALID_LIMIT_PRICE_POST_ONLY": OrderRejected,
    "LIMIT_PRICE_TOO_FAR_FROM_MARKET": OrderRejected,
    "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY": OrderRejected,
    "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL": OrderRejected,
    "BREACHED_PRICE_LIMIT": OrderRejected,
    "BREACHED_RISK_LIMIT": OrderRejected,
    "INVALID_PRICE_TOO_LARGE": OrderRejected,
    "INVALID_SIZE_PRECISION": OrderRejected,
    "INVALID_PRICE_PRECISION": OrderRejected,
    "INVALID_LIMIT_PRICE_PRECISION": OrderRejected,
    "INVALID_QUOTE_SIZE_PRECISION": OrderRejected,
    "NON_NUMERIC_ORDER_SIZE": OrderRejected,
    "INVALID_SIDE": OrderRejected,
    "INVALID_ORDER_CONFIG": OrderRejected,
    "UNSUPPORTED_ORDER_CONFIGURATION": OrderRejected,
    "INVALID_END_TIME": OrderRejected,
    "END_TIME_IS_IN_THE_PAST": OrderRejected,
    "END_TIME_TOO_FAR_IN_FUTURE": OrderRejected,
    "GTD_ORDERS_MUST_HAVE_END_TIME": OrderRejected,
    "INVALID_COMMISSION_CONFIGURATION": OrderRejected,
    "MISSING_COMMISSION_RATE": OrderRejected,
    "GEOFENCING_RESTRICTION": OrderRejected,
    "COMMANDER_REJECTED_NEW_ORDER": OrderRejected,
    "INVALID_REQUEST": OrderRejected,
}
_EXISTS = "DUPLICATE_CLIENT_ORDER_ID"
_EVIDENCE_CHARS = 300
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def answer_of(response: httpx.Response) -> Answer:
    """What the answer to POST /orders says about the order."""
    answer = _as_it_reads(response)
    if answer.verdict == "rejected" and _EXISTS in text_of(response):
        # Whatever else it says: an earlier attempt has placed the order.
        return answer.model_copy(update={"verdict": "unknown", "reason_code": ""})
    return answer


def _as_it_reads(response: httpx.Response) -> Answer:
    status, evidence = response.status_code, _evidence(response)
    if status == httpx.codes.OK:
        return _of_created(response, evidence)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Answer(
            verdict="not_placed",
            reason_code=RateLimited.__name__,
            evidence=evidence,
            retry_after_s=retry_after_s(response),
        )
    if status == httpx.codes.UNAUTHORIZED:
        return Answer(
            verdict="rejected", reason_code=CredentialsRefused.__name__, evidence=f"{evidence}{clock_gap(response)}"
        )
    if status == httpx.codes.FORBIDDEN and _error_of(response):
        return Answer(verdict="rejected", reason_code=CredentialsRefused.__name__, evidence=evidence)
    if status == httpx.codes.BAD_REQUEST and _error_of(response):
        return Answer(verdict="rejected", reason_code=OrderRejected.__name__, evidence=evidence)
    return Answer(verdict="unknown", evidence=evidence)


def answer_without_response(error: httpx.TransportError) -> Answer:
    """What a broken connection says about the order: only one that was never made proves anything."""
    evidence = f"{type(error).__name__}: {error}"[:_EVIDENCE_CHARS]
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Answer(verdict="not_placed", reason_code=VenueUnreachable.__name__, evidence=evidence)
    return Answer(verdict="unknown", evidence=evidence)


def raise_for(response: httpx.Response) -> None:
    """Raise the error that a read's answer stands for; return if it is good."""
    status = response.status_code
    if status == httpx.codes.OK:
        return
    text = _evidence(response)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited(f"coinbase: {text}", retry_after_s(response))
    if status == httpx.codes.UNAUTHORIZED or (status == httpx.codes.FORBIDDEN and _error_of(response)):
        raise CredentialsRefused(f"coinbase: {text}{clock_gap(response)}")
    if says_missing(response):
        raise PairUnknown(f"coinbase: {text}")
    raise VenueDown(f"coinbase: {text}")


def says_missing(response: httpx.Response) -> bool:
    """Whether the venue itself, and not something on the way to it, says that there is no such thing."""
    return response.status_code == httpx.codes.NOT_FOUND and bool(_error_of(response))


def text_of(response: httpx.Response) -> str:
    """The body. JSON is UTF-8, whatever encoding the headers may name."""
    return response.content.decode(errors="replace")


def retry_after_s(response: httpx.Response) -> int | None:
    """Seconds for which the venue asks to be left alone; None when it does not say."""
    value = response.headers.get("Retry-After", "")
    return int(value) if value.isdecimal() else None


def venue_time(response: httpx.Response) -> datetime | None:
    """The venue's clock, to the second below; None when the answer does not carry it."""
    try:
        theirs = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return None
    # A date without a zone is in UTC, as all of HTTP's are, and not in this machine's local time.
    return theirs.astimezone(UTC) if theirs.tzinfo else theirs.replace(tzinfo=UTC)


def clock_gap(response: httpx.Response) -> str:
    """A hint for people when our clock and the venue's are so far apart that it refuses our credentials."""
    theirs = venue_time(response)
    gap_s = round((datetime.now(UTC) - theirs).total_seconds()) if theirs else 0
    return f" (clock skew: our clock is {gap_s:+d} s from the venue's; set it right)" if abs(gap_s) > 3 else ""


def _of_created(response: httpx.Response, evidence: str) -> Answer:
    try:
        created = CreateAnswer.model_validate(_json_of(response))
    except ValidationError:
        return Answer(verdict="unknown", evidence=evidence)
    if created.success and created.venue_order_id:
        venue_order_id = created.venue_order_id
        return Answer(verdict="accepted", venue_order_id=venue_order_id, evidence=f"order {venue_order_id}")
    reason = created.error_response.reason if created.error_response else ""
    known = REASONS.get(reason.removeprefix("PREVIEW_"))
    if created.success or created.venue_order_id or known is None:
        if reason != _EXISTS:
            log.warning("fault_unlisted venue=coinbase reason=%s", reason or "none")
        return Answer(verdict="unknown", evidence=evidence)
    return Answer(verdict="rejected", reason_code=known.__name__, evidence=f"{reason}: {_message(created)}")


def _message(created: CreateAnswer) -> str:
    refused = created.error_response
    return told(refused.error_details or refused.message) if refused else ""


def told(text: str) -> str:
    """What the venue says in words, fit for books and terminals."""
    return legible(text[:_EVIDENCE_CHARS])


def _error_of(response: httpx.Response) -> str:
    """The error named by a JSON answer; empty when it is not one of theirs (a proxy's page, say)."""
    body = _json_of(response)
    return str(body.get("error") or "") if isinstance(body, dict) else ""


def _json_of(response: httpx.Response) -> object:
    """What the body says in JSON; None when it is none."""
    try:
        return json.loads(text_of(response))
    except (ValueError, RecursionError):
        return None


def _evidence(response: httpx.Response) -> str:
    # A proxy that complains may quote the request, and with it our credentials.
    text = told(_TOKEN.sub("(token)", " ".join(text_of(response).split())))
    return f"HTTP {response.status_code}{': ' + text if text else ''}"
