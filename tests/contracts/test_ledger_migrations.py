"""A ledger that was written by an earlier version keeps every word in it."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from agents.incident import Verdict
from agents.ledger import decisions
from agents.ledger.migrate import MIGRATIONS, upgrade
from agents.ledger.store import Ledger
from tests.support.plans import BEN, a_decision, a_plan

BEFORE_THE_WHOLE_PROTOCOL = "0003"


def brought_to(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_decisions_of_an_earlier_version_are_kept_and_nobody_can_change_them(ledger_url, clock):
    ledger = Ledger(ledger_url, clock=clock)
    brought_to(ledger.writer, BEFORE_THE_WHOLE_PROTOCOL)
    plan = a_plan(clock())
    no = {"approver": BEN, "verdict": Verdict.DENY, "reason": "no"}
    given = [a_decision(plan, clock()), a_decision(plan, clock(), **no)]
    with ledger.writer.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO incident (cluster, group_key, title, severity, state, phase, round, opened_at,"
                " lease_owner, lease_token) VALUES ('c', 'g', 't', 's', 'open', 'p', 0, :at, '', 0)"
            ),
            {"at": clock()},
        )
        row = {"id": plan.id, "digest": plan.digest, "bytes": plan.canonical(), "at": clock()}
        connection.execute(
            text(
                "INSERT INTO plan (id, digest, canonical, incident, created_at, pending_until, note)"
                " VALUES (:id, :digest, :bytes, 1, :at, :at, '')"
            ),
            row,
        )
        for one in given:
            who = {"plan": plan.id, "team": one.approver.team_id, "user": one.approver.user_id}
            columns = "(plan_id, team_id, user_id, body) VALUES (:plan, :team, :user, :body)"
            said = {**who, "body": one.model_dump_json()}
            connection.execute(text(f"INSERT INTO decision {columns}"), said)
    upgrade(ledger.writer)
    with ledger.read() as session:
        assert decisions.decisions_of(session, plan.id) == given
        verdicts = session.connection().execute(text("SELECT verdict FROM decision ORDER BY id"))
        assert list(verdicts.scalars()) == ["approve", "deny"]
    for verb in ("DELETE FROM decision", "UPDATE decision SET verdict = 'approve'"):
        with pytest.raises(Exception, match="append-only"), ledger.writer.begin() as connection:
            connection.execute(text(verb))
    ledger.close()
