"""The same story with PostgreSQL beneath it: ledger, checkpoints and the queue are tables of one database.

And the roster names no person: whoever is in the on-call group of the chat signs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agents.ledger.tags import Tag
from evals.world.slack.people import ONCALL_GROUP
from tests.support.real_servers import fresh_database, real_postgresql
from tests.support.story import scene


@pytest.mark.postgresql
def test_from_the_alert_to_the_verified_fix_on_postgresql(tmp_path: Path) -> None:
    with (
        real_postgresql() as server,
        fresh_database(server) as url,
        scene("bad-image", tmp_path, url) as at,
    ):
        team = at.centre.addresses()["slack"]["team_id"]
        oncall = {"group": ONCALL_GROUP, "team_id": team, "tiers": [1], "namespaces": ["shop"]}
        (tmp_path / "roster.yaml").write_text(yaml.safe_dump({"approvers": [oncall]}), encoding="utf-8")
        at.serve()
        # Before anybody clicks: the pages and the actor go by it as well.
        at.until(lambda: len(at.said(Tag.GROUP_CHANGED)) == 1)
        at.centre.break_it()
        at.approve()
        at.recovered()
        assert not list((tmp_path / "state").glob("*.db*")), "something was kept beside the database"
