"""Who is in the user groups of the roster, as the chat said last."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. No trigger: each look replaces the one before, and its events stay."""
    op.create_table(
        "chat_group",
        sa.Column("team_id", sa.String(), primary_key=True),
        sa.Column("group_id", sa.String(), primary_key=True),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("members", sa.String(), nullable=False),
        sa.Column("flaw", sa.String(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
    )
