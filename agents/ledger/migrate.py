"""Bringing a database to the present form of the ledger, by alembic, under one lock."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x4D4944  # "MID": the advisory lock that lets one process migrate at a time.


def upgrade(engine: Engine) -> None:
    """Apply every migration that is missing. Two processes may call it at once."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The form the database has, and the one this program brings it to. Only reads."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), _known()


@cache
def _known() -> str | None:
    # Every migration is compiled for that, and none is added while a program runs.
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()
