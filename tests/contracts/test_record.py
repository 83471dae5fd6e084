"""The signed record on both databases: checkpoints, keys, exports, and a verifier with nothing of ours."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from agents.auditor import export, standalone
from agents.auditor.keys import KeyProblem, PublicKey
from agents.auditor.pack import pack
from agents.auditor.rotation import rotate
from agents.auditor.watch import Rhythm
from agents.ledger import checkpoints
from agents.ledger.store import LedgerUnavailable, set_halt
from agents.ledger.tags import Tag
from tests.support.record import Record, record_in, small_events, told_whole

STANDALONE = Path(standalone.__file__)
STOOD_STILL = Rhythm(sign_s=3600.0, whole_s=3600.0)


@pytest.fixture
def record(tmp_path: Path, ledger_url: str) -> Iterator[Record]:
    with record_in(tmp_path, ledger_url) as made:
        yield made


def exported(record: Record, part: export.Part | None = None) -> Path:
    path = record.folder / "export.jsonl"
    with record.ledger.read() as session:
        part = part or export.since(session, None)
        path.write_bytes(b"".join(export.lines(session, part, record.keys.trust())))
    return path


def alone(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The verifier as anybody runs it: isolated, without a single package that was installed."""
    command = [sys.executable, "-I", "-S", str(STANDALONE), str(path), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_a_checkpoint_is_due_after_a_hundred_rows_or_a_minute(record: Record) -> None:
    auditor = record.auditor
    auditor.rhythm = STOOD_STILL
    small_events(record.ledger, 3)
    assert auditor.look() == ()
    assert auditor.signed == 3, "the first is due at once"
    small_events(record.ledger, 99)
    auditor.look()
    assert auditor.signed == 3
    small_events(record.ledger, 1)
    auditor.look()
    assert auditor.signed == 103
    small_events(record.ledger, 1)
    auditor.rhythm = Rhythm(sign_s=0.0)
    auditor.look()
    auditor.look()
    with record.ledger.read() as session:
        assert [size for size, _ in checkpoints.notes(session)] == [3, 103, 104]
    found = record.verify()
    assert found.ok
    assert (found.checkpoints, found.anchored, found.remarks) == (3, 104, ())


def test_the_key_lies_outside_the_database_and_is_its_owners(record: Record) -> None:
    small_events(record.ledger, 1)
    record.sign()
    assert stat.S_IMODE(record.keys.key_file.stat().st_mode) == 0o600
    assert record.keys.key_file.parent == record.folder / "keys"
    assert stat.S_IMODE(record.anchor_file.stat().st_mode) == 0o600


def test_checkpoints_are_only_ever_added(record: Record) -> None:
    small_events(record.ledger, 1)
    record.sign()
    for statement in ("UPDATE checkpoint SET note = ''", "DELETE FROM checkpoint"):
        with pytest.raises(LedgerUnavailable, match="append-only"), record.ledger.write() as tx:
            tx.session.connection().execute(text(statement))


def test_a_new_key_is_vouched_for_and_old_checkpoints_stay_valid(record: Record) -> None:
    small_events(record.ledger, 2)
    old = record.sign()
    first = record.keys.trust()
    key = rotate(record.ledger, record.keys, "ada")
    new = record.sign()
    trust = record.keys.trust()
    assert first is not None
    assert trust is not None
    assert [line.key for line in trust.lines] == [first.lines[0].key, key]
    assert PublicKey.read(key).id.hex() != PublicKey.read(first.lines[0].key).id.hex()
    assert old.splitlines()[-1].split()[-1][:5] != new.splitlines()[-1].split()[-1][:5]
    assert record.verify(old, new).ok
    with record.ledger.read() as session:
        (body,) = (
            session.connection()
            .execute(text(f"SELECT body FROM audit WHERE tag = '{Tag.KEY_ROTATED.value}'"))
            .one()
        )
    assert orjson.loads(body)["body"]["key"] == key
    assert alone(exported(record), "--anchor", old, "--anchor", new).returncode == 0


def test_a_key_that_no_older_one_vouches_for_is_nobodys(record: Record, tmp_path: Path) -> None:
    small_events(record.ledger, 1)
    record.sign()
    with record_in(tmp_path / "other") as other:
        small_events(other.ledger, 1)
        other.sign()
        foreign = other.keys.trust_file.read_bytes()
    honest = record.keys.trust_file.read_bytes()
    record.keys.trust_file.write_bytes(honest + foreign)
    with pytest.raises(KeyProblem, match="nobody vouches"):
        record.keys.trust()
    record.keys.trust_file.write_bytes(honest)
    assert "nobody vouches" in alone(_with_key(exported(record), orjson.loads(foreign))).stderr


def _with_key(path: Path, key: dict[str, str]) -> Path:
    header, *rest = path.read_bytes().splitlines()
    facts = orjson.loads(header)
    facts["keys"].append(key)
    path.write_bytes(b"\n".join([orjson.dumps(facts), *rest]))
    return path


def test_an_export_proves_itself_without_midwatch(record: Record) -> None:
    told_whole(record.ledger)
    small_events(record.ledger, 5)
    anchor = record.sign()
    small_events(record.ledger, 2)
    path = exported(record)
    found = alone(path, "--anchor", anchor, "--anchor", str(record.anchor_file))
    assert found.returncode == 0, found.stderr
    rows = record.verify().events
    assert found.stdout == f"whole: rows 1 to {rows}; signed or anchored up to row {rows - 2}\n"
    trust = record.keys.trust()
    assert trust is not None
    assert alone(path, "--key", trust.lines[0].key).returncode == 0
    assert "not the one you named" in alone(path, "--key", "midwatch/other+00000000+AQ==").stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("round 3", "round 4", "does not follow from the rows before it"),
        ('"state":"SUCCEEDED"', '"state":"APPROVED"', "its bytes or its state"),
        ("registry/checkout:9", "registry/checkout:7", "its bytes or its state"),
        ("mail is", "post is", "E1 is not what was seen"),
        ('"mac":"', '"mac":"0', "of which no event tells"),
    ],
)
def test_an_export_that_was_changed_is_found(record: Record, old: str, new: str, words: str) -> None:
    told_whole(record.ledger)
    small_events(record.ledger, 5)
    record.sign()
    path = exported(record)
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    found = alone(path)
    assert (found.returncode, words in found.stderr) == (1, True), found.stderr


