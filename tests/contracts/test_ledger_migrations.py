"""A ledger that was written by an earlier version keeps every word in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.types import NullType
from sqlmodel import SQLModel

from agents.incident import Verdict
from agents.ledger import decisions
from agents.ledger.migrate import MIGRATIONS, UnknownForm, revisions, upgrade
from agents.ledger.store import Ledger
from tests.support.kubernetes_world import eventually
from tests.support.patience import PATIENCE_S
from tests.support.plans import BEN, a_decision, a_plan
from tests.support.real_servers import fresh_database

BEFORE_THE_WHOLE_PROTOCOL = "0003"


def brought_to(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def blank_url(request, tmp_path):
    """A database in which nothing was ever made."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with fresh_database(request.getfixturevalue("ledger_server")) as url:
        yield url


def test_decisions_of_an_earlier_version_are_kept_and_nobody_can_change_them(blank_url, clock):
    ledger = Ledger(blank_url, clock=clock)
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


def test_the_newest_form_is_alembics_own_and_what_a_database_is_brought_to(blank_url):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    ledger = Ledger(blank_url)
    assert revisions(ledger.writer) == (None, newest)
    upgrade(ledger.writer)
    assert revisions(ledger.writer) == (newest, newest)
    with ledger.writer.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest
    ledger.close()


def test_a_database_of_a_later_version_is_left_as_it_is(blank_url):
    ledger = Ledger(blank_url)
    upgrade(ledger.writer)
    with ledger.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnknownForm, match="9999"):
        upgrade(ledger.writer)
    assert revisions(ledger.reader)[0] == "9999"
    ledger.close()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_tables_are_what_the_program_takes_them_for(ledger):
    with ledger.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert revisions(ledger.reader) == (revisions(ledger.writer)[1],) * 2


def test_every_column_says_what_it_holds():
    """The comparison passes a column by whose type is not known."""
    columns = [column for table in SQLModel.metadata.tables.values() for column in table.columns]
    assert [str(column) for column in columns if isinstance(column.type, NullType)] == []


@pytest.mark.postgresql
def test_two_that_start_at_once_bring_one_database_up_in_turn(ledger_server):
    """Whoever holds the lock is waited for; the second then finds everything done."""
    with fresh_database(ledger_server) as url, ThreadPoolExecutor() as pool:
        ledger = Ledger(url)
        with ledger.writer.begin() as first:
            first.execute(text("SELECT pg_advisory_xact_lock(5065028)"))
            second = pool.submit(upgrade, ledger.writer)
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            eventually(lambda: second.done() or first.execute(text(waits)).scalar_one() == 1)
            assert not second.done()
        second.result(PATIENCE_S)
        assert len(set(revisions(ledger.writer))) == 1
        # Without a clock of its own the ledger's time is the server's.
        now = ledger.now()
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
        assert now.tzinfo is UTC
        ledger.close()


def ours(_item, name, kind, *_more):
    """Whether it is the ledger's; the queue's tables are others', and indexes over words in a diagnosis are
    in the migrations only."""
    return name in SQLModel.metadata.tables if kind == "table" else not name.startswith("ix_diagnosis_")
