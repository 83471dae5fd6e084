"""The ledger on both databases: the same promises are tested on each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from tests.support.pretend_queue import RememberingQueue
from tests.support.real_servers import fresh_database, real_postgresql


class HandClock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def ledger_server() -> Iterator[str]:
    with real_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with fresh_database(request.getfixturevalue("ledger_server")) as url:
        yield url


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger; a copy of it costs a hundredth of bringing one up by its migrations."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    made = Ledger(f"sqlite:///{path}", RememberingQueue())
    upgrade(made.writer)
    made.close()
    return path


@pytest.fixture
def ledger(ledger_url: str, clock: HandClock, empty: Path) -> Iterator[Ledger]:
    if ledger_url.startswith("sqlite"):
        shutil.copy(empty, ledger_url.removeprefix("sqlite:///"))
    opened = Ledger(ledger_url, RememberingQueue(), clock)
    if not ledger_url.startswith("sqlite"):
        upgrade(opened.writer)
    yield opened
    opened.close()
