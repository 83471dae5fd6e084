"""Bringing a database to the present form of the ledger, by alembic, under one lock.

Alembic takes a fifth of the actor's start, and most starts find nothing to do: it is imported by whoever has
something to do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x4D4944  # "MID": the advisory lock that lets one process migrate at a time.
# Where alembic writes down how far it came.
_FORM = Table("alembic_version", MetaData(), Column("version_num", String(32)))


class UnknownForm(ValueError):
    """The database was brought to a form that this program does not know: by a later one, mostly."""


def upgrade(engine: Engine) -> None:
    """Apply every migration that is missing. Two processes may call it at once. Raises UnknownForm."""
    found, known = revisions(engine)
    if found == known:
        return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _migrate(connection)


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The form the database has, and the one this program brings it to. Only reads."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_FORM.name):
            return None, _newest()
        return connection.execute(select(_FORM)).scalar(), _newest()


@cache
def _newest() -> str | None:
    """The last migration's number: the steps are one line, and each file begins with its own."""
    steps = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return max((step.name.partition("_")[0] for step in steps), default=None)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as problem:
        raise UnknownForm(str(problem)) from problem
