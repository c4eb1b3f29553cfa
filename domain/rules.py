"""The business settings in force for one trade, frozen when it opens."""

from typing import Annotated

from pydantic import Field

from domain.money import BaseQty, Percent, Usd
from domain.pairs import Pair
from domain.values import Value

Seconds = Annotated[int, Field(gt=0)]


class Limits(Value):
    """What may be traded in one day; entries are refused beyond it, exits never."""

    daily_trades: Annotated[int, Field(ge=0)]
    daily_usd: Usd
    daily_cex_usd: Usd
    day_timezone: str = "UTC"


class Rules(Value):
    """Limits, deadlines and tolerances of one trade. The kill switch is not among them: it is never frozen."""

    account: str
    tradable_pairs: tuple[Pair, ...]
    trade_amount_usd: Annotated[Usd, Field(gt=0)]
    sell_percentage: Annotated[Percent, Field(gt=0, le=100)]
    sellable_fraction: Annotated[Percent, Field(gt=0, le=1)]
    min_sell_base: BaseQty
    min_order_usd: Usd
    max_order_usd: Usd
    slippage_percent: Percent
    max_price_move_percent: Percent
    max_quote_age_s: Seconds
    max_signal_age_s: Seconds
    cancel_after_s: Seconds
    unresolved_alert_s: Seconds
    limits: Limits
