"""How a trade ended, in words that are true."""

from decimal import Decimal
from typing import Any

import pytest

from domain.orders import OrderStanding, OrderState
from domain.outcomes import conclude, without_order
from tests.worlds import a_signal, an_order


def standing(state: OrderState, filled: str = "0", *, limit: bool = False, **changes: Any) -> OrderStanding:
    signal = a_signal(limit_price=Decimal(2400)) if limit else a_signal()
    filled_base = Decimal(filled)
    return OrderStanding(
        order=an_order(signal),
        state=state,
        final=True,
        filled_base=filled_base,
        filled_quote=filled_base * 2500,
        **changes,
    )


def test_everything_filled_is_filled_whatever_was_asked_for_meanwhile() -> None:
    outcome = conclude(standing("filled", "0.01"), "CancelRequested", "changed my mind")
    assert (outcome.kind, outcome.code, outcome.average_price) == ("filled", "", Decimal(2500))


def test_a_part_is_kept_with_the_reason_for_the_rest() -> None:
    outcome = conclude(standing("cancelled", "0.004"), "CancelRequested", "changed my mind")
    assert (outcome.kind, outcome.reason) == ("partly_filled", "0.006 ETH were not filled: changed my mind")


def test_an_ioc_that_found_nothing_is_refused() -> None:
    outcome = conclude(standing("cancelled"))
    assert (outcome.kind, outcome.code) == ("refused", "NothingOnOffer")
    assert outcome.reason == "nothing was on offer up to 2525"


def test_a_resting_order_that_somebody_cancelled_at_the_venue_is_cancelled() -> None:
    assert conclude(standing("cancelled", limit=True)).code == "CancelledAtVenue"


def test_a_deadline_makes_it_expired() -> None:
    outcome = conclude(standing("cancelled", limit=True), "DeadlinePassed", "not filled by 10:00")
    assert (outcome.kind, outcome.reason) == ("expired", "not filled by 10:00")
    assert conclude(standing("expired", limit=True)).kind == "expired"


def test_a_rejection_keeps_the_venues_reason_although_somebody_cancelled_too() -> None:
    rejected = standing("rejected", reason_code="FundsInsufficient", reason="INSUFFICIENT_FUND")
    outcome = conclude(rejected, "CancelRequested", "changed my mind")
    assert (outcome.kind, outcome.code, outcome.reason) == ("refused", "FundsInsufficient", "INSUFFICIENT_FUND")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("CancelRequested", "cancelled"),
        ("SignalExpired", "expired"),
        ("TradingHalted", "refused"),
        ("BudgetExhausted", "refused"),
        ("NotPlaced", "refused"),
    ],
)
def test_an_order_that_was_never_placed_ends_for_the_reason_that_stopped_it(code: str, kind: str) -> None:
    assert conclude(standing("not_placed", reason_code=code, reason="because")).kind == kind
    assert without_order(code, "because").kind == kind


def test_two_thirds_have_an_average_price_without_end_and_still_conclude() -> None:
    third = standing("cancelled", "0.006").model_copy(update={"filled_quote": Decimal("14.99"), "fee": Decimal("0.1")})
    outcome = conclude(third)
    assert outcome.average_price is not None
    assert abs(outcome.average_price * Decimal("0.006") - Decimal("14.99")) < Decimal("1e-70")
