"""Past diagnoses are found by their cause and its object: their bodies stay as they are."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = {"ix_diagnosis_cause": "cause.code", "ix_diagnosis_object": "cause.object.name"}


def upgrade() -> None:
    """Index two expressions; the database fills the indexes from what is there."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, path in INDEXES.items():
        # Written as the query writes them, or the database would not know them again.
        found = f"json_extract(body, '$.{path}')" if sqlite else f"(body #>> '{{{path.replace('.', ',')}}}')"
        op.execute(f"CREATE INDEX {name} ON diagnosis ({found})")
