"""The same story with PostgreSQL beneath it: ledger, checkpoints and the queue are tables of one database."""

from __future__ import annotations

from pathlib import Path

import pytest

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
        at.recovered()
        assert not list((tmp_path / "state").glob("*.db*")), "something was kept beside the database"
