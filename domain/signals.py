"""A signal: an alert that was checked and normalised. Nothing here is a secret."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from domain.money import BaseQty, Percent, Price, QuoteQty, plain
from domain.pairs import Pair
from domain.values import Value

Action = Literal["BUY", "SELL"]
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Label = Annotated[str, Field(max_length=100)]


class Signal(Value):
    """What a source asks for. At most one of `amount`, `base_amount` and `percentage` is set."""

    signal_id: str
    source: SourceName
    explicit_id: Annotated[str, Field(max_length=200)] | None = None
    action: Action
    pair: Pair
    exchange: Label | None = None
    network: Label | None = None
    pool_type: Literal["amm", "clmm", "router"] | None = None
    amount: Annotated[QuoteQty, Field(gt=0)] | None = None
    base_amount: Annotated[BaseQty, Field(gt=0)] | None = None
    percentage: Annotated[Percent, Field(gt=0, le=100)] | None = None
    limit_price: Price | None = None
    cancel_after_s: Annotated[int, Field(gt=0)] | None = None
    price: Price | None = None
    strategy: Label | None = None
    note: Annotated[str, Field(max_length=500)] | None = None
    alerted_at: datetime | None = None
    received_at: datetime

    @property
    def role(self) -> str:
        """What the trade does to a position."""
        return "entry" if self.action == "BUY" else "exit"

    @property
    def trade_id(self) -> str:
        return f"{self.signal_id}-{self.role}"

    @property
    def kind(self) -> Literal["market", "limit"]:
        return "limit" if self.limit_price is not None else "market"

    @property
    def asked_at(self) -> datetime:
        """When the source spoke, as far as we know: the age of the signal counts from here."""
        return self.alerted_at or self.received_at

    @property
    def size_text(self) -> str:
        """The size as the source put it: `25 USD`, `0.5 ETH`, `50 % of ETH`, or `default size`."""
        if self.base_amount is not None:
            return f"{plain(self.base_amount)} {self.pair.base}"
        if self.percentage is not None:
            return f"{plain(self.percentage)} % of {self.pair.base}"
        return f"{plain(self.amount)} {self.pair.quote}" if self.amount is not None else "default size"

    @property
    def headline(self) -> str:
        """One line for people: `BUY ETH-USD, 25 USD, market`."""
        price = f"limit {plain(self.limit_price)}" if self.limit_price is not None else "market"
        return f"{self.action} {self.pair}, {self.size_text}, {price}"


def new_signal_id(received_at: datetime, token: str) -> str:
    """A readable id that sorts by time; `token` must be random and makes it unique."""
    return f"{received_at:%Y%m%d-%H%M%S}-{token}"
