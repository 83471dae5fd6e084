"""Logins of people at the pages: a row while it lasts, and an audit event at both ends."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. No trigger: a login is deleted when it ends, its events are not."""
    op.create_table(
        "web_session",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
    )
