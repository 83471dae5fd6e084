"""What every queue promises, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from tests.support.patience import until
from tests.support.queue_fixtures import engine, postgresql, put, queue, worker
from tests.support.queue_worker import UNANNOUNCED_S, queue_of
from tools.queue import postgres_lane, watch
from tools.queue.port import Job, Later, Queue, WorkOptions

__all__ = ["engine", "postgresql", "queue"]


class Journal:
    """A handler that writes down what it saw and can be made to wait or fail."""

    def __init__(self, hold: asyncio.Event | None = None, failures: int = 0) -> None:
        self.started: list[int] = []
        self.ended: list[int] = []
        self.cancelled: list[int] = []
        self.running: set[int] = set()
        self.overlaps = 0
        self._hold = hold
        self._failures = failures

    async def __call__(self, job: Job) -> None:
        self.overlaps += job.incident in self.running
        self.running.add(job.incident)
        self.started.append(job.incident)
        try:
            await (self._hold.wait() if self._hold else asyncio.sleep(0))
            if len(self.started) <= self._failures:
                raise LookupError("as the test asked")
        except asyncio.CancelledError:
            self.cancelled.append(job.incident)
            raise
        finally:
            self.running.discard(job.incident)
        self.ended.append(job.incident)


async def test_preparing_twice_changes_nothing(engine: Engine, queue: Queue) -> None:
    put(engine, queue, Job("look", 1))
    queue.prepare(engine)
    journal = Journal()
    async with worker(queue, "look", journal):
        await until(lambda: journal.ended == [1])


async def test_a_job_exists_only_if_its_transaction_commits(engine: Engine, queue: Queue) -> None:
    journal = Journal()
    async with worker(queue, "look", journal):
        with engine.connect() as connection, connection.begin() as transaction:
            queue.enqueue(connection, Job("look", 1))
            transaction.rollback()
        put(engine, queue, Job("look", 2))
        await until(lambda: journal.ended == [2])
    assert journal.started == [2]


async def test_the_callers_transaction_goes_on_after_a_duplicate(engine: Engine, queue: Queue) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE fact (n integer)"))
    with engine.begin() as connection:
        queue.enqueue(connection, Job("look", 1))
        queue.enqueue(connection, Job("look", 1))
        connection.execute(text("INSERT INTO fact VALUES (7)"))
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT n FROM fact")) == 7


async def test_what_waits_twice_runs_once(engine: Engine, queue: Queue) -> None:
    for _ in range(5):
        put(engine, queue, Job("look", 1), Job("look", 2))
    journal = Journal()
    async with worker(queue, "look", journal):
        await until(lambda: sorted(journal.ended) == [1, 2])
        put(engine, queue, Job("look", 3))
        await until(lambda: 3 in journal.ended)
    assert sorted(journal.started) == [1, 2, 3]


async def test_a_wish_that_comes_while_the_job_runs_is_run_after_it(engine: Engine, queue: Queue) -> None:
    hold = asyncio.Event()
    journal = Journal(hold)
    put(engine, queue, Job("look", 1))
    async with worker(queue, "look", journal):
        await until(lambda: journal.started == [1])
        put(engine, queue, Job("look", 1))
        hold.set()
        await until(lambda: journal.ended == [1, 1])
    assert journal.overlaps == 0


async def test_an_immediate_job_overtakes_a_later_one_of_the_same_incident(
    engine: Engine, queue: Queue
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    put(engine, queue, Job("look", 1, tomorrow))
    put(engine, queue, Job("look", 1))
    put(engine, queue, Job("look", 1, tomorrow))
    journal = Journal()
    async with worker(queue, "look", journal):
        await until(lambda: journal.ended == [1])


async def test_a_scheduled_job_waits_for_its_time(engine: Engine, queue: Queue) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.8)
    put(engine, queue, Job("look", 1, at), Job("look", 2), Job("look", 3, at + timedelta(days=1)))
    times: dict[int, datetime] = {}

    async def note(job: Job) -> None:
        times[job.incident] = datetime.now(UTC)

    async with worker(queue, "look", note):
        await until(lambda: len(times) == 2)
    assert 3 not in times
    assert at <= times[1]


async def test_a_lane_that_is_busy_does_not_hold_up_another(engine: Engine, queue: Queue) -> None:
    hold = asyncio.Event()
    busy, free = Journal(hold), Journal()
    put(engine, queue, Job("slow", 1), Job("quick", 1))
    async with worker(queue, "slow", busy, concurrency=1), worker(queue, "quick", free):
        await until(lambda: busy.started == [1])
        await until(lambda: free.ended == [1])
        assert busy.ended == []
        hold.set()


async def test_no_more_jobs_run_at_once_than_allowed(engine: Engine, queue: Queue) -> None:
    hold = asyncio.Event()
    journal = Journal(hold)
    put(engine, queue, *(Job("look", n) for n in range(1, 8)))
    async with worker(queue, "look", journal, concurrency=3):
        await until(lambda: len(journal.running) == 3)
        await asyncio.sleep(0.05)
        assert len(journal.started) == 3
        hold.set()
        await until(lambda: len(journal.ended) == 7)


async def test_a_handler_that_raises_is_logged_and_tried_again(
    engine: Engine, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[int] = []

    def back_off(failures: int) -> float:
        waits.append(failures)
        return 0.01

    journal = Journal(failures=2)
    put(engine, queue, Job("look", 1))
    async with worker(queue, "look", journal, back_off=back_off):
        await until(lambda: journal.ended == [1])
    assert journal.started == [1, 1, 1]
    assert waits == [1, 2]
    assert "as the test asked" in caplog.text


async def test_a_failure_while_another_wish_waits_loses_neither(engine: Engine, queue: Queue) -> None:
    hold = asyncio.Event()
    journal = Journal(hold, failures=1)
    put(engine, queue, Job("look", 1))
    async with worker(queue, "look", journal, back_off=lambda _: 3600.0):
        await until(lambda: journal.started == [1])
        put(engine, queue, Job("look", 1))
        hold.set()
        # The new wish is immediate, so the hour of the old one do not count.
        await until(lambda: journal.ended == [1])


async def test_stopping_lets_a_running_job_end(engine: Engine, queue: Queue) -> None:
    hold = asyncio.Event()
    journal = Journal(hold)
    put(engine, queue, Job("look", 1))
    async with worker(queue, "look", journal, grace_s=30.0) as stop:
        await until(lambda: journal.started == [1])
        stop.set()
        put(engine, queue, Job("look", 2))
        hold.set()
    assert journal.ended == [1]
    assert journal.started == [1]


async def test_a_job_that_outlives_the_grace_is_put_back(engine: Engine, queue: Queue) -> None:
    stuck, second = Journal(asyncio.Event()), Journal()
    put(engine, queue, Job("look", 1))
    async with worker(queue, "look", stuck, grace_s=0.02) as stop:
        await until(lambda: stuck.started == [1])
        stop.set()
    assert stuck.cancelled == [1]
    async with worker(queue, "look", second):
        await until(lambda: second.ended == [1])


async def test_cancelling_the_worker_puts_its_jobs_back(engine: Engine, queue: Queue) -> None:
    stuck, second = Journal(asyncio.Event()), Journal()
    put(engine, queue, Job("look", 1))
    work = asyncio.create_task(queue.work("look", stuck, WorkOptions(stop=asyncio.Event())))
    await until(lambda: stuck.started == [1])
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with worker(queue, "look", second):
        await until(lambda: second.ended == [1])


async def test_two_workers_never_run_one_incident_at_once(engine: Engine, queue: Queue) -> None:
    journal = Journal()
    first, second = queue_of(engine), queue_of(engine)
    async with worker(first, "look", journal), worker(second, "look", journal):
        for _ in range(20):
            put(engine, queue, *(Job("look", n) for n in range(1, 6)))
            await asyncio.sleep(0.002)
        await until(lambda: not journal.running and len(journal.ended) >= 5)
        put(engine, queue, Job("look", 99))
        await until(lambda: 99 in journal.ended)
    assert journal.overlaps == 0


async def test_a_job_is_announced_and_waits_for_no_regular_look(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_ANYWAY_S", UNANNOUNCED_S)
    monkeypatch.setattr(postgres_lane, "POLL_S", UNANNOUNCED_S)
    begun: dict[int, float] = {}

    async def note(job: Job) -> None:
        begun[job.incident] = time.perf_counter()

    latencies = []
    async with worker(queue, "look", note):
        put(engine, queue, Job("look", 1))
        await until(lambda: 1 in begun)
        for number in range(2, 32):
            put(engine, queue, Job("look", number))
            committed = time.perf_counter()
            await until(lambda number=number: number in begun)
            latencies.append(begun[number] - committed)
    # Unannounced, it would wait for the regular look; the bench has the figure.
    assert statistics.median(latencies) < UNANNOUNCED_S / 3


def test_a_lane_needs_a_name_and_a_time_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="lane"):
        Job("", 1)
    with pytest.raises(ValueError, match="zone"):
        Job("look", 1, datetime(2026, 1, 1))  # noqa: DTZ001


async def test_a_job_for_which_it_is_too_early_comes_back_and_has_not_failed(
    engine: Engine, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    put(engine, queue, Job("look", 1))
    times: list[float] = []

    async def handler(_job: Job) -> None:
        times.append(time.monotonic())
        if len(times) < 3:
            raise Later(0.3, "not yet")

    async with worker(queue, "look", handler):
        await until(lambda: len(times) == 3)
    assert all(later - earlier >= 0.3 for earlier, later in itertools.pairwise(times))
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
