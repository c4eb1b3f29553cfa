"""The road: everything from an alert to its fills."""

import sqlalchemy as sa
from alembic import op

from ledger.columns import Dollars, Exact, Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "alert_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("accepted_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("received_at", Utc(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("fate", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_index("alerts_by_signal", "alerts", ["signal_id"])
    op.create_index("alerts_by_time", "alerts", ["received_at"])
    op.create_table(
        "audit_events",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=True),
        sa.Column("stop", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("audit_by_time", "audit_events", ["at"])
    op.create_index("audit_by_trade", "audit_events", ["trade_id", "event_id"])
    op.create_table(
        "budgets",
        sa.Column("budget", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("usd_reserved", Dollars(), nullable=False),
        sa.Column("usd_spent", Dollars(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "day"),
    )
    op.create_table(
        "epochs",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("namespace_id", sa.String(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("confirmed_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "positions",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("base_qty", Exact(), nullable=False),
        sa.Column("cost", Exact(), nullable=False),
        sa.Column("realised", Exact(), nullable=False),
        sa.Column("fees", Exact(), nullable=False),
        sa.Column("changed_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("account", "pair"),
    )
    op.create_table(
        "signals",
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("accepted_at", Utc(), nullable=False),
        sa.Column("started_at", Utc(), nullable=True),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("signal_id"),
        sa.UniqueConstraint("trade_id"),
    )
    op.create_index("signals_not_started", "signals", ["started_at", "accepted_at"])
    op.create_table(
        "switches",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "trades",
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("received_at", Utc(), nullable=False),
        sa.Column("opened_at", Utc(), nullable=True),
        sa.Column("closed_at", Utc(), nullable=True),
        sa.Column("rules", sa.Text(), nullable=True),
        sa.Column("outcome_kind", sa.String(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("cancel_requested_at", Utc(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("cancelled_by", sa.String(), nullable=True),
        sa.Column("unresolved_since", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.name"],
        ),
        sa.ForeignKeyConstraint(
            ["signal_id"],
            ["signals.signal_id"],
        ),
        sa.PrimaryKeyConstraint("trade_id"),
    )
    op.create_index("trades_by_status", "trades", ["status", "received_at"])
    op.create_index("trades_by_time", "trades", ["received_at"])
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("route_reason", sa.Text(), nullable=False),
        sa.Column("sized_at", Utc(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("venue_order_id", sa.String(), nullable=True),
        sa.Column("reported_base", Exact(), nullable=False),
        sa.Column("filled_base", Exact(), nullable=False),
        sa.Column("filled_quote", Exact(), nullable=False),
        sa.Column("fee", Exact(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gate_closed_code", sa.String(), nullable=False),
        sa.Column("gate_closed_because", sa.Text(), nullable=False),
        sa.Column("final_at", Utc(), nullable=True),
        sa.Column("settlement", sa.Text(), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.name"],
        ),
        sa.ForeignKeyConstraint(
            ["trade_id"],
            ["trades.trade_id"],
        ),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("orders_by_trade", "orders", ["trade_id"])
    op.create_index("orders_not_final", "orders", ["final_at", "account"])
    op.create_index(
        "orders_to_tell",
        "orders",
        ["account"],
        sqlite_where=sa.text("told < changes"),
        postgresql_where=sa.text("told < changes"),
    )
    op.create_table(
        "attempts",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("fence_at", Utc(), nullable=True),
        sa.Column("admitted_at", Utc(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.order_id"],
        ),
        sa.PrimaryKeyConstraint("order_id", "number"),
    )
    op.create_table(
        "fills",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("venue_fill_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("base_qty", Exact(), nullable=False),
        sa.Column("price", Exact(), nullable=False),
        sa.Column("fee", Exact(), nullable=False),
        sa.Column("liquidity", sa.String(), nullable=False),
        sa.Column("filled_at", Utc(), nullable=False),
        sa.Column("booked_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.order_id"],
        ),
        sa.PrimaryKeyConstraint("account", "venue_fill_id"),
    )
    op.create_index("fills_by_order", "fills", ["order_id"])
    op.create_table(
        "prepared",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("prepared", sa.Text(), nullable=False),
        sa.Column("prepared_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.order_id"],
        ),
        sa.PrimaryKeyConstraint("order_id", "generation"),
        sa.UniqueConstraint("client_order_id"),
    )
    op.create_table(
        "reservations",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("budgets", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("usd_reserved", Dollars(), nullable=False),
        sa.Column("usd_spent", Dollars(), nullable=False),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.order_id"],
        ),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_table(
        "findings",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("difference", sa.Text(), nullable=False),
        sa.Column("first_seen_at", Utc(), nullable=False),
        sa.Column("last_seen_at", Utc(), nullable=True),
        sa.Column("gone_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("account", "code", "place"),
    )
    op.create_index("findings_present", "findings", ["gone_at"])
    op.create_table(
        "audit_looks",
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=False),
        sa.Column("look", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("book", "account"),
    )
    op.execute("INSERT INTO switches (name, is_on, reason, changed_by) VALUES ('halt', false, '', '')")
