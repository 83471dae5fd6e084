"""The ledger itself: transactions, the audit row inside each, and what they wake.

``Ledger.write()`` is the only way to change anything; what it changes, the audit row of the
change and the jobs that become due are one commit. Blocking; async callers use threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlmodel import Session, col, select

from agents.ledger import chain
from agents.ledger.engine import open_reader, open_writer
from agents.ledger.protocol import ACTIVE, Agent
from agents.ledger.tables import AuditRow, ChainHeadRow, HaltRow, PlanRow, ProposalRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject
from tools.queue import queue_for
from tools.queue.port import Job, Queue

Clock = Callable[[], datetime]


class LedgerError(Exception):
    """The ledger could not do it; nothing was written."""

    retryable = False


class LedgerUnavailable(LedgerError):
    """The database did not take the write (locked, full, read-only or gone)."""

    retryable = True


@dataclass(kw_only=True)
class Transaction:
    """One write in progress. ``now`` is the database's time at its start."""

    session: Session
    now: datetime
    queue: Queue
    _head: ChainHeadRow | None = field(default=None, repr=False)

    def audit(self, tag: Tag, body: JsonObject, *, incident: int | None = None, plan_id: str = "") -> int:
        """Append one audit row and return its gapless sequence number."""
        head = self._locked_head()
        full = {
            "seq": head.seq + 1,
            "at": self.now.isoformat(),
            "tag": tag.value,
            "incident": incident,
            "plan": plan_id,
            "body": body,
        }
        content = chain.canonical(full)
        row = AuditRow(
            seq=head.seq + 1,
            prev_hash=head.hash,
            hash=chain.seal(head.hash, content),
            body=content,
            tag=tag.value,
            plan_id=plan_id,
            incident=incident,
            at=self.now,
        )
        self.session.add(row)
        head.seq, head.hash = row.seq, row.hash
        self.session.add(head)
        return row.seq

    def wake(self, lane: Agent, incident: int, at: datetime | None = None) -> None:
        """Make ``lane`` look at the incident, now or at a time, if and only if this commits."""
        self.queue.enqueue(self.session.connection(), Job(lane=lane.value, incident=incident, run_at=at))

    def alone(self) -> None:
        """From here to the commit nobody else writes: what is counted now still holds then."""
        self._locked_head()

    def _locked_head(self) -> ChainHeadRow:
        if self._head is None:
            # One appender at a time: the row lock (or SQLite's single writer) keeps seq gapless.
            self._head = self.session.exec(select(ChainHeadRow).with_for_update()).one()
        return self._head


class Ledger:
    """The database behind all four agents. Open once a process; safe in many threads."""

    def __init__(self, url: str, queue: Queue | None = None, clock: Clock | None = None) -> None:
        """``clock`` is for tests; without it times are the database's own."""
        self.url = url
        self.writer: Engine = open_writer(url)
        self.queue = queue or queue_for(self.writer)
        self.reader: Engine = open_reader(url)
        self._clock = clock

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction. Raises LedgerUnavailable when the database refuses it."""
        try:
            with Session(self.writer, expire_on_commit=False) as session, session.begin():
                yield Transaction(session=session, now=self._now(session), queue=self.queue)
        except (DBAPIError, NoConnection) as problem:
            raise LedgerUnavailable(f"the ledger did not take the write: {_words(problem)}") from problem

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading one consistent state."""
        try:
            with Session(self.reader, expire_on_commit=False) as session:
                yield session
        except (DBAPIError, NoConnection) as problem:
            raise LedgerUnavailable(f"the ledger cannot be read: {_words(problem)}") from problem

    def now(self) -> datetime:
        """The database's time."""
        with self.read() as session:
            return self._now(session)

    def _now(self, session: Session) -> datetime:
        if self._clock is not None:
            return self._clock()
        if self.writer.dialect.name == "sqlite":
            # SQLite has no server: its clock is this machine's.
            return datetime.now(UTC)
        stamp: datetime = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
        return stamp.astimezone(UTC)

    def close(self) -> None:
        """Give every connection back."""
        self.writer.dispose()
        self.reader.dispose()


def _words(problem: DBAPIError | NoConnection) -> str:
    # The driver's own words: those around them repeat the statement and its values.
    return str(problem.orig) if isinstance(problem, DBAPIError) else "no connection became free in time"


def set_halt(ledger: Ledger, *, halted: bool, by: str, reason: str) -> None:
    """Halt or resume the watch, audited. Source: invariant I11."""
    with ledger.write() as tx:
        row = tx.session.exec(select(HaltRow)).one()
        row.halted, row.by, row.reason, row.at = halted, by, reason, tx.now
        tx.session.add(row)
        tx.audit(Tag.HALTED if halted else Tag.RESUMED, {"by": by, "reason": reason})
        _tell_open_plans(tx)


def _tell_open_plans(tx: Transaction) -> None:
    """The card of each open plan says that nothing is done now, or the actor goes on with it."""
    standing = (PlanRow.id == col(ProposalRow.plan_id), col(ProposalRow.state).in_(ACTIVE))
    for incident in sorted(set(tx.session.exec(select(PlanRow.incident).where(*standing)))):
        tx.wake(Agent.GATEKEEPER, incident)
        tx.wake(Agent.ACTOR, incident)


def halted(session: Session) -> HaltRow | None:
    """The halt that is in force, or None."""
    row = session.exec(select(HaltRow)).one()
    return row if row.halted else None
