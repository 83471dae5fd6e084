"""The record as a reader asks for it: events by kind, by incident and by time, newest first and by cursor.

Every question is a walk along one index that ends after a page, so that the last of a million events is as
near as the first. Times are found by halving the record: events are written in the order of their times.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from agents.ledger.tables import AuditRow, ChainHeadRow
from agents.ledger.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events; what is empty narrows nothing. ``actor`` is the first part of a tag."""

    tag: str = ""
    actor: str = ""
    incident: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def tags(self) -> list[str]:
        """The tags that are asked for, or none when it may be any."""
        if self.tag:
            return [self.tag]
        return [tag.value for tag in Tag if tag.writer == self.actor] if self.actor else []

    @property
    def none(self) -> bool:
        """Whether no event can fit: an actor that there is not."""
        return bool(self.actor) and not self.tags


def page(session: Session, wanted: Wanted, before: int | None, limit: int) -> list[AuditRow]:
    """At most ``limit`` events below the number ``before``, newest first."""
    if wanted.none:
        return []
    first, end = _between(session, wanted)
    end = end if before is None else min(end, before)
    if wanted.incident is None and len(wanted.tags) > 1:
        # Each kind by its own index: together the database would walk through the whole record.
        found = [_rows(session, (first, end), [AuditRow.tag == tag], limit) for tag in wanted.tags]
        return heapq.nlargest(limit, (row for rows in found for row in rows), key=lambda row: row.seq)
    of_incident = [] if wanted.incident is None else [AuditRow.incident == wanted.incident]
    any_of = [col(AuditRow.tag).in_(wanted.tags)] if wanted.tags else []
    return _rows(session, (first, end), [*of_incident, *any_of], limit)


def _rows(
    session: Session, part: tuple[int, int], narrowed: Sequence[ColumnElement[bool] | bool], limit: int
) -> list[AuditRow]:
    query = select(AuditRow).where(col(AuditRow.seq) >= part[0], col(AuditRow.seq) < part[1], *narrowed)
    return list(session.exec(query.order_by(col(AuditRow.seq).desc()).limit(limit)))


def _between(session: Session, wanted: Wanted) -> tuple[int, int]:
    """The numbers from which and below which events are wanted."""
    newest = session.exec(select(ChainHeadRow.seq)).one()
    first = 1 if wanted.since is None else first_from(session, wanted.since, newest)
    end = newest + 1 if wanted.until is None else first_from(session, wanted.until, newest)
    return first, end


def first_from(session: Session, at: datetime, newest: int) -> int:
    """The number of the first event that is not before ``at``; one beyond the newest when there is none."""
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        written = session.exec(select(AuditRow.at).where(AuditRow.seq == middle)).first()
        if written is not None and written < at:
            low = middle + 1
        else:
            high = middle
    return low
