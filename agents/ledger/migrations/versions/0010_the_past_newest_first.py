"""Past diagnoses of one cause are found newest first: of thousands only the few that are told are read."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = {"ix_diagnosis_cause": "cause.code", "ix_diagnosis_object": "cause.object.name"}


def upgrade() -> None:
    """Index the incident beside each of the two expressions, in place of the expression alone."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, path in INDEXES.items():
        op.execute(f"DROP INDEX {name}")
        # Written as the query writes them, or the database would not know them again.
        found = f"json_extract(body, '$.{path}')" if sqlite else f"(body #>> '{{{path.replace('.', ',')}}}')"
        op.execute(f"CREATE INDEX {name} ON diagnosis ({found}, incident)")
