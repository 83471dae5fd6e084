"""The gatekeeper's office over an empty ledger with a clock moved by hand, and the test's workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.gatekeeper.office import Office
from agents.ledger.store import Ledger
from evals.world.slack import SlackServer
from midwatch.wiring import office_of
from tests.contracts.conftest import HandClock
from tests.support.front_desk import settings_for
from tests.support.pretend_queue import RememberingQueue


@pytest.fixture
def office(slack: SlackServer, clock: HandClock, empty: Path, tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "ledger.db").write_bytes(empty.read_bytes())
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    yield asyncio.run(office_of(settings_for(slack, tmp_path, "socket"), ledger))
    ledger.close()
