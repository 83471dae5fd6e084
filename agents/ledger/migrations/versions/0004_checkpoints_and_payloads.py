"""Signed checkpoints, where they were told, and what may be erased without bending the record."""

import sqlalchemy as sa
from alembic import op

from agents.ledger.engine import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = (("checkpoint", "UPDATE"), ("checkpoint", "DELETE"), ("anchor", "UPDATE"), ("anchor", "DELETE"),
               ("payload", "DELETE"))  # fmt: skip
# What an UPDATE may do and nothing else: take words away, and leave the digest that the chain holds.
ERASING = {
    "payload": "NEW.words = '' AND NEW.salt = '' AND NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL "
    "AND NEW.digest = OLD.digest AND NEW.person = ''",
    "evidence": "{excerpt} = '[erased]' AND {digest} = {old_digest} AND NEW.id = OLD.id AND NEW.n = OLD.n "
    "AND NEW.incident = OLD.incident AND NEW.key = OLD.key",
    "delivery": "length(NEW.raw) = 0 AND length(OLD.raw) > 0 AND NEW.id = OLD.id AND NEW.key = OLD.key "
    "AND NEW.source = OLD.source AND NEW.status = OLD.status AND NEW.problem = OLD.problem "
    "AND NEW.received_at = OLD.received_at AND COALESCE(NEW.incident, 0) = COALESCE(OLD.incident, 0)",
}


def upgrade() -> None:
    """Add the three tables; let the database keep what is append-only, and what erasing may change."""
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "anchor",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, index=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "payload",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("person", sa.String(), nullable=False, index=True),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, verb in APPEND_ONLY:
        op.execute(_trigger(table, verb, sqlite=sqlite))
    for table, allowed in ERASING.items():
        if table != "payload":
            op.execute(f"DROP TRIGGER {table}_no_update{'' if sqlite else f' ON {table}'}")
        op.execute(_trigger(table, "UPDATE", f"WHEN (NOT ({_in(allowed, sqlite=sqlite)}))", sqlite=sqlite))


def _in(allowed: str, *, sqlite: bool) -> str:
    """The condition in the database's own words for what stands in a JSON document."""

    def at(row: str, name: str) -> str:
        return f"json_extract({row}.body, '$.{name}')" if sqlite else f"{row}.body ->> '{name}'"

    return allowed.format(
        excerpt=f"({at('NEW', 'excerpt')})",
        digest=f"({at('NEW', 'digest')})",
        old_digest=f"({at('OLD', 'digest')})",
    )


def _trigger(table: str, verb: str, when: str = "", *, sqlite: bool) -> str:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"{'' if sqlite else 'FOR EACH ROW '}{when} "
        f"{refuse if sqlite else 'EXECUTE FUNCTION midwatch_refuse()'}"
    )
