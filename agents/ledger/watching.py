"""The record as somebody who watches it reads it: from a row on, in the order it was written."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, select

from agents.ledger.tables import AuditRow


def events(
    session: Session, *, after: int = 0, incident: int | None = None, limit: int | None = None
) -> Iterator[AuditRow]:
    """The audit rows behind row ``after``, in order; of one incident, or of all."""
    query = select(AuditRow).where(AuditRow.seq > after).order_by(col(AuditRow.seq)).limit(limit)
    if incident is not None:
        query = query.where(AuditRow.incident == incident)
    yield from session.exec(query)


def last(session: Session, count: int, incident: int | None = None) -> int:
    """The row behind which the last ``count`` events are; 0 when there are no more than those."""
    query = select(AuditRow.seq).order_by(col(AuditRow.seq).desc()).offset(count).limit(1)
    if incident is not None:
        query = query.where(AuditRow.incident == incident)
    return session.exec(query).first() or 0
