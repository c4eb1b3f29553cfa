"""A trade: signal, rules, order and outcome, as they pass between the stops of its trip."""

from datetime import datetime

from domain.orders import OrderStanding
from domain.outcomes import Outcome
from domain.rules import Rules
from domain.signals import Signal
from domain.values import Value


class TradeStart(Value):
    """What a trade's workflow is started with. `indexed`: whether Temporal has our search attributes."""

    trade_id: str
    signal: Signal
    indexed: bool = True


class OpenedTrade(Value):
    """The trade as the ledger has it when the workflow arrives, for the first time or again.

    `standing`: its order, if one was made before. `outcome`: set when there is nothing left to do.
    `cancel_reason`: set when somebody asked to cancel it.
    """

    trade_id: str
    signal: Signal
    rules: Rules
    opened_at: datetime | None = None
    standing: OrderStanding | None = None
    outcome: Outcome | None = None
    cancel_reason: str | None = None


class TradeResult(Value):
    """What the workflow returns: the same that the ledger keeps."""

    trade_id: str
    outcome: Outcome
