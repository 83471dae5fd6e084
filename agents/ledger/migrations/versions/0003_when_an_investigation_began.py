"""When an investigation began: the hourly limit counts it over all workers."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; investigations from before it count as begun when their incident opened."""
    op.add_column("incident", sa.Column("began_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_incident_began_at"), "incident", ["began_at"], unique=False)
    op.execute("UPDATE incident SET began_at = opened_at WHERE phase <> 'received'")
