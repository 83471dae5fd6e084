"""What people say beside their decisions, and the files that they were shown."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables; each event in the record keeps what a later word replaces."""
    op.create_table(
        "feedback",
        sa.Column("incident", sa.Integer(), sa.ForeignKey("incident.number"), primary_key=True),
        sa.Column("team_id", sa.String(), primary_key=True),
        sa.Column("user_id", sa.String(), primary_key=True),
        sa.Column("grade", sa.String(), nullable=False, index=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False, index=True),
    )
    op.create_table(
        "snooze",
        sa.Column("incident", sa.Integer(), sa.ForeignKey("incident.number"), primary_key=True),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=True),
    )
    op.create_table(
        "chat_file",
        sa.Column("incident", sa.Integer(), sa.ForeignKey("incident.number"), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
