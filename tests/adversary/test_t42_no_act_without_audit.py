"""Threat T42, property P18: a ledger that takes no write is an actor that does nothing.

A real actor with a signed plan before it, and a real database that is full, read-only or locked. The world
counts what was changed: nothing, for as long as the database refuses; and the one signed change once it
gives way again, which shows that nothing else held the actor back.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from agents.ledger.protocol import Agent, PlanState
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from tests.support.datacentre import data_centre
from tests.support.processes import Process
from tests.support.signed import Signed, broken_copies, signed, time_passed
from tests.support.story import Scene, scene_in
from tools.queue.embedded_table import JOBS

Trouble = Callable[[Signed, Process], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@contextmanager
def full(one: Signed, _child: Process) -> Iterator[None]:
    """ENOSPC: the file system of the ledger, a small one of its own, holds not one byte more."""
    filler = one.at.folder / "state" / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def no_larger(_one: Signed, child: Process) -> Iterator[None]:
    """EFBIG: no file of the actor's process may grow beyond four kilobytes; its log fits, a page does not."""
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    yield
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def locked(one: Signed, _child: Process) -> Iterator[None]:
    """Somebody else holds the one write lock that there is and does not let go."""
    holder = sqlite3.connect(one.at.folder / "state" / "midwatch.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def read_only(folder: Path, at: Path) -> Iterator[None]:
    """EROFS: the folder once more, at another place, for reading only."""
    at.mkdir()
    subprocess.run(["mount", "--bind", str(folder), str(at)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of eight megabytes at ``folder``."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a file system")
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("name", "trouble", "own_disk"),
    [("full", full, True), ("no-larger", no_larger, False), ("locked", locked, False)],
)
def test_t42_a_ledger_that_takes_no_write_is_an_actor_that_does_nothing(
    centre: DataCentre, tmp_path: Path, name: str, trouble: Trouble, own_disk: bool
) -> None:
    copy = f"checkout-{name}"
    broken_copies(centre, [copy])
    with ExitStack() as stack:
        if own_disk:
            stack.enter_context(small_disk(tmp_path / "state"))
        at = stack.enter_context(scene_in(centre, tmp_path))
        child = at.actor()
        _at_work(at)
        # Held still, so that plan and trouble are there before it looks again.
        at.until(lambda: _stopped_between_writes(at, child))
        one = signed(at, copy)
        with trouble(one, child):
            os.kill(child.pid, signal.SIGCONT)
            at.until(lambda: child.tail().count("the queue cannot be read") >= 2)
            _nothing_done(one)
        _done_once(one)


def test_t42_an_actor_before_a_read_only_ledger_does_nothing(centre: DataCentre, tmp_path: Path) -> None:
    broken_copies(centre, ["checkout-read-only"])
    with small_disk(tmp_path / "state"), scene_in(centre, tmp_path) as at:
        one = signed(at, "checkout-read-only")
        with read_only(tmp_path / "state", tmp_path / "for reading"):
            child = at.actor(database_url=f"sqlite:///{tmp_path / 'for reading' / 'midwatch.db'}")
            at.until(lambda: child.tail().count("readonly database") >= 2)
            _nothing_done(one)
            os.kill(child.pid, signal.SIGTERM)
            at.until(lambda: child.code() is not None)
        at.actor()
        _done_once(one)


@pytest.mark.parametrize("tag", [Tag.PLAN_CLAIMED, Tag.PLAN_MOVED, Tag.STEP_INTENDED])
def test_t42_without_its_audit_row_no_step_is_taken(centre: DataCentre, tmp_path: Path, tag: Tag) -> None:
    """The one row that cannot be written takes everything of its transaction with it."""
    copy = f"checkout-{tag.name.lower().replace('_', '-')}"
    broken_copies(centre, [copy])
    with scene_in(centre, tmp_path) as at:
        one = signed(at, copy)
        with at.ledger.writer.begin() as connection:
            connection.execute(
                text(
                    f"CREATE TRIGGER no_room BEFORE INSERT ON audit WHEN NEW.tag = '{tag.value}' "
                    "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                )
            )
        child = at.actor()
        at.until(lambda: child.tail().count("did not take the write: database or disk is full") >= 1)
        assert one.effects() == []
        assert not one.applied()
        claimed = tag is Tag.STEP_INTENDED
        assert at.stands(PlanState.EXECUTING if claimed else PlanState.APPROVED)
        view = at.plan()
        assert view is not None
        assert view.receipts == ()
        with at.ledger.writer.begin() as connection:
            connection.execute(text("DROP TRIGGER no_room"))
        if not claimed:
            _done_once(one)
            return
        time_passed(at.ledger, one.plan, requests_too=True)
        at.until(lambda: at.stands(PlanState.NOT_APPLIED))
        assert one.effects() == []


def _at_work(at: Scene) -> None:
    """Wait until the actor works: it has done away with a job for an incident that does not exist."""
    with at.ledger.write() as tx:
        tx.wake(Agent.ACTOR, 999)
    at.until(lambda: _jobs(at) == 0)


def _stopped_between_writes(at: Scene, child: Process) -> bool:
    """Stop it; while it is in the middle of a write of its own nobody else could write, so let it go on."""
    os.kill(child.pid, signal.SIGSTOP)
    with closing(sqlite3.connect(at.ledger.url.removeprefix("sqlite:///"), timeout=0)) as probe:
        try:
            probe.execute("BEGIN IMMEDIATE").close()
        except sqlite3.OperationalError:
            os.kill(child.pid, signal.SIGCONT)
            return False
        probe.rollback()
    return True


def _jobs(at: Scene) -> int:
    with at.ledger.read() as session:
        lane = select(func.count()).select_from(JOBS).where(JOBS.c.lane == Agent.ACTOR.value)
        return int(session.connection().execute(lane).scalar_one())


def _nothing_done(one: Signed) -> None:
    assert one.effects() == []
    assert not one.applied()
    assert one.at.stands(PlanState.APPROVED)


def _done_once(one: Signed) -> None:
    one.at.until(lambda: one.at.stands(PlanState.SUCCEEDED))
    assert one.applied()
    assert len(one.effects()) == 1
    assert one.at.whole() == ()
