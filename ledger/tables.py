"""The tables. They are storage; domain values, rebuilt from rows by the books beside this file, are the truth."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from ledger.columns import Dollars, Exact, Utc

# SQLite counts rows by itself only in a column of its own integer type.
_TO_TELL = text("told < changes")
_Counter = BigInteger().with_variant(Integer, "sqlite")


class AccountRow(SQLModel, table=True):
    """Keys or a wallet at a venue. Paper and live never mix."""

    __tablename__ = "accounts"

    name: str = Field(primary_key=True)
    venue: str
    mode: str
    created_at: datetime = Field(sa_type=Utc)


class AlertRow(SQLModel, table=True):
    """Every alert that authenticated, with its fate; the body has no secret in it."""

    __tablename__ = "alerts"
    __table_args__ = (Index("alerts_by_time", "received_at"), Index("alerts_by_signal", "signal_id"))

    alert_id: int | None = Field(default=None, primary_key=True, sa_type=_Counter)
    received_at: datetime = Field(sa_type=Utc)
    source: str
    remote: str
    fate: str
    code: str = ""
    reason: str = Field(default="", sa_type=Text)
    signal_id: str | None = None
    body: str = Field(sa_type=Text)


class AlertKeyRow(SQLModel, table=True):
    """What makes two alerts the same alert. One row per key, taken over after its window."""

    __tablename__ = "alert_keys"

    key: str = Field(primary_key=True)
    signal_id: str
    body_hash: str
    accepted_at: datetime = Field(sa_type=Utc)


class SignalRow(SQLModel, table=True):
    """An accepted alert. `started_at`: when Temporal confirmed its workflow."""

    __tablename__ = "signals"
    __table_args__ = (Index("signals_not_started", "started_at", "accepted_at"),)

    signal_id: str = Field(primary_key=True)
    trade_id: str = Field(unique=True)
    source: str
    accepted_at: datetime = Field(sa_type=Utc)
    started_at: datetime | None = Field(default=None, sa_type=Utc)
    signal: str = Field(sa_type=Text)


class TradeRow(SQLModel, table=True):
    """One trade, `received` (kept, its workflow has not arrived yet), `open` or `closed`.

    `account` and `rules` are set when it opens; `rules` and `outcome` are domain values as JSON.
    """

    __tablename__ = "trades"
    __table_args__ = (Index("trades_by_time", "received_at"), Index("trades_by_status", "status", "received_at"))

    trade_id: str = Field(primary_key=True)
    signal_id: str = Field(foreign_key="signals.signal_id")
    account: str | None = Field(default=None, foreign_key="accounts.name")
    source: str
    strategy: str | None = None
    action: str
    pair: str
    status: str = "received"
    received_at: datetime = Field(sa_type=Utc)
    opened_at: datetime | None = Field(default=None, sa_type=Utc)
    closed_at: datetime | None = Field(default=None, sa_type=Utc)
    rules: str | None = Field(default=None, sa_type=Text)
    outcome_kind: str | None = None
    outcome: str | None = Field(default=None, sa_type=Text)
    cancel_requested_at: datetime | None = Field(default=None, sa_type=Utc)
    cancel_reason: str | None = Field(default=None, sa_type=Text)
    cancelled_by: str | None = None
    unresolved_since: datetime | None = Field(default=None, sa_type=Utc)


class OrderRow(SQLModel, table=True):
    """One order (`asked`, as JSON) and the merged truth about it.

    `reported_base`: what the venue says is filled; fills may lag behind. `changes` counts what a watcher saw,
    `told` how much of that its trade was told. `settlement`: what a person said of it, until the venue does.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("orders_not_final", "final_at", "account"),
        Index("orders_by_trade", "trade_id"),
        Index("orders_to_tell", "account", sqlite_where=_TO_TELL, postgresql_where=_TO_TELL),
    )

    order_id: str = Field(primary_key=True)
    trade_id: str = Field(foreign_key="trades.trade_id")
    account: str = Field(foreign_key="accounts.name")
    pair: str
    action: str
    asked: str = Field(sa_type=Text)
    route_reason: str = Field(sa_type=Text)
    sized_at: datetime = Field(sa_type=Utc)
    state: str
    generation: int = 1
    venue_order_id: str | None = None
    reported_base: Decimal = Field(default=Decimal(0), sa_type=Exact)
    filled_base: Decimal = Field(default=Decimal(0), sa_type=Exact)
    filled_quote: Decimal = Field(default=Decimal(0), sa_type=Exact)
    fee: Decimal = Field(default=Decimal(0), sa_type=Exact)
    reason_code: str = ""
    reason: str = Field(default="", sa_type=Text)
    gate_closed_code: str = ""
    gate_closed_because: str = Field(default="", sa_type=Text)
    final_at: datetime | None = Field(default=None, sa_type=Utc)
    settlement: str | None = Field(default=None, sa_type=Text)
    changes: int = 0
    told: int = 0


