"""Append-only where the record must not bend, and the two rows that always exist."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("audit", "decision", "delivery", "diagnosis", "evidence", "nonce", "plan", "preview")
# PostgreSQL calls a function from a trigger; this one refuses whatever it is attached to.
REFUSE = """
CREATE FUNCTION midwatch_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""


def upgrade() -> None:
    """Refuse UPDATE and DELETE on append-only tables; seed the chain head and the halt row."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(REFUSE)
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_sqlite_trigger(table, verb) if sqlite else _postgresql_trigger(table, verb))
    op.execute(f"INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, '{'0' * 64}')")
    never = "1970-01-01 00:00:00.000000"
    op.execute(f"INSERT INTO halt (id, halted, by, reason, at) VALUES (1, false, '', '', '{never}')")


def _sqlite_trigger(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _postgresql_trigger(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION midwatch_refuse()"
    )
