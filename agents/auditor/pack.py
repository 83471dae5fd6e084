"""The evidence pack of one incident: a zip that proves itself on any machine with Python.

In it: the incident's story, the canonical bytes of its plans, its part of the record with checkpoints and
keys, the verifier, and a page that says how to use them.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import orjson
from sqlmodel import select

from agents.auditor import export, standalone
from agents.auditor.anchors import outside
from agents.auditor.keys import KeyRing
from agents.ledger.store import Ledger
from agents.ledger.story import story
from agents.ledger.tables import PlanRow

_READ_ME = """Evidence of {name}

story.json      the incident as Midwatch tells it: alerts, evidence, diagnosis, plans, decisions, receipts
plans/          the exact bytes that were signed; the digest is SHA-256 over "midwatch-plan-v1", a zero
                byte and these bytes
record.jsonl    the incident's rows of the audit log with signed checkpoints and public keys; rows of
                other incidents are there by their digest alone
anchors.txt     signed checkpoints as they were in the anchor file when this was packed
verify.py       checks all of it: python -I verify.py record.jsonl --anchor anchors.txt

An anchor that you kept yourself (from the chat, from another disk) proves more than the one in here: hand
it to verify.py as well. The first key is {key}
"""


def pack(ledger: Ledger, incident: int, keys: KeyRing, anchor_file: Path) -> bytes:
    """The zip. Raises NothingToExport when there is no such incident."""
    known = outside(keys, anchor_file)
    with ledger.read() as session:
        part = export.of_incident(session, incident)
        record = b"".join(export.lines(session, part, known.trust))
        plans = dict(
            session.exec(select(PlanRow.id, PlanRow.canonical).where(PlanRow.incident == incident)).all()
        )
    told = story(ledger, incident)
    anchored = [note for _, note in known.anchors if part.after < note.checkpoint.size <= part.upto]
    first = known.trust.lines[0].key if known.trust else "not made yet"
    files = {
        "README.txt": _READ_ME.format(name=f"INC-{incident}", key=first).encode(),
        "story.json": b"{}" if told is None else orjson.dumps(told.model_dump(mode="json"), option=_PRETTY),
        "record.jsonl": record,
        "anchors.txt": "\n".join(note.text() for note in anchored).encode(),
        "verify.py": Path(standalone.__file__).read_bytes(),
        **{f"plans/{plan_id}.json": canonical for plan_id, canonical in plans.items()},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"INC-{incident}/{name}", content)
    return packed.getvalue()


_PRETTY = orjson.OPT_INDENT_2
