"""The pages over the same past on both databases: the same is read, and nothing by walking a whole table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine, event

from agents.incident import Hypothesis
from agents.ledger import feedback, fired, memory, sessions, snooze, stretches, watching
from agents.ledger.feedback import Grade
from agents.ledger.listing import Wanted, found
from agents.ledger.migrate import upgrade
from agents.ledger.sessions import Account, Limits
from agents.ledger.snooze import Rest
from agents.ledger.store import Ledger
from agents.ledger.waiting import decided_by, waiting
from evals.bench.long_ledger import CAUSES, Size, write
from midwatch.web.app import application
from tests.support.pages import BEARER, settings_in
from tests.support.plans import ADA, BEN
from tests.support.real_servers import fresh_database
from tools.kubernetes.objects import ObjectRef

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
SIZE = Size(incidents=240, events=5_000, open=4, now=NOW)
HOUR = Limits(idle=timedelta(minutes=30), whole=timedelta(hours=1))
PATHS = (
    "/incidents",
    "/incidents?before=120",
    "/incidents?state=open&plan=waiting",
    "/incidents?plan=with&hours=48",
    "/incidents?plan=without&severity=critical",
    "/incidents?namespace=shop",
    "/incidents?q=INC-7",
    "/incidents?q=service-17",
    "/incidents?q=100%25_",
    "/incidents/230",
    "/incidents/230/postmortem",
    "/incidents/230/evidence/E1",
    "/plans",
    "/ledger",
    "/ledger?before=900&actor=gatekeeper",
    "/ledger?tag=gatekeeper:plan:decide&incident=INC-9",
    "/ledger?since=2026-11-10&until=2026-11-12",
    "/insights?days=7",
    "/runbooks/dns",
    "/analyzers?q=pod",
    "/installation/models",
)
SEARCHED = ("/incidents?q=service-17", "/incidents?q=100%25_")
"""Any part of any label may be searched for: for that every alert is looked at."""
BIG = ("audit", "evidence", "diagnosis", "plan", "proposal", "decision", "preview", "step", "execution")


@pytest.fixture(scope="module")
def pasts(ledger_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ledger]]:
    """Three weeks of incidents, row for row the same in both."""
    folder = tmp_path_factory.mktemp("past")
    with fresh_database(ledger_server) as url:
        opened = {}
        for name, at in (("sqlite", f"sqlite:///{folder / 'midwatch.db'}"), ("postgresql", url)):
            ledger = opened[name] = Ledger(at, clock=lambda: NOW)
            upgrade(ledger.writer)
            ledger.queue.prepare(ledger.writer)
            write(ledger, SIZE)
            feedback.judge(ledger, 7, ADA, Grade.RIGHT)
            feedback.judge(ledger, 7, BEN, Grade.WRONG)
            snooze.rest(ledger, 239, BEN, Rest.HOUR)
        # As on a database that runs: its planner goes by what it knows of the tables.
        with opened["postgresql"].writer.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        yield opened
        for ledger in opened.values():
            ledger.close()


def asked(ledger: Ledger) -> dict[str, object]:
    """What the lists, the watchers and the figures read."""
    where = ObjectRef(kind="Deployment", namespace="shop", name="service-17")
    cause = Hypothesis(code=CAUSES[1], object=where, sentence="why", score=0.9)
    with ledger.read() as session:
        return {
            "open": found(session, Wanted(state="open"), NOW),
            "since": found(session, Wanted(since=NOW - timedelta(days=2), limit=500), NOW),
            "waiting": waiting(session),
            "decided": decided_by(session, ADA.model_copy(update={"team_id": "T0", "user_id": "U03"}), 9),
            "tail": [row.seq for row in watching.events(session, after=watching.last(session, 50))],
            "tail of one": [row.body for row in watching.events(session, incident=9, limit=5)],
            "facts": stretches.facts(session, NOW - timedelta(days=9), NOW),
            "nothing": stretches.facts(session, NOW + timedelta(days=1), NOW + timedelta(days=2)),
            "fired": fired.found(session, NOW - timedelta(days=9)),
            "recovered": fired.recovered(session, NOW - timedelta(days=9)),
            "said": feedback.of_incident(session, 7),
            "rests": snooze.of_incident(session, 239),
            "before": memory.seen_before(session, 237, cause),
        }


@pytest.mark.postgresql
def test_both_databases_tell_the_same(pasts: dict[str, Ledger]) -> None:
    here, there = asked(pasts["sqlite"]), asked(pasts["postgresql"])
    for what, told in here.items():
        assert there[what] == told, what
        assert told or what == "nothing", f"{what} has something to compare"


@pytest.mark.postgresql
async def test_every_page_over_postgresql_says_what_it_says_over_sqlite(
    pasts: dict[str, Ledger], tmp_path: Path
) -> None:
    said = {name: await read(ledger, tmp_path) for name, ledger in pasts.items()}
    for path in PATHS:
        assert said["postgresql"][path] == said["sqlite"][path], path


async def read(ledger: Ledger, folder: Path) -> dict[str, str]:
    """Every page as its reader gets it."""
    transport = httpx.ASGITransport(application(settings_in(folder), ledger))
    pages = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=BEARER) as client:
        for path in PATHS:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            pages[path] = answer.text
    return pages


@pytest.mark.parametrize("name", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def test_no_page_walks_through_a_whole_table(
    pasts: dict[str, Ledger], tmp_path: Path, name: str
) -> None:
    ledger = pasts[name]
    transport = httpx.ASGITransport(application(settings_in(tmp_path), ledger))
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=BEARER) as client:
        for path in sorted(set(PATHS) - set(SEARCHED)):
            with listening(ledger.reader) as statements:
                assert (await client.get(path)).status_code == 200
            assert statements, path
            with ledger.reader.connect() as connection:
                for statement, values in statements:
                    walked = scanned(connection, statement, values)
                    assert not walked, f"{path} walks through {walked}: {statement}"


@contextmanager
def listening(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    heard: list[tuple[str, Any]] = []

    def hear(*told: Any) -> None:
        heard.append((told[2], told[3]))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def scanned(connection: Connection, statement: str, values: Any) -> list[str]:
    """The big tables that the database would read from end to end for this."""
    # The newest rows of a table, whatever they say: that walk ends after a page.
    newest = "WHERE" not in statement and "DESC" in statement and "LIMIT" in statement
    if newest or not statement.startswith(("SELECT", "WITH")):
        return []
    if connection.dialect.name == "sqlite":
        lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        found = [re.match(r"SCAN (\w+)", str(line[-1])) for line in lines]
    else:
        # A small table is quicker read whole; whether there is an index at all shows when that costs much.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        lines = connection.exec_driver_sql(f"EXPLAIN {statement}", values).all()
        found = [re.search(r"Seq Scan on (\w+)", str(line[0])) for line in lines]
    return [match[1] for match in found if match and match[1] in BIG]


def test_a_login_is_opened_seen_closed_and_swept_out(ledger: Ledger, clock: Any) -> None:
    account = Account(method="oidc", subject="ada", name="Ada", ids=frozenset({"user:ada", "email:a@b"}))
    sessions.begin(ledger, "one", account, HOUR)
    clock.forward(29 * 60)
    assert sessions.seen(ledger, "one", HOUR) == account
    clock.forward(29 * 60)
    assert sessions.seen(ledger, "one", HOUR) == account, "what is used does not end"
    clock.forward(3 * 60)
    assert sessions.seen(ledger, "one", HOUR) is None, "but for its whole time"
    sessions.begin(ledger, "two", account, HOUR)
    sessions.end(ledger, "two")
    assert sessions.seen(ledger, "two", HOUR) is None
    with ledger.read() as session:
        tags = [row.tag for row in watching.events(session)]
    assert tags == ["web:session:open", "web:session:open", "web:session:close"]
