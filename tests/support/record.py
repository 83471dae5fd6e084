"""A record worth bending: one incident from alert to change, many small events, checkpoints and an anchor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text
from sqlmodel import Session

from agents.auditor.anchors import outside
from agents.auditor.keys import KeyRing
from agents.auditor.notes import notes_in
from agents.auditor.verify import Outside, Verdict, verdict, verify
from agents.auditor.watch import Auditor
from agents.incident import Plan, Preview
from agents.ledger import decisions, executions, incidents, investigations, previews
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger, set_halt
from tests.support.ledgers import empty_ledger
from tests.support.plans import BEN, a_decision, a_delivery, a_plan, an_alert
from tests.support.pretend_queue import RememberingQueue

WORDS = "Ben rang me, he is at the hospital"


@dataclass(kw_only=True)
class Record:
    """A ledger with its auditor, in a folder laid out as ``state_dir`` is."""

    ledger: Ledger
    folder: Path
    auditor: Auditor

    @property
    def keys(self) -> KeyRing:
        return self.auditor.keys

    @property
    def anchor_file(self) -> Path:
        return self.auditor.anchor_file

    def sign(self) -> str:
        """A checkpoint over all there is, at once; its note."""
        before = self.auditor.rhythm
        self.auditor.rhythm = type(before)(sign_s=0.0, whole_s=before.whole_s)
        found = self.auditor.look()
        self.auditor.rhythm = before
        assert found == ()
        return list(notes_in(self.anchor_file.read_text()))[-1].text()

    def known(self, *given: str) -> Outside:
        return outside(self.keys, self.anchor_file, given)

    def verify(self, *given: str) -> Verdict:
        return verify(self.ledger, self.known(*given))

    @contextmanager
    def bending(self) -> Iterator[Connection]:
        """A transaction of somebody who owns the database; undone at the end."""
        with self.ledger.writer.connect() as connection, connection.begin() as begun:
            without_triggers(connection)
            yield connection
            begun.rollback()

    def bend(self, *statements: str) -> None:
        """What somebody does who owns the database, for good."""
        with self.ledger.writer.begin() as connection:
            without_triggers(connection)
            for statement in statements:
                connection.execute(text(statement))


def without_triggers(connection: Connection) -> None:
    """What keeps the tables append-only, removed, as whoever owns the database can."""
    if connection.dialect.name == "sqlite":
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        return
    for table in ("audit", "checkpoint", "evidence", "decision", "plan", "anchor", "payload"):
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def seen_in(connection: Connection, known: Outside) -> Verdict:
    """What verification says of the tables as this transaction sees them."""
    with Session(connection) as session:
        return verdict(session, known)


@contextmanager
def record_in(folder: Path, url: str = "") -> Iterator[Record]:
    """An empty record."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(url or empty_ledger(folder / "midwatch.db"), RememberingQueue())
    auditor = Auditor(
        ledger=ledger,
        keys=KeyRing(folder=folder / "keys"),
        anchor_file=folder / "anchors.log",
        verdict_file=folder / "verdict.json",
    )
    try:
        yield Record(ledger=ledger, folder=folder, auditor=auditor)
    finally:
        ledger.close()


def told_whole(ledger: Ledger, fingerprint: str = "f1", number: int = 1) -> Plan:
    """One incident whose plan was signed, performed and succeeded, with evidence and a person's words."""
    now = ledger.now()
    alert = an_alert(now, fingerprint=fingerprint)
    incidents.accept(ledger, [a_delivery(now, alert, group_key=fingerprint)])
    lease = investigations.take(ledger, number, "worker", 60)
    assert lease is not None
    looks = [
        investigations.Look(
            key=key, tool="logs", query="checkout", excerpt=f"{key}: Ada's mail is a@b.example"
        )
        for key in ("a", "b")
    ]
    investigations.store_evidence(ledger, lease, looks)
    plan = a_plan(now, nonce=f"{number:032x}", incident=f"INC-{number}", approvals_needed=2, tier=3)
    investigations.draft(ledger, lease, plan, "why")
    shown = Preview(plan_id=plan.id, at=now, diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    posted = previews.Posted(channel_id="C1", message_ts="1.1", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, posted) is None
    seal = SealKey(b"k" * 32)
    for decision in (a_decision(plan, now, reason=WORDS), a_decision(plan, now, approver=BEN)):
        decisions.decide(ledger, seal.sealed(decision))
    held = executions.claim(ledger, plan.id, "actor-1", lambda _plan, decision: seal.holds(decision))
    assert isinstance(held, executions.Claim)
    executions.intend(ledger, held, 1, "b" * 64)
    executions.answered(ledger, held, 1, executions.Answer(http_status=200, outcome="applied"))
    assert executions.finish(ledger, held, PlanState.SUCCEEDED, "done") is None
    return plan


def small_events(ledger: Ledger, count: int) -> None:
    """So many events that concern no incident."""
    for n in range(count):
        set_halt(ledger, halted=False, by="drill", reason=f"round {n}")
