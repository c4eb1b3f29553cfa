"""What the Temporal UI shows of a trade."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.money import plain
    from domain.orders import OrderStanding
    from domain.outcomes import Outcome
    from domain.signals import Signal
    from domain.trades import OpenedTrade

TRADE_STATUS = SearchAttributeKey.for_keyword("TradeStatus")
SYMBOL = SearchAttributeKey.for_keyword("Symbol")
SIDE = SearchAttributeKey.for_keyword("Side")
STRATEGY = SearchAttributeKey.for_keyword("Strategy")
VENUE = SearchAttributeKey.for_keyword("Venue")
ACCOUNT = SearchAttributeKey.for_keyword("Account")
_NONE = "none"
SEARCH_ATTRIBUTES = (TRADE_STATUS, SYMBOL, SIDE, STRATEGY, VENUE, ACCOUNT)


def at_start(signal: Signal) -> TypedSearchAttributes:
    """What is known about a trade before it begins.

    Every attribute is set: a start is refused when one is missing in Temporal, a workflow that set it later would hang.
    """
    known = {
        TRADE_STATUS: "open",
        SYMBOL: str(signal.pair),
        SIDE: signal.action,
        STRATEGY: signal.strategy or _NONE,
        VENUE: signal.exchange or _NONE,
        ACCOUNT: _NONE,
    }
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in known.items()])


class Story:
    """The trade's current details: its story so far, one line for each stop. `indexed`: Temporal has our attributes."""

    def __init__(self, signal: Signal, *, indexed: bool) -> None:
        self._headline, self._indexed = signal.headline, indexed
        self._lines: list[str] = []
        self._where: list[SearchAttributeUpdate[str]] = []

    def opened(self, trade: OpenedTrade) -> None:
        self._tell(f"opened on account {trade.rules.account}")

    def routed(self, reason: str) -> None:
        self._tell(f"route: {reason}")

    def sized(self, standing: OrderStanding) -> None:
        self._headline = standing.order.headline
        self._where = [VENUE.value_set(standing.order.venue), ACCOUNT.value_set(standing.order.account)]
        self._tell(f"order {standing.order.order_id}, at worst {plain(standing.order.limit_price)}")

    def stands(self, standing: OrderStanding) -> None:
        filled = f"{plain(standing.filled_base)} of {plain(standing.order.base_qty)} {standing.order.pair.base} filled"
        self._tell(f"order is {standing.state.replace('_', ' ')}, {filled}")

    def rests(self) -> None:
        self._index("resting")

    def unresolved(self, reason: str) -> None:
        self._tell(f"**unresolved, a person should look:** {reason}")
        self._index("unresolved")

    def cancelling(self, reason: str) -> None:
        self._tell(f"cancel asked for: {reason}")

    def closed(self, outcome: Outcome) -> None:
        price = f" at {outcome.average_price:.8g}" if outcome.average_price else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        self._tell(f"**{outcome.kind.replace('_', ' ')}**{price}{reason}")
        self._index(outcome.kind)

    def _tell(self, line: str) -> None:
        if not self._lines or self._lines[-1] != line:
            self._lines.append(line)
        workflow.set_current_details("\n".join([f"### {self._headline}", *(f"- {said}" for said in self._lines[-20:])]))

    def _index(self, status: str) -> None:
        """Where the trade is for long, and how it ended: each change costs the server as much as a step."""
        if self._indexed:
            workflow.upsert_search_attributes([TRADE_STATUS.value_set(status), *self._where])
