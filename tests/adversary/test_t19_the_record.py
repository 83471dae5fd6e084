"""Threat T19: whoever owns the database bends the record. One anchor elsewhere finds every bend up to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from agents.auditor import export, standalone
from agents.auditor.verify import Outside
from tests.support import tampering
from tests.support.record import Record, record_in, seen_in, small_events, told_whole
from tests.support.scale import scale

TAMPERS = scale("tampers")
BEFORE, TAIL = 40, 6


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """Some sixty signed rows with checkpoints on the way, and a tail that nobody signed yet."""
    with record_in(tmp_path_factory.mktemp("record")) as made:
        told_whole(made.ledger)
        made.sign()
        small_events(made.ledger, BEFORE)
        made.sign()
        small_events(made.ledger, TAIL)
        yield made


@pytest.fixture(scope="module")
def anchor(record: Record) -> str:
    return _last_anchor(record)


def _only(record: Record, anchor: str) -> Outside:
    known = record.known(anchor)
    return Outside(trust=known.trust, anchors=known.anchors[-1:])


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_t19_every_random_bend_before_the_anchor_is_found(record: Record, anchor: str) -> None:
    known = _only(record, anchor)
    signed = known.anchors[0][1].checkpoint.size
    missed, tried = [], 0
    with record.bending() as connection:
        honest = tampering.read(connection)
        told = _lines(connection, record)
        for number in range(TAMPERS):
            luck = random.Random(number)
            undo = connection.begin_nested()
            tampering.write(connection, tampering.forged(honest, signed, luck))
            if tampering.read(connection)[:signed] != honest[:signed]:
                tried += 1
                # The checkpoints in the database are the forger's too; those elsewhere are not.
                connection.execute(text("DELETE FROM checkpoint")) if luck.random() < 0.5 else None
                found = seen_in(connection, known)
                if found.ok or found.first_bad is None or found.first_bad > signed:
                    missed.append((number, found.problems))
                if number % 10 == 0 and not _found_alone(_lines(connection, record), told, anchor):
                    missed.append((number, ("by the stand-alone verifier",)))
            undo.rollback()
    assert missed == []
    assert tried > 0.9 * TAMPERS
    assert record.verify().ok


def _lines(connection: Connection, record: Record) -> list[bytes]:
    with Session(connection) as session:
        return list(export.lines(session, export.since(session, None), record.keys.trust()))


def _found_alone(bent: list[bytes], honest: list[bytes], anchor: str) -> bool:
    """Whether the stand-alone verifier finds it; what bends only a column is not in an export.

    Nor are the checkpoints that were taken away, which the anchor stands for.
    """
    if _told(bent) == _told(honest):
        return True
    try:
        standalone.check(map(orjson.loads, bent), [anchor], None)
    except (ValueError, KeyError, TypeError, IndexError):
        return True
    return False


def _told(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines[1:] if orjson.loads(line)["kind"] != "checkpoint"]


def test_t19_a_record_cut_after_the_anchor_says_so_and_before_it_is_found(
    record: Record, anchor: str
) -> None:
    known = _only(record, anchor)
    signed = known.anchors[0][1].checkpoint.size
    with record.ledger.writer.connect() as connection:
        honest = tampering.read(connection)
        connection.rollback()
    for kept in (signed - 1, signed, signed + TAIL - 1):
        with record.bending() as connection:
            tampering.write(connection, honest[:kept])
            connection.execute(text(f"DELETE FROM checkpoint WHERE size > {kept}"))
            found = seen_in(connection, known)
            if kept < signed:
                assert found.first_bad == kept + 1
                assert any("its tail was cut off" in problem for problem in found.problems)
            else:
                # This much is not covered, and docs/limits.md says it.
                assert found.ok
                assert bool(found.remarks) is (kept > signed)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE proposal SET state = 'APPROVED'", "it stands at APPROVED"),
        ("UPDATE plan SET canonical = CAST('{}' AS BLOB), digest = 'x'", "its bytes do not match"),
        ("UPDATE plan SET canonical = 'text'", "its bytes do not match"),
        ("UPDATE evidence SET body = 'no json'", "what Midwatch never wrote"),
        ("UPDATE audit SET body = 'text' WHERE seq = 7", "row 7 is no event"),
        ("DELETE FROM decision WHERE id = 1", "an event tells of a decision that is not there"),
        ("INSERT INTO decision (id, plan_id, team_id, user_id, verdict, body)"
         " SELECT 99, plan_id, 'T', 'U', verdict, replace(body, '\"mac\": \"', '\"mac\": \"f')"
         " FROM decision WHERE id = 1", "a decision of which no event tells"),
        ("UPDATE evidence SET body = replace(body, 'mail', 'post')", "is not what was seen"),
        ("DELETE FROM evidence WHERE n = 2", "E2 is no longer there"),
        ("UPDATE chain_head SET seq = seq + 1", "its head says"),
        ("DELETE FROM checkpoint", "its checkpoint is no longer in the ledger"),
        ("UPDATE checkpoint SET note = replace(note, 'head ', 'head f')", "not a checkpoint"),
    ],
)  # fmt: skip
def test_t19_what_stands_beside_the_events_must_be_what_they_tell(
    record: Record, statement: str, words: str
) -> None:
    with record.bending() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text(statement))
        found = seen_in(connection, record.known())
    assert any(words in problem for problem in found.problems), found.problems


def test_t19_an_anchor_of_another_record_or_a_forged_one_is_refused(record: Record, tmp_path: Path) -> None:
    with record_in(tmp_path) as other:
        small_events(other.ledger, 3)
        foreign = other.sign()
    assert any("no trusted key signed it" in problem for problem in record.verify(foreign).problems)
    forged = _last_anchor(record).replace("\nhead ", "\nhead 0", 1)
    head = forged.index("\nhead 0") + 6
    forged = forged[:head] + forged[head : head + 64] + forged[head + 65 :]
    assert any("no trusted key signed it" in problem for problem in record.verify(forged).problems)


def _last_anchor(record: Record) -> str:
    *_, body, signature = record.anchor_file.read_text().strip().split("\n\n")
    return f"{body}\n\n{signature}\n"
