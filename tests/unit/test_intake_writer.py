"""Group commit: nobody is answered before the commit, nobody suffers for a neighbour."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DataError, OperationalError

from agents.ledger.notification import Accepted, Delivery, DeliveryStatus, Disposition
from agents.ledger.store import LedgerUnavailable
from midwatch.intake.writer import BATCH, GroupCommit, NotCommitted, Overloaded
from tests.support.patience import PATIENCE_S

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def delivery(name: str) -> Delivery:
    raw = name.encode()
    return Delivery(key=hashlib.sha256(raw).hexdigest(), raw=raw, received_at=NOW, source="test")


class Store:
    """A transaction as the ledger's: all or nothing, and only one at a time."""

    def __init__(self) -> None:
        self.committed: list[Delivery] = []
        self.batches: list[int] = []
        self.down = False
        self.gate = threading.Event()
        self.gate.set()
        self.poison: set[bytes] = set()

    def accept(self, batch: Sequence[Delivery]) -> list[Accepted]:
        assert self.gate.wait(PATIENCE_S)
        self.batches.append(len(batch))
        if self.down:
            raise OperationalError("INSERT", {}, OSError("disk full"))
        for one in batch:
            if one.raw in self.poison and one.status is DeliveryStatus.USABLE:
                raise DataError("INSERT", {}, ValueError("not storable"))
            if one.raw == b"doomed":
                raise LookupError("whatever its status")
        self.committed += batch
        return [Accepted(delivery_id=n + 1, disposition=Disposition.NEW) for n in range(len(batch))]


async def test_many_deliveries_share_a_few_commits_and_keep_their_order() -> None:
    store = Store()
    async with GroupCommit(store.accept, limit=1000) as writer:
        sent = [delivery(str(n)) for n in range(250)]
        await asyncio.gather(*(writer.submit(one) for one in sent))
    assert store.committed == sent
    assert max(store.batches) <= BATCH
    assert len(store.batches) <= 4


async def test_nobody_is_answered_before_the_commit() -> None:
    store = Store()
    store.gate.clear()
    async with GroupCommit(store.accept, limit=10) as writer:
        waiting = asyncio.create_task(writer.submit(delivery("a")))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        store.gate.set()
        assert (await waiting).delivery_id == 1


async def test_a_full_queue_refuses_at_once_and_recovers() -> None:
    store = Store()
    store.gate.clear()
    async with GroupCommit(store.accept, limit=2) as writer:
        waiting = [asyncio.create_task(writer.submit(delivery(str(n)))) for n in range(2)]
        await asyncio.sleep(0.02)
        with pytest.raises(Overloaded):
            await writer.submit(delivery("late"))
        store.gate.set()
        await asyncio.gather(*waiting)
        await writer.submit(delivery("later"))


async def test_large_deliveries_fill_the_queue_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midwatch.intake.writer.MAX_WAITING_BYTES", 10)
    store = Store()
    store.gate.clear()
    async with GroupCommit(store.accept, limit=100) as writer:
        waiting = asyncio.create_task(writer.submit(delivery("0123456789ab")))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await writer.submit(delivery("b"))
        store.gate.set()
        await waiting
        await writer.submit(delivery("c"))


async def test_a_failing_database_fails_every_waiter_once() -> None:
    store = Store()
    store.down = True
    async with GroupCommit(store.accept, limit=100) as writer:
        sent = (writer.submit(delivery(str(n))) for n in range(5))
        answers = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(answer) for answer in answers] == [NotCommitted] * 5
        assert store.batches == [5]
        store.down = False
        await writer.submit(delivery("after"))


@pytest.mark.parametrize(
    ("cause", "refused"),
    [
        (OperationalError("INSERT", {}, OSError("locked")), True),
        (DataError("INSERT", {}, ValueError("not storable")), False),
        (None, True),
    ],
)
async def test_what_the_ledger_wraps_is_judged_by_its_cause(cause: Exception | None, refused: bool) -> None:
    def accept(batch: Sequence[Delivery]) -> list[Accepted]:
        if batch[0].status is DeliveryStatus.USABLE:
            raise LedgerUnavailable("the ledger did not take the write") from cause
        return [Accepted(delivery_id=1, disposition=Disposition.QUARANTINED)]

    async with GroupCommit(accept, limit=10) as writer:
        (answer,) = await asyncio.gather(writer.submit(delivery("a")), return_exceptions=True)
    assert isinstance(answer, NotCommitted) is refused


async def test_a_failure_is_logged_without_the_body(caplog: pytest.LogCaptureFixture) -> None:
    def accept(batch: Sequence[Delivery]) -> list[Accepted]:
        raise OperationalError("INSERT", {"raw": batch[0].raw}, OSError("disk full"))

    async with GroupCommit(accept, limit=10) as writer:
        with pytest.raises(NotCommitted):
            await writer.submit(delivery("the body"))
    assert "disk full" in caplog.text
    assert "the body" not in caplog.text


async def test_a_poison_delivery_is_quarantined_and_its_neighbours_are_accepted() -> None:
    store = Store()
    store.poison = {b"2"}
    async with GroupCommit(store.accept, limit=100) as writer:
        await asyncio.gather(*(writer.submit(delivery(str(n))) for n in range(4)))
    assert [(one.raw, one.status.value) for one in store.committed] == [
        (b"0", "usable"),
        (b"1", "usable"),
        (b"2", "quarantined"),
        (b"3", "usable"),
    ]
    assert "DataError" in store.committed[2].problem


async def test_what_cannot_even_be_quarantined_fails_alone() -> None:
    store = Store()
    async with GroupCommit(store.accept, limit=100) as writer:
        sent = (writer.submit(delivery(name)) for name in ("a", "doomed", "b"))
        answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Accepted, NotCommitted, Accepted]


async def test_a_ledger_that_answers_too_few_is_not_believed() -> None:
    async with GroupCommit(lambda batch: [], limit=10) as writer:
        with pytest.raises(NotCommitted):
            await writer.submit(delivery("a"))


async def test_stopping_commits_what_waits_and_refuses_the_rest() -> None:
    store = Store()
    store.gate.clear()
    writer = GroupCommit(store.accept, limit=10)
    async with writer:
        waiting = [asyncio.create_task(writer.submit(delivery(str(n)))) for n in range(3)]
        await asyncio.sleep(0)
        store.gate.set()
    assert len(store.committed) == 3
    await asyncio.gather(*waiting)
    with pytest.raises(Overloaded):
        await writer.submit(delivery("late"))


async def test_a_sender_that_went_away_disturbs_nobody() -> None:
    store = Store()
    store.gate.clear()
    async with GroupCommit(store.accept, limit=10) as writer:
        gone = asyncio.create_task(writer.submit(delivery("gone")))
        stays = asyncio.create_task(writer.submit(delivery("stays")))
        await asyncio.sleep(0.01)
        gone.cancel()
        store.gate.set()
        await stays
