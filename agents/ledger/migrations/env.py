"""Alembic's entry: run the steps on the connection that ``migrate.upgrade`` hands in."""

from alembic import context
from sqlmodel import SQLModel

import agents.ledger.tables  # noqa: F401  (registers the tables on the metadata)

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
