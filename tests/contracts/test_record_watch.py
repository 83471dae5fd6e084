"""The auditor at work: what it cries out about, how soon, and when it tells the chat."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import inspect
from sqlmodel import col, select

from agents.auditor import anchors
from agents.auditor.watch import Rhythm, watch
from agents.incident import Outcome, Recovery
from agents.ledger import checkpoints, investigations
from agents.ledger.checkpoints import Pace
from agents.ledger.tables import AnchorRow, AuditRow, CheckpointRow
from agents.ledger.tags import Tag
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.record import metrics
from tests.support import tampering
from tests.support.datacentre import wait_until
from tests.support.record import Record, record_in, small_events, told_whole

QUICK = Rhythm(look_s=0.02, sign_s=0.0, whole_s=0.1, tell_s=0.0)


class Wall:
    """A place where everybody reads along; it may be away for a while."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.away = False

    async def post(self, text: str, key: str) -> str:
        if self.away:
            return ""
        self.said.setdefault(key, text)
        return f"at {key}"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with record_in(tmp_path) as made:
        made.auditor.rhythm = QUICK
        told_whole(made.ledger)
        yield made


async def watched(record: Record, wall: Wall, *steps: Callable[[], object]) -> None:
    """Watch while these steps are taken, each one when the one before has come true."""
    stop = asyncio.Event()
    watching = asyncio.create_task(watch(record.auditor, wall, stop))
    try:
        for step in steps:
            await asyncio.to_thread(wait_until, step)
    finally:
        stop.set()
        await watching


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET body = CAST(replace(body, ':', ': ') AS BLOB) WHERE seq = 3", 3),
        ("UPDATE audit SET hash = prev_hash WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq > 9", 10),
        ("UPDATE proposal SET state = 'DENIED'", None),
    ],
)
async def test_t19_a_bent_record_is_cried_out_recorded_and_never_signed_again(
    record: Record, statement: str, row: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    wall, auditor = Wall(), record.auditor

    def bend() -> bool:
        record.bend(statement)
        return True

    await watched(record, wall, lambda: auditor.signed, bend, lambda: any("bent" in k for k in wall.said))
    assert auditor.first_bad == row
    assert "THE RECORD IS BENT" in caplog.text
    with record.ledger.read() as session:
        cried = session.exec(select(AuditRow).where(AuditRow.tag == Tag.CHAIN_BROKEN.value)).all()
        signed = [size for size, _ in checkpoints.notes(session)]
    assert len(cried) == 1
    assert signed == [auditor.signed]
    assert record.anchor_file.read_text().count("\n— ") == 1


async def test_t19_what_could_not_be_told_while_the_chat_was_away_is_told_when_it_is_back(
    record: Record,
) -> None:
    wall, auditor = Wall(), record.auditor
    wall.away = True

    def bend() -> bool:
        record.bend("DELETE FROM audit WHERE seq = 4")
        return True

    def back() -> bool:
        wall.away = False
        return True

    await watched(
        record, wall, lambda: auditor.signed, bend, lambda: auditor.found, back,
        lambda: any("bent" in key for key in wall.said),
    )  # fmt: skip
    assert len([key for key in wall.said if "bent" in key]) == 1


async def test_t19_a_suffix_made_anew_between_two_looks_is_noticed_by_who_saw_the_first(
    record: Record,
) -> None:
    auditor, wall = record.auditor, Wall()
    auditor.rhythm = Rhythm(look_s=0.02, sign_s=3600, sign_rows=10**6, whole_s=0.1)
    seen = record.verify().events

    def bend() -> bool:
        record.bend()
        with record.ledger.writer.begin() as connection:
            rows = tampering.read(connection)
            del rows[-3]
            tampering.write(connection, tampering.renumbered(rows))
        return True

    def signed_before() -> bool:
        # The first checkpoint is due at once; what is bent here came after it.
        small_events(record.ledger, 5)
        return True

    await watched(
        record, wall, lambda: auditor.signed, signed_before, lambda: auditor.seen == seen + 5, bend,
        lambda: auditor.found,
    )  # fmt: skip
    assert record.verify().ok, "whoever did not see it cannot know"


async def test_the_chat_hears_of_the_record_after_an_incident_and_at_most_hourly(record: Record) -> None:
    wall, ledger, place = Wall(), record.ledger, "chat"
    wall.away = True
    await watched(record, wall, lambda: record.auditor.signed)
    assert checkpoints.due(ledger, place, Pace()) is None, "the first hour has only begun"
    record.auditor.rhythm = replace(QUICK, anchors=Pace(hourly=timedelta(0), closed=timedelta(0)))
    assert wall.said == {}, "what could not be told is told later"
    wall.away = False
    await watched(record, wall, lambda: wall.said)
    (key,) = wall.said
    assert key == f"anchor-{record.auditor.signed}"
    assert record.verify(wall.said[key]).ok
    told_whole(ledger, "f2", 2)
    record.sign()
    assert checkpoints.due(ledger, place, Pace()) is None, "news, but it is not an hour later"
    assert checkpoints.due(ledger, place, Pace(hourly=timedelta(0), closed=timedelta(0))) is not None
    lease = investigations.take(ledger, 1, "worker", 60)
    if lease is None:
        lease = investigations.Lease(incident=1, owner="worker", token=1, until=ledger.now())
    end = Outcome(recovery=Recovery.RECOVERED, at=ledger.now(), sentence="It is well.")
    investigations.close(ledger, lease, end)
    record.sign()
    assert checkpoints.due(ledger, place, Pace()) is None, "not twice within ten minutes"
    assert checkpoints.due(ledger, place, Pace(closed=timedelta(0))) is not None
    with ledger.read() as session:
        assert [row.size for row in session.exec(select(AnchorRow).order_by(col(AnchorRow.id)))] != []


async def test_only_deliveries_that_change_nothing_are_no_news(tmp_path: Path) -> None:
    with record_in(tmp_path) as record:
        small_events(record.ledger, 5)
        record.sign()
        assert checkpoints.due(record.ledger, "chat", Pace(hourly=timedelta(0), closed=timedelta(0))) is None


async def test_the_metrics_say_whether_the_record_is_whole_and_when_that_was_seen(record: Record) -> None:
    folder = record.auditor.verdict_file.parent
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "login.sha256").write_text(hashlib.sha256(b"t").hexdigest(), encoding="ascii")
    app = application(Settings(state_dir=folder), record.ledger, metrics(record.auditor))

    async def told() -> str:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return (await client.get("/metrics", headers={"Authorization": "Bearer t"})).text

    record.auditor.look()
    said = await told()
    assert "midwatch_record_bent 0.0" in said
    assert f"midwatch_record_signed_events {float(record.auditor.seen)}" in said
    record.bend("DELETE FROM audit WHERE seq > 5")
    # Rows that were seen and left alone since are looked at when the whole record is.
    await asyncio.to_thread(wait_until, record.auditor.look)
    assert "midwatch_record_bent 1.0" in await told()


