"""Threat T42, property P18, on PostgreSQL: a ledger that takes no write is an actor that does nothing.

The real actor's code with a signed plan before it, in this process, and a real server that is read-only,
locked, full, or ends the connection at each single write. Whatever happens, what reached the cluster was
intended first, in a committed row; and once the server gives way the plan ends in what is true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlmodel import col, select

from agents.incident import Plan
from agents.ledger import executions
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from evals.world.kubernetes.effects import Effect
from tests.support.act import Act, an_act
from tests.support.datacentre import wait_until
from tests.support.kubernetes_space import Space
from tests.support.patience import PATIENCE_S
from tests.support.real_servers import fresh_database, real_postgresql
from tests.support.scale import scale
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context

pytestmark = pytest.mark.postgresql

# What the actor writes to; the lock of the object is let go last, when all was done.
WRITTEN = ("proposal", "execution", "object_lock", "step", "audit", "chain_head", "procrastinate_jobs")
# A sequence counts on when its transaction is undone.
WATCHED = """
CREATE SEQUENCE {kind}_seen;
CREATE FUNCTION {kind}_ends() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN COALESCE(NEW, OLD); END';
"""
ENDS = """
CREATE OR REPLACE FUNCTION {kind}_ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('{kind}_seen') = {at} THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(60);
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$
"""
TRIGGERS = {
    "write": "CREATE TRIGGER write_ends BEFORE INSERT OR UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION write_ends()",
    "commit": "CREATE CONSTRAINT TRIGGER commit_ends AFTER INSERT OR UPDATE OR DELETE ON {table} "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION commit_ends()",
}


class Stage:
    """An actor on PostgreSQL, a person who may do anything to the server, and a clock that can be put on."""

    def __init__(self, act: Act, person: psycopg.Connection) -> None:
        self.act, self.person = act, person

    def say(self, *statements: str) -> None:
        for one in statements:
            self.person.execute(one)  # type: ignore[call-overload]

    def asked(self, question: str) -> int:
        row = self.person.execute(question).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return int(row[0])

    def ended_at(self, kind: str, at: int) -> None:
        """From now on the ``at``-th write (or check at a commit) ends its connection; 0 is none."""
        self.say(ENDS.format(kind=kind, at=at))
        self.asked(f"SELECT setval('{kind}_seen', 1, false)")

    def signed(self) -> tuple[Plan, Step]:
        """A plan for an object of its own that a person signed."""
        space = Space(self.act.cluster)
        path = f"/api/v1/namespaces/{space.name}/resourcequotas"
        body = {"metadata": {"name": "compute"}, "spec": {"hard": {"limits.memory": "4Gi"}}}
        assert self.act.cluster.call("POST", path, body).status == 201
        self.act.counted(f"{path}/compute")
        verb, wanted = "quota", {"resource": "limits.memory", "value": "8Gi"}
        step = CATALOGUE[verb].draft(self.act.seen(f"{path}/compute", "ResourceQuota"), wanted, Context())
        assert isinstance(step, Step), step
        plan = self.act.rehearsed([step])
        self.act.signed(plan)
        return plan, step

    def effects(self, step: Step) -> list[Effect]:
        return [one for one in self.act.effects() if one.namespace == step.target.namespace]

    def intended(self, plan: Plan) -> list[datetime]:
        """When each committed intent of the plan was made."""
        with self.act.hands.ledger.read() as session:
            query = select(AuditRow.at).where(
                AuditRow.plan_id == plan.id, col(AuditRow.tag) == Tag.STEP_INTENDED.value
            )
            return list(session.exec(query))

    def refused(self, plan: Plan) -> bool:
        """Let the actor work; whether the ledger failed it."""
        try:
            self.act.advance(plan)
        except LedgerUnavailable:
            return True
        return False


class Clock:
    """The machine's, and as much later as it was put on."""

    def __init__(self) -> None:
        self.later = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later


CLOCK = Clock()


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with real_postgresql() as server, fresh_database(server) as url:
        ledger = Ledger(url, clock=CLOCK)
        with (
            an_act(tmp_path_factory.mktemp("act"), ledger) as act,
            psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as person,
        ):
            ledger.queue.prepare(ledger.writer)
            stage = Stage(act, person)
            for kind, trigger in TRIGGERS.items():
                stage.say(*WATCHED.format(kind=kind).strip().split("\n"))
                stage.ended_at(kind, 0)
                stage.say(*(trigger.format(table=table) for table in WRITTEN))
            yield stage


def _nothing_done(stage: Stage, plan: Plan, step: Step) -> None:
    assert stage.effects(step) == []
    assert not is_applied(step, plan.id, stage.act.live(step))
    assert stage.act.stands(plan)[0] is PlanState.APPROVED


def _done_once(stage: Stage, plan: Plan, step: Step) -> None:
    assert stage.act.stands(plan)[0] is PlanState.SUCCEEDED
    assert is_applied(step, plan.id, stage.act.live(step))
    _intended_first(stage, plan, step)
    assert len(stage.effects(step)) == 1


