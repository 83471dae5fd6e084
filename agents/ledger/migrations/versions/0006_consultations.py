"""Questions to a language model: asked, answered once, and never taken back."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What an UPDATE may do and nothing else: fill in what came of a question that had no answer yet.
ANSWERING = (
    "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.id = OLD.id AND NEW.incident = OLD.incident "
    "AND NEW.round = OLD.round AND NEW.stage = OLD.stage AND NEW.key = OLD.key AND NEW.prompt = OLD.prompt "
    "AND NEW.model = OLD.model AND NEW.reserved = OLD.reserved AND NEW.asked_at = OLD.asked_at "
    "AND NEW.until_at = OLD.until_at"
)


def upgrade() -> None:
    """Add the table; let the database keep that a question is asked and answered once."""
    op.create_table(
        "consultation",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("incident", sa.Integer(), sa.ForeignKey("incident.number"), nullable=False, index=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False, index=True),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False, index=True),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    refuse = "BEGIN SELECT RAISE(ABORT, 'consultation is append-only'); END"
    for verb, when in (("UPDATE", f"WHEN (NOT ({ANSWERING}))"), ("DELETE", "")):
        op.execute(
            f"CREATE TRIGGER consultation_no_{verb.lower()} BEFORE {verb} ON consultation "
            f"{'' if sqlite else 'FOR EACH ROW '}{when} "
            f"{refuse if sqlite else 'EXECUTE FUNCTION midwatch_refuse()'}"
        )
