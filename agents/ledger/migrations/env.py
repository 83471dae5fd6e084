"""Alembic's entry: run the steps on the connection that ``migrate.upgrade`` hands in."""

from alembic import context
from sqlmodel import SQLModel

# Imported to be registered on the metadata.
import agents.ledger.tables
import agents.ledger.tables_chat
import agents.ledger.tables_errands
import agents.ledger.tables_looks
import agents.ledger.tables_model
import agents.ledger.tables_people
import agents.ledger.tables_web  # noqa: F401

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
