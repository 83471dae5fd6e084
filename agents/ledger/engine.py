"""Opening the ledger's database: SQLite with every safety on, or PostgreSQL.

SQLite runs in WAL with synchronous=FULL, so a commit is on the disk when it returns; write
transactions begin IMMEDIATE, so two writers queue instead of failing at commit.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 5_000


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instants on both databases; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; store the rest in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the ledger needs a zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The stored instant, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def normal_url(url: str) -> str:
    """The URL with the driver we use, so that ``postgresql://`` alone works as well."""
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def open_writer(url: str) -> Engine:
    """The engine whose transactions may write.

    On SQLite it has one connection: there is one writer anyway, and who waits for it here goes on at
    the moment it is free. SQLite itself would let them sleep and look again, for up to 0.1 s a time.
    """
    return _open(url, begin="BEGIN IMMEDIATE", pool_size=1)


def open_reader(url: str) -> Engine:
    """The engine for reading one consistent state; it never waits for a writer.

    PostgreSQL shows each statement what was committed by then, which mixes two states, unless it is
    asked for one snapshot (REPEATABLE READ) for the whole transaction, as SQLite has it.
    """
    engine = _open(url, begin="BEGIN", pool_size=10)
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _open(url: str, begin: str, pool_size: int) -> Engine:
    url = normal_url(url)
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    patience = BUSY_TIMEOUT_MS / 1000
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": patience},
        pool_size=pool_size,
        max_overflow=0 if pool_size == 1 else 20,
        pool_timeout=patience,
    )

    def connected(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own BEGIN comes too late and is never IMMEDIATE: take it over.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
    return engine