class PreparedRow(SQLModel, table=True):
    """What is sent for one generation of an order; written before the first send, never changed."""

    __tablename__ = "prepared"

    order_id: str = Field(primary_key=True, foreign_key="orders.order_id")
    generation: int = Field(primary_key=True)
    client_order_id: str = Field(unique=True)
    prepared: str = Field(sa_type=Text)
    prepared_at: datetime = Field(sa_type=Utc)


class AttemptRow(SQLModel, table=True):
    """One time that an order may have gone out, written before it does."""

    __tablename__ = "attempts"

    order_id: str = Field(primary_key=True, foreign_key="orders.order_id")
    number: int = Field(primary_key=True)
    generation: int
    epoch: int
    fence_at: datetime | None = Field(default=None, sa_type=Utc)
    admitted_at: datetime = Field(sa_type=Utc)
    verdict: str = "unknown"
    answered_at: datetime | None = Field(default=None, sa_type=Utc)
    reason_code: str = ""
    evidence: str = Field(default="", sa_type=Text)


class FillRow(SQLModel, table=True):
    """What changed hands, once for each fill id of the venue."""

    __tablename__ = "fills"
    __table_args__ = (Index("fills_by_order", "order_id"),)

    account: str = Field(primary_key=True)
    venue_fill_id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="orders.order_id")
    pair: str
    action: str
    base_qty: Decimal = Field(sa_type=Exact)
    price: Decimal = Field(sa_type=Exact)
    fee: Decimal = Field(sa_type=Exact)
    liquidity: str
    filled_at: datetime = Field(sa_type=Utc)
    booked_at: datetime = Field(sa_type=Utc)


class PositionRow(SQLModel, table=True):
    """What an account holds of a pair through our trades."""

    __tablename__ = "positions"

    account: str = Field(primary_key=True)
    pair: str = Field(primary_key=True)
    base_qty: Decimal = Field(default=Decimal(0), sa_type=Exact)
    cost: Decimal = Field(default=Decimal(0), sa_type=Exact)
    realised: Decimal = Field(default=Decimal(0), sa_type=Exact)
    fees: Decimal = Field(default=Decimal(0), sa_type=Exact)
    changed_at: datetime | None = Field(default=None, sa_type=Utc)


class BudgetRow(SQLModel, table=True):
    """What one budget has given out on one day: the sums of its reservations."""

    __tablename__ = "budgets"

    budget: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    trades: int = 0
    usd_reserved: Decimal = Field(default=Decimal(0), sa_type=Dollars)
    usd_spent: Decimal = Field(default=Decimal(0), sa_type=Dollars)


class ReservationRow(SQLModel, table=True):
    """The slice of each budget that one order holds. `budgets`: their names, comma-separated."""

    __tablename__ = "reservations"

    order_id: str = Field(primary_key=True, foreign_key="orders.order_id")
    budgets: str
    day: date
    trades: int = 1
    usd_reserved: Decimal = Field(sa_type=Dollars)
    usd_spent: Decimal = Field(default=Decimal(0), sa_type=Dollars)
    settled_at: datetime | None = Field(default=None, sa_type=Utc)


class SwitchRow(SQLModel, table=True):
    """The kill switch. Its row always exists, so that the send gate can lock it."""

    __tablename__ = "switches"

    name: str = Field(primary_key=True)
    is_on: bool = False
    reason: str = Field(default="", sa_type=Text)
    changed_by: str = ""
    changed_at: datetime | None = Field(default=None, sa_type=Utc)


class EpochRow(SQLModel, table=True):
    """The Temporal database that drives this ledger. A new one is a new epoch; the gate admits only the latest."""

    __tablename__ = "epochs"

    epoch: int = Field(primary_key=True)
    namespace_id: str
    confirmed_by: str
    confirmed_at: datetime = Field(sa_type=Utc)


class AuditRow(SQLModel, table=True):
    """What was decided, when and why: one row per stop of a trip and per deed of a person."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("audit_by_trade", "trade_id", "event_id"), Index("audit_by_time", "at"))

    event_id: int | None = Field(default=None, primary_key=True, sa_type=_Counter)
    at: datetime = Field(sa_type=Utc)
    trade_id: str | None = None
    stop: str
    decision: str
    reason: str = Field(default="", sa_type=Text)
    level: str = "info"


class FindingRow(SQLModel, table=True):
    """A difference between two books (as JSON) that the auditor found; `gone_at`: when it was there no longer."""

    __tablename__ = "findings"
    __table_args__ = (Index("findings_present", "gone_at"),)

    account: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    difference: str = Field(sa_type=Text)
    first_seen_at: datetime = Field(sa_type=Utc)
    last_seen_at: datetime | None = Field(default=None, sa_type=Utc)
    gone_at: datetime | None = Field(default=None, sa_type=Utc)


class LookRow(SQLModel, table=True):
    """The auditor's latest look at two books (as JSON); `account` is empty when it was about all of them."""

    __tablename__ = "audit_looks"

    book: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    ended_at: datetime = Field(sa_type=Utc)
    look: str = Field(sa_type=Text)
