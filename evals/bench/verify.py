"""Verifying a long record: a million events with ten thousand checkpoints, from its first row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from agents.auditor import anchors
from agents.auditor.keys import KeyRing
from agents.auditor.notes import Checkpoint, Note
from agents.auditor.tree import Tree
from agents.auditor.verify import verify
from agents.ledger import chain
from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ChainHeadRow, CheckpointRow
from agents.ledger.tags import Tag
from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.processes import BrokenArrow

WHOLE = Figure(title="verify, a million events", unit="s", bounds=(at_most(Statistic.P50, 10),))
EVENTS, EACH, RUNS, AT_ONCE = 1_000_000, 100, 3, 50_000


def measure(folder: Path) -> list[Result]:
    """A million events as intake writes them, a checkpoint after every hundred; verified three times."""
    ledger = Ledger(f"sqlite:///{folder / 'long.db'}")
    keys, file = KeyRing(folder=folder / "keys"), folder / "anchors.log"
    try:
        upgrade(ledger.writer)
        anchors.append(file, _filled(ledger, keys))
        times = []
        for _ in range(RUNS):
            began = time.perf_counter()
            found = verify(ledger, anchors.outside(keys, file))
            times.append(time.perf_counter() - began)
            if not found.ok or found.events != EVENTS or found.remarks:
                raise BrokenArrow(f"the record of the bench is not whole: {found}")
    finally:
        ledger.close()
    return [Result(figure=WHOLE, values=tuple(times))]


def _filled(ledger: Ledger, keys: KeyRing) -> Note:
    """Write the record, past the ledger's own pace but with the ledger's own bytes; its last checkpoint."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    trust = keys.open(began)
    tree, head = Tree(), chain.GENESIS
    for first in range(1, EVENTS + 1, AT_ONCE):
        rows, notes = [], []
        for row in _rows(first, began, head):
            head = str(row["hash"])
            rows.append(row)
            tree.add(chain.leaf(bytes(row["body"])))  # type: ignore[call-overload]
            if tree.size % EACH == 0:
                at = began + timedelta(seconds=tree.size)
                name, root = trust.origin, tree.root()
                whole = Checkpoint(origin=name, size=tree.size, root=root, head=bytes.fromhex(head), at=at)
                note = keys.sign(whole, trust)
                notes.append({"size": tree.size, "note": note.text(), "at": at})
        with ledger.writer.begin() as connection:
            connection.execute(insert(AuditRow), rows)
            connection.execute(insert(CheckpointRow), notes)
            connection.execute(ChainHeadRow.__table__.update().values(seq=tree.size, hash=head))  # type: ignore[attr-defined]
    return note


def _rows(first: int, began: datetime, prev: str) -> Iterator[dict[str, object]]:
    for seq in range(first, first + AT_ONCE):
        at, incident = began + timedelta(seconds=seq), seq // 20 + 1
        said = {"key": f"{seq:064x}", "source": "bench", "as": "duplicate"}
        tag = Tag.DELIVERY_ACCEPTED.value
        full = {"seq": seq, "at": at.isoformat(), "tag": tag, "incident": incident, "plan": "", "body": said}
        body = chain.canonical(full)
        own = chain.seal(prev, body)
        row = {"seq": seq, "prev_hash": prev, "hash": own, "body": body, "tag": tag, "plan_id": ""}
        yield {**row, "incident": incident, "at": at}
        prev = own