def _intended_first(stage: Stage, plan: Plan, step: Step) -> None:
    """What reached the cluster, once at most, was intended by then, in a row that is there."""
    done, intended = stage.effects(step), stage.intended(plan)
    assert len(done) <= len(intended) <= 1
    for effect, at in zip(done, intended, strict=False):
        assert at - CLOCK.later <= datetime.fromtimestamp(effect.at, UTC)


def _writes_of_one_plan(stage: Stage, kind: str) -> int:
    plan, step = stage.signed()
    stage.ended_at(kind, 0)
    assert not stage.refused(plan)
    _done_once(stage, plan, step)
    return stage.asked(f"SELECT last_value FROM {kind}_seen")


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["write", "commit"])
def test_t42_a_connection_that_ends_at_any_write_leaves_no_act_without_its_intent(
    staged: Stage, kind: str
) -> None:
    """Each of the actor's writes in turn, and each commit: undone with all of its transaction."""
    ends = _writes_of_one_plan(staged, kind)
    assert ends > 12, "claim, intent, answer and end are written"
    came = []
    some = min(ends, scale("ended_writes"))
    for at in sorted({1 + n * ends // some for n in range(some)}):
        plan, step = staged.signed()
        staged.ended_at(kind, at)
        assert staged.refused(plan), f"the connection did not end at {kind} {at}"
        staged.ended_at(kind, 0)
        _intended_first(staged, plan, step)
        came.append(_recovered(staged, plan, step))
    # Before the claim, after it, and after the send: all of them were met.
    assert {found for found, _ in came} == {PlanState.APPROVED, PlanState.EXECUTING}
    assert {done for _, done in came} == {True, False}


def _recovered(stage: Stage, plan: Plan, step: Step) -> tuple[PlanState, bool]:
    """Let another actor find the plan once nobody can be at it any more.

    Where it stood, and whether it was done."""
    found, done = stage.act.stands(plan)[0], bool(stage.effects(step))
    if found is PlanState.EXECUTING:
        # The lease of whoever died, and what its last request may take.
        CLOCK.later += timedelta(seconds=executions.LEASE_S + executions.IN_FLIGHT_S + 1)
    assert not stage.refused(plan)
    if found is PlanState.APPROVED:
        _done_once(stage, plan, step)
        return found, done
    _intended_first(stage, plan, step)
    assert is_applied(step, plan.id, stage.act.live(step)) is done
    assert stage.act.stands(plan)[0] is (PlanState.SUCCEEDED if done else PlanState.NOT_APPLIED)
    return found, done


def test_t42_a_server_for_reading_only_is_an_actor_that_does_nothing(staged: Stage) -> None:
    """As a standby is, or a database that was put so by hand."""
    plan, step = staged.signed()
    name = staged.person.info.dbname
    others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    own = f"{others} AND datname = '{name}'"
    staged.say(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    staged.asked(own)
    try:
        for _ in range(3):
            assert staged.refused(plan)
            _nothing_done(staged, plan, step)
    finally:
        staged.say(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        staged.asked(own)
    assert not staged.refused(plan)
    _done_once(staged, plan, step)


@pytest.mark.parametrize("table", sorted(set(WRITTEN) - {"object_lock"}))
def test_t42_a_table_that_somebody_holds_is_an_actor_that_waits(staged: Stage, table: str) -> None:
    plan, step = staged.signed()
    database = staged.person.info.dsn
    with psycopg.connect(database) as holder:
        # What may be read may not be written.
        holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")  # type: ignore[call-overload]
        at_work = threading.Thread(target=staged.refused, args=(plan,))
        at_work.start()
        try:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: staged.asked(waiting) > 0)
            assert staged.effects(step) == []
            assert not is_applied(step, plan.id, staged.act.live(step))
        finally:
            holder.rollback()
            at_work.join(PATIENCE_S)
    _done_once(staged, plan, step)


@contextmanager
def _full_place(stage: Stage) -> Iterator[str]:
    """A tablespace of four megabytes with not one page free; its name."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a file system")
    folder = Path(tempfile.mkdtemp(prefix="midwatch-full-"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode()}")
    try:
        shutil.chown(folder, "postgres")
        stage.say(f"CREATE TABLESPACE small LOCATION '{folder}'")
        yield str(folder)
    finally:
        stage.say("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.parametrize("table", ["execution", "step"])
def test_t42_a_full_disk_is_an_actor_that_does_nothing(staged: Stage, table: str) -> None:
    """Before the claim nothing moves; before the intent the claim ends as not applied, and it was not."""
    plan, step = staged.signed()
    with _full_place(staged) as folder:
        # Without a row it has no page, so that the next row needs one.
        staged.say(
            f"DELETE FROM {table}", f"VACUUM FULL {table}", f"ALTER TABLE {table} SET TABLESPACE small"
        )
        filler = Path(folder) / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 512, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue
        try:
            assert staged.refused(plan)
            assert staged.effects(step) == []
            assert staged.intended(plan) == []
        finally:
            filler.unlink()
            staged.say(f"ALTER TABLE {table} SET TABLESPACE pg_default")
    _recovered(staged, plan, step)