async def test_a_ledger_that_cannot_be_read_does_not_end_the_watch(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    wall = Wall()

    def away() -> bool:
        if "cannot be watched" not in caplog.text:
            record.bend("ALTER TABLE audit RENAME TO elsewhere") if exists("audit") else None
            return False
        record.bend("ALTER TABLE elsewhere RENAME TO audit")
        return True

    def exists(name: str) -> bool:
        return inspect(record.ledger.writer).has_table(name)

    def more() -> bool:
        small_events(record.ledger, 1)
        return True

    auditor = record.auditor
    await watched(record, wall, lambda: auditor.signed, away, more, lambda: auditor.signed == auditor.seen)
    assert auditor.found == ()


async def test_a_checkpoint_that_the_anchor_file_did_not_take_is_added_when_it_does(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    auditor, file = record.auditor, record.anchor_file
    wall, aside = Wall(), file.with_name("aside")

    def taken() -> list[int]:
        return [note.checkpoint.size for note in anchors.kept(file)] if file.is_file() else []

    def unwritable() -> bool:
        # It leads to a folder: root as well cannot write into that.
        file.rename(aside)
        file.symlink_to(file.parent, target_is_directory=True)
        return True

    def signed_more() -> bool:
        before = auditor.signed
        small_events(record.ledger, 1)
        wait_until(lambda: auditor.signed > before)
        return True

    def writable() -> bool:
        # In one step: a new file that the auditor makes between two would be replaced by the old one.
        back = file.with_name("back")
        back.symlink_to(aside)
        back.replace(file)
        return True

    auditor.rhythm = replace(QUICK, whole_s=3600)
    await watched(
        record, wall, lambda: taken() == [auditor.signed], unwritable, signed_more, signed_more,
        lambda: "cannot be kept" in caplog.text, writable, lambda: len(taken()) == 3,
    )  # fmt: skip
    with record.ledger.read() as session:
        assert taken() == [size for size, _ in checkpoints.notes(session)]
    assert caplog.text.count("cannot be kept") == 1
    assert record.verify().remarks == ()


def test_an_auditor_that_starts_adds_what_its_file_lacks_and_nothing_that_others_signed(
    record: Record,
) -> None:
    record.sign()
    small_events(record.ledger, 1)
    record.sign()
    lines = record.anchor_file.read_text()
    notes = list(anchors.kept(record.anchor_file))
    record.anchor_file.write_text(f"{notes[0].text()}\n")
    with record.ledger.write() as tx:
        foreign = notes[1].text().replace("\nat ", "\nat 1")
        tx.session.add(CheckpointRow(size=notes[1].checkpoint.size + 1, note=foreign, at=tx.now))
    auditor = replace(record.auditor, rhythm=Rhythm(whole_s=3600), _anchored=None, _asked=False)
    auditor.last, auditor._whole_at = None, float("inf")
    auditor.look()
    assert record.anchor_file.read_text() == lines
