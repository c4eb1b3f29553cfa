"""Why the venue turns an order down, in its own words."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    INSUFFICIENT_FUND = "INSUFFICIENT_FUND"
    INVALID_LIMIT_PRICE_POST_ONLY = "INVALID_LIMIT_PRICE_POST_ONLY"
    INVALID_LIMIT_PRICE = "INVALID_LIMIT_PRICE"
    INVALID_PRODUCT_ID = "INVALID_PRODUCT_ID"
    INVALID_SIDE = "INVALID_SIDE"
    UNSUPPORTED_ORDER_CONFIGURATION = "UNSUPPORTED_ORDER_CONFIGURATION"
    INVALID_SIZE_PRECISION = "INVALID_SIZE_PRECISION"
    INVALID_PRICE_PRECISION = "INVALID_PRICE_PRECISION"
    INVALID_NO_LIQUIDITY = "INVALID_NO_LIQUIDITY"
    ORDER_ENTRY_DISABLED = "ORDER_ENTRY_DISABLED"
    GTD_ORDERS_MUST_HAVE_END_TIME = "GTD_ORDERS_MUST_HAVE_END_TIME"
    END_TIME_IS_IN_THE_PAST = "END_TIME_IS_IN_THE_PAST"
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    BASE_SIZE_TOO_SMALL = "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"
    BASE_SIZE_TOO_LARGE = "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"
    QUOTE_SIZE_TOO_SMALL = "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"
    QUOTE_SIZE_TOO_LARGE = "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"
    QUOTE_SIZE_PRECISION = "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"


class Wording(NamedTuple):
    error: str
    preview: str
    new_order: str
    message: str


UNKNOWN = "UNKNOWN_FAILURE_REASON"

# Reasons whose two names differ by more than the prefix PREVIEW_.
_PREVIEWS = {
    Reason.UNSUPPORTED_ORDER_CONFIGURATION: "PREVIEW_INVALID_ORDER_CONFIG",
    Reason.ORDER_ENTRY_DISABLED: "PREVIEW_TRADING_DISABLED",
    Reason.DUPLICATE_CLIENT_ORDER_ID: "UNKNOWN_PREVIEW_FAILURE_REASON",
}
_MESSAGES = {
    Reason.INSUFFICIENT_FUND: "Insufficient balance in source account",
    Reason.INVALID_LIMIT_PRICE_POST_ONLY: "Post only order would cross the book",
    Reason.ORDER_ENTRY_DISABLED: "Order entry is disabled for this product",
    Reason.UNSUPPORTED_ORDER_CONFIGURATION: "The order configuration was invalid",
}


def wording(reason: Reason) -> Wording:
    """How the venue spells `reason`. Reasons found only by the preview leave `error` unknown."""
    preview_only = reason.startswith("PREVIEW_")
    return Wording(
        error=UNKNOWN if preview_only else reason.value,
        preview=_PREVIEWS.get(reason, reason.value if preview_only else f"PREVIEW_{reason}"),
        new_order=reason.value if reason is Reason.DUPLICATE_CLIENT_ORDER_ID else UNKNOWN,
        message=_MESSAGES.get(reason, ""),
    )


class Refused(Exception):
    """The venue understood the order and turns it down."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Malformed(Exception):
    """The request does not have the form that the venue reads; the message says what is wrong."""


class NotFound(Exception):
    """There is no such thing at the venue; the message is the venue's own."""
