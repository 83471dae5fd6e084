"""The ledger on both databases: the same promises are tested on each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from tests.support.pretend_queue import RememberingQueue


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


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(ledger_url: str, clock: HandClock) -> Iterator[Ledger]:
    opened = Ledger(ledger_url, RememberingQueue(), clock)
    upgrade(opened.writer)
    yield opened
    opened.close()
