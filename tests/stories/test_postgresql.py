"""The same story with PostgreSQL beneath it: ledger, checkpoints and the queue are tables of one database."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.incident import Recovery
from agents.ledger.protocol import PlanState
from tests.support.real_servers import fresh_database, real_postgresql
from tests.support.story import scene


@pytest.mark.postgresql
def test_from_the_alert_to_the_verified_fix_on_postgresql(tmp_path: Path) -> None:
    with (
        real_postgresql() as server,
        fresh_database(server) as url,
        scene("bad-image", tmp_path, url) as at,
    ):
        at.serve()
        at.centre.break_it()
        at.approve()
        at.until(at.closed)
        told = at.told()
        assert told is not None
        assert told.outcome is not None
        assert told.outcome.recovery is Recovery.RECOVERED
        assert [view.state for view in told.plans] == [PlanState.SUCCEEDED]
        assert len(at.effects()) == 1
        assert at.whole() == ()
        assert not list((tmp_path / "state").glob("*.db*")), "something was kept beside the database"
