"""The ledger's database is opened with every safety on, and its times are instants whoever stores them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from agents.ledger import checkpoints
from agents.ledger.engine import BUSY_TIMEOUT_MS, UtcDateTime, normal_url, open_reader, open_writer

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ELSEWHERE = timezone(timedelta(hours=2))
SERVER = "postgresql://ada:secret@db.example:5433/ledger"


def pool(engine: Engine) -> tuple[Any, ...]:
    """Connections kept, more at most, and seconds to wait for one."""
    kept: Any = engine.pool
    return kept.size(), kept._max_overflow, kept._timeout


@pytest.mark.parametrize("opened", [open_writer, open_reader])
def test_sqlite_commits_to_the_disk_waits_for_others_and_checks_references(
    opened: Any, tmp_path: Path
) -> None:
    engine = opened(f"sqlite:///{tmp_path / 'ledger.db'}")
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    with engine.connect() as connection:
        asked = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    assert asked == ["wal", 2, BUSY_TIMEOUT_MS, 1] == ["wal", 2, 5_000, 1]
    engine.dispose()


def test_sqlite_has_one_that_writes_and_many_that_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    writer, reader = open_writer(url), open_reader(url)
    assert pool(writer) == (1, 0, 5.0)
    assert pool(reader) == (10, 20, 5.0)
    writer.dispose()
    reader.dispose()


def test_a_writer_of_sqlite_holds_the_database_from_its_beginning(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    writer, reader = open_writer(url), open_reader(url)
    with writer.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    with writer.begin(), reader.begin() as other:
        other.exec_driver_sql("SELECT * FROM t")
        other.exec_driver_sql("PRAGMA busy_timeout=0")
        with pytest.raises(OperationalError, match="database is locked"):
            other.exec_driver_sql("INSERT INTO t VALUES (1)")
    writer.dispose()
    reader.dispose()


def test_a_connection_goes_from_thread_to_thread(tmp_path: Path) -> None:
    engine = open_writer(f"sqlite:///{tmp_path / 'ledger.db'}")
    heard: list[object] = []

    def ask() -> None:
        with engine.connect() as connection:
            heard.append(connection.exec_driver_sql("SELECT 1").scalar())

    ask()
    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert heard == [1, 1]
    engine.dispose()


def test_postgresql_has_many_connections_that_are_asked_before_use_and_readers_see_one_state() -> None:
    writer, reader = open_writer(SERVER), open_reader(SERVER)
    for engine in (writer, reader):
        kept: Any = engine.pool
        assert (*pool(engine)[:2], kept._pre_ping) == (10, 20, True)
    assert writer.get_execution_options() == {}
    assert reader.get_execution_options() == {
        "isolation_level": "REPEATABLE READ",
        "postgresql_readonly": True,
    }


@pytest.mark.parametrize(
    ("given", "opened"),
    [
        (SERVER, SERVER.replace("postgresql:", "postgresql+psycopg:")),
        (SERVER.replace("postgresql:", "postgres:"), SERVER.replace("postgresql:", "postgresql+psycopg:")),
        ("sqlite:////var/lib/ledger.db", "sqlite:////var/lib/ledger.db"),
    ],
)
def test_an_address_gets_the_driver_that_is_used_and_keeps_the_rest(given: str, opened: str) -> None:
    assert normal_url(given) == opened


def test_a_time_is_stored_in_utc_and_comes_back_as_the_same_instant() -> None:
    kind, lite, server = UtcDateTime(), sqlite.dialect(), postgresql.dialect()  # type: ignore[no-untyped-call]
    there = NOON.astimezone(ELSEWHERE)
    assert kind.process_bind_param(there, lite) == NOON.replace(tzinfo=None)
    stored = kind.process_bind_param(there, server)
    assert (stored, stored and stored.tzinfo) == (NOON, UTC)
    for read in (NOON.replace(tzinfo=None), there):
        back = kind.process_result_value(read, lite)
        assert (back, back and back.tzinfo) == (NOON, UTC)
    assert kind.process_bind_param(None, lite) is kind.process_result_value(None, lite) is None


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a time in the ledger needs a zone$"):
        UtcDateTime().process_bind_param(NOON.replace(tzinfo=None), sqlite.dialect())  # type: ignore[no-untyped-call]


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own zone is not UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_the_zone_of_the_machine_changes_no_time_in_the_ledger() -> None:
    kind, lite = UtcDateTime(), sqlite.dialect()
    there = NOON.astimezone(ELSEWHERE)
    assert kind.process_bind_param(there, lite) == NOON.replace(tzinfo=None)
    back = kind.process_result_value(there, lite)
    assert back
    assert back.isoformat() == NOON.isoformat()
    assert checkpoints._as_sqlite(there) == "2026-11-24 12:00:00.000000", "as SQLite writes it"
