"""The ledger on both databases: the same promises are tested on each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.ledger.store import Ledger
from tests.support.ledgers import empty_ledger, empty_ledger_on
from tests.support.pretend_queue import RememberingQueue
from tests.support.real_servers import real_postgresql


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


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty ledger, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    empty_ledger(path)
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty ledger of the present form is."""
    if request.param == "sqlite":
        yield empty_ledger(tmp_path / "ledger.db")
        return
    with empty_ledger_on(request.getfixturevalue("ledger_server")) as url:
        yield url


@pytest.fixture
def ledger(ledger_url: str, clock: HandClock) -> Iterator[Ledger]:
    opened = Ledger(ledger_url, RememberingQueue(), clock)
    yield opened
    opened.close()