def test_an_export_that_is_not_there_is_not_called_bent(tmp_path: Path) -> None:
    found = alone(tmp_path / "nothing.jsonl")
    assert found.returncode == 2
    assert "nothing.jsonl cannot be read: No such file or directory" in found.stderr


def test_an_export_from_a_time_on_is_bound_to_what_came_before(record: Record) -> None:
    told_whole(record.ledger)
    record.sign()
    small_events(record.ledger, 1)
    later = record.ledger.now()
    told_whole(record.ledger, "f2", 2)
    anchor = record.sign()
    with record.ledger.read() as session:
        part = export.since(session, later)
        assert export.since(session, later + timedelta(days=1)).after == part.upto
    path = exported(record, part)
    assert part.after > 10
    assert alone(path, "--anchor", anchor).returncode == 0
    header, *rest = path.read_bytes().splitlines()
    facts = orjson.loads(header)
    for forged in ({"peaks": ["0" * 64] * len(facts["peaks"])}, {"head": "0" * 64}, {"after": 3}):
        path.write_bytes(b"\n".join([orjson.dumps({**facts, **forged}), *rest]))
        assert alone(path, "--anchor", anchor).returncode == 1


def test_the_pack_of_an_incident_tells_of_no_other_and_proves_itself(record: Record, tmp_path: Path) -> None:
    told_whole(record.ledger)
    plan = told_whole(record.ledger, "f2", 2)
    set_halt(record.ledger, halted=True, by="ada", reason="drill")
    anchor = record.sign()
    packed = zipfile.ZipFile(io.BytesIO(pack(record.ledger, 2, record.keys, record.anchor_file)))
    packed.extractall(tmp_path)
    folder = tmp_path / "INC-2"
    assert {path.name for path in folder.iterdir()} == {
        "README.txt", "story.json", "record.jsonl", "anchors.txt", "verify.py", "plans"
    }  # fmt: skip
    assert (folder / "plans" / f"{plan.id}.json").read_bytes() == plan.canonical()
    story = orjson.loads((folder / "story.json").read_bytes())
    assert [len(story["plans"][0][kind]) for kind in ("decisions", "receipts")] == [2, 1]
    assert len(story["evidence"]) == 2
    assert b"INC-1" not in (folder / "record.jsonl").read_bytes()
    command = [sys.executable, "-I", "-S", "verify.py", "record.jsonl", "--anchor", "anchors.txt"]
    found = subprocess.run(
        [*command, "--anchor", anchor], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    with pytest.raises(export.NothingToExport, match="no INC-3"):
        pack(record.ledger, 3, record.keys, record.anchor_file)


@pytest.mark.parametrize("column", ["incident = NULL", "incident = 1", "plan_id = ''"])
@pytest.mark.parametrize("row", ["min", "max"])
def test_an_export_from_which_a_column_hides_an_event_is_not_made(
    record: Record, column: str, row: str
) -> None:
    told_whole(record.ledger)
    told_whole(record.ledger, "f2", 2)
    record.sign()
    record.bend(
        f"UPDATE audit SET {column} "
        f"WHERE seq = (SELECT {row}(seq) FROM audit WHERE incident = 2 AND plan_id <> '')"
    )
    with pytest.raises(export.NothingToExport, match="says something else in its columns"):
        pack(record.ledger, 2, record.keys, record.anchor_file)


@pytest.mark.parametrize("bytes_of", ["'{}'", "X'ff00'"])
def test_a_plan_that_was_bent_into_anything_is_exported_as_it_is_and_found(
    record: Record, bytes_of: str
) -> None:
    told_whole(record.ledger)
    record.sign()
    if record.ledger.writer.dialect.name == "postgresql":
        bytes_of = bytes_of.replace("X'", r"'\x")
    record.bend(f"UPDATE plan SET canonical = {bytes_of}")
    found = alone(exported(record))
    assert found.returncode == 1
    assert "its bytes or its state are not what the events say" in found.stderr
    pack(record.ledger, 1, record.keys, record.anchor_file)
