"""Looks at approvers' accounts, what stands in a plan's way, and a deny after one's own approval."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and columns; give ``decision`` a place for both words of one person."""
    op.create_table(
        "account",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("mac", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "user_id"),
    )
    for name in ("obstacle", "successor"):
        op.add_column("proposal", sa.Column(name, sa.String(), nullable=False, server_default=""))
    _decisions()


def _decisions() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    verdict = "json_extract(body, '$.verdict')" if sqlite else "body ->> 'verdict'"
    # A constraint of a SQLite table cannot be dropped: both databases get the table anew.
    op.rename_table("decision", "decision_before")
    op.drop_index("ix_decision_plan_id", table_name="decision_before")
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("plan_id", "team_id", "user_id", "verdict"),
    )
    columns = "plan_id, team_id, user_id"
    op.execute(
        f"INSERT INTO decision ({columns}, verdict, body) "
        f"SELECT {columns}, {verdict}, body FROM decision_before ORDER BY id"
    )
    op.drop_table("decision_before")
    op.create_index("ix_decision_plan_id", "decision", ["plan_id"], unique=False)
    for verb in ("UPDATE", "DELETE"):
        op.execute(_refusing(verb, sqlite=sqlite))


def _refusing(verb: str, *, sqlite: bool) -> str:
    trigger = f"CREATE TRIGGER decision_no_{verb.lower()} BEFORE {verb} ON decision "
    if sqlite:
        return trigger + "BEGIN SELECT RAISE(ABORT, 'decision is append-only'); END"
    return trigger + "FOR EACH ROW EXECUTE FUNCTION midwatch_refuse()"
