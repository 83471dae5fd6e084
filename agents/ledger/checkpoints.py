"""The auditor's side of the ledger: the rows to recompute, signed checkpoints, and where they were told."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, select

from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import AnchorRow, AuditRow, ChainHeadRow, CheckpointRow
from agents.ledger.tags import Tag

Stored = tuple[int, str, str, bytes, str, str, int | None, str]
"""One audit row as stored: seq, prev_hash, hash, body, tag, plan, incident and time as SQLite writes it."""

_ROWS = text(
    "SELECT seq, prev_hash, hash, body, tag, plan_id, incident, at FROM audit "
    "WHERE seq > :after AND seq <= :upto ORDER BY seq"
)
_ALL = 2**62
_HASH = re.compile(r"[0-9a-f]{64}")
# Few enough that they stay in the nearest memory while they are counted.
_AT_ONCE = 500


def rows(session: Session, after: int = 0, upto: int | None = None) -> Iterator[list[Stored]]:
    """The audit rows in order, some hundreds at a time; without ``upto`` to the last.

    Without the unit of work: a record of a million rows is read in seconds or it is never read.
    """
    connection = session.connection()
    limits = {"after": after, "upto": _ALL if upto is None else upto}
    if connection.dialect.name == "sqlite":
        # The driver's own rows: those of SQLAlchemy cost as much as all the hashes together.
        cursor = connection.connection.cursor()
        try:
            cursor.execute(str(_ROWS), limits)
            while part := cursor.fetchmany(_AT_ONCE):
                yield list(part)
        except sqlite3.Error as problem:
            raise LedgerUnavailable(f"the ledger cannot be read: {problem}") from problem
        finally:
            cursor.close()
        return
    # Said of this statement alone: whoever shares the connection reads on as before.
    with connection.execute(_ROWS, limits, execution_options={"yield_per": _AT_ONCE}) as streamed:
        # The size once more: the option alone streams, and yet hands out all that is left as one part.
        for part in streamed.partitions(_AT_ONCE):
            yield [(*row[:7], _as_sqlite(row[7])) for row in part]


def _as_sqlite(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def said_before(session: Session, seq: int) -> bytes | None:
    """The hash that row ``seq`` says the row before it has; None without the row, or when it is none."""
    said = session.exec(select(AuditRow.prev_hash).where(AuditRow.seq == seq)).first()
    return bytes.fromhex(said) if isinstance(said, str) and _HASH.fullmatch(said) else None


def head(session: Session) -> tuple[int, str]:
    """Number and hash of the newest row, as whoever appends sees it."""
    row = session.exec(select(ChainHeadRow)).one()
    return row.seq, row.hash


def notes(session: Session, after: int = 0) -> list[tuple[int, str]]:
    """The stored checkpoints over more than ``after`` rows: size and note, in order."""
    query = select(CheckpointRow.size, CheckpointRow.note).where(col(CheckpointRow.size) > after)
    return list(session.exec(query.order_by(col(CheckpointRow.size))))


def newest(session: Session) -> tuple[int, str, datetime] | None:
    """The newest checkpoint: size, note and time."""
    row = session.exec(select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)).first()
    return None if row is None else (row.size, row.note, row.at)


def store(ledger: Ledger, size: int, note: str) -> bool:
    """Keep a signed checkpoint; False when one over as many rows is there already."""
    with ledger.write() as tx:
        if tx.session.get(CheckpointRow, size) is not None:
            return False
        tx.session.add(CheckpointRow(size=size, note=note, at=tx.now))
        return True


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a place may hear of the record: after an hour with news, and after an incident closed."""

    hourly: timedelta = timedelta(hours=1)
    closed: timedelta = timedelta(minutes=10)


def due(ledger: Ledger, place: str, pace: Pace) -> tuple[int, str] | None:
    """The newest checkpoint, when it is time to tell it at ``place``, else None.

    Only what belongs to an incident is news: deliveries that change nothing come day and night.
    """
    now = ledger.now()
    with ledger.read() as session:
        found = newest(session)
        last = session.exec(
            select(AnchorRow).where(AnchorRow.place == place).order_by(col(AnchorRow.id).desc()).limit(1)
        ).first()
        if found is None:
            return None
        # Before the first time the clock runs from the first checkpoint: a first incident is loud enough.
        size, at = (0, _began(session)) if last is None else (last.size, last.at)
        if found[0] <= size or now < at + pace.closed:
            return None
        told = col(AuditRow.seq) > size, col(AuditRow.seq) <= found[0]
        closed = select(AuditRow.seq).where(*told, AuditRow.tag == Tag.INCIDENT_CLOSED.value).limit(1)
        news = select(AuditRow.seq).where(*told, col(AuditRow.incident).is_not(None)).limit(1)
        hour_over = now >= at + pace.hourly
        is_due = session.exec(closed).first() or (hour_over and session.exec(news).first())
    return found[:2] if is_due else None


def _began(session: Session) -> datetime:
    return session.exec(select(CheckpointRow.at).order_by(col(CheckpointRow.size)).limit(1)).one()


def told_at(ledger: Ledger, size: int, place: str, reference: str) -> None:
    """Note that the checkpoint was told there; the proof is at that place and not here."""
    with ledger.write() as tx:
        tx.session.add(AnchorRow(size=size, place=place, reference=reference, at=tx.now))
