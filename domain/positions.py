"""What an account holds of a pair because of our trades, by the average-cost method."""

from decimal import Decimal

from domain.orders import Fill
from domain.pairs import Pair
from domain.signals import Action
from domain.values import Value


class Position(Value):
    """Net quantity and its cost. `base_qty` is the signed sum of all fills, negative when more was sold than bought.

    `cost`: quote paid for what is held, fees included; `realised`: quote won by closing, after fees.
    """

    account: str
    pair: Pair
    base_qty: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)

    @property
    def average_cost(self) -> Decimal | None:
        return self.cost / self.base_qty if self.base_qty else None


def after_fill(position: Position, action: Action, fill: Fill) -> Position:
    """The position once `fill` is booked. Closing takes cost out at the average; the rest opens the other way."""
    signed = fill.base_qty if action == "BUY" else -fill.base_qty
    paid = fill.quote_qty + fill.fee if action == "BUY" else -(fill.quote_qty - fill.fee)
    closing = _closing_part(position.base_qty, signed)
    closed_share = closing / abs(signed)
    held_share = closing / abs(position.base_qty) if position.base_qty else Decimal(0)
    cost_out = position.cost * held_share
    return position.model_copy(
        update={
            "base_qty": position.base_qty + signed,
            "cost": position.cost - cost_out + paid * (1 - closed_share),
            "realised": position.realised - cost_out - paid * closed_share,
            "fees": position.fees + fill.fee,
        }
    )


def _closing_part(held: Decimal, change: Decimal) -> Decimal:
    """How much of `change` goes against what is held, without sign."""
    if held * change >= 0:
        return Decimal(0)
    return min(abs(held), abs(change))
