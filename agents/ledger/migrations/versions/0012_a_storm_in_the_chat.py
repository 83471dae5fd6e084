"""The digest of a channel, the incidents that it tells, and the newest cards of a channel found at once."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables, and the index by which a channel's new cards are counted."""
    op.create_table(
        "digest",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True, unique=True),
        sa.Column("message_ts", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("tried_at", UtcDateTime(), nullable=True),
    )
    op.create_table(
        "digest_line",
        sa.Column("incident", sa.Integer(), sa.ForeignKey("incident.number"), primary_key=True),
        sa.Column("channel_id", sa.String(), nullable=False, index=True),
        sa.Column("since", UtcDateTime(), nullable=False),
    )
    # Each first card asks how many others its channel had lately; of years of cards only those are read.
    op.create_index("ix_card_tried_at", "card", ["tried_at"])
