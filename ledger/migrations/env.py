"""Alembic's entry: runs the steps on the connection that `ledger.migrating` hands over, in one transaction."""

from alembic import context
from sqlmodel import SQLModel

import ledger.tables  # noqa: F401 - fills the metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
