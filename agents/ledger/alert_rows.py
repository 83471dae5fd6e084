"""The rows of alerts: what intake asks of them, adds and turns, many at a time.

An incident may have 20,000 of them and a notification may name them all: each question and each
change is one statement for all, and no row becomes an object of the unit of work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, SQLModel, col, select

from agents.incident import Alert
from agents.ledger.tables import AlertRow

MOST_PRINTS = 500
_TABLE = SQLModel.metadata.tables["alert"]
_INSERT = insert(_TABLE)
_MOVES = ("firing", "starts_at", "ends_at")
_TURN = (
    update(_TABLE).where(_TABLE.c.id == bindparam("row")).values({name: bindparam(name) for name in _MOVES})
)


class Known(NamedTuple):
    """What decides whether a notification is news about an alert."""

    row: int | None
    firing: bool
    starts_at: datetime


def known(session: Session, number: int, alerts: Sequence[Alert]) -> dict[str, Known]:
    """Those alerts of the incident that the notification may speak of, by fingerprint."""
    columns = select(AlertRow.fingerprint, AlertRow.id, AlertRow.firing, AlertRow.starts_at)
    rows = columns.where(AlertRow.incident == number)
    if len(alerts) <= MOST_PRINTS:
        # An incident may have thousands, and most notifications name a few of them.
        rows = rows.where(col(AlertRow.fingerprint).in_([alert.fingerprint for alert in alerts]))
    return {fingerprint: Known(*rest) for fingerprint, *rest in session.exec(rows)}


def is_news(before: Known | None, alert: Alert) -> bool:
    """Whether it turns an alert of the incident; the late end of an earlier episode turns nothing."""
    if before is None or before.firing == alert.firing:
        return False
    return alert.firing or alert.ends_at is None or alert.ends_at >= before.starts_at


def turn(session: Session, before: Mapping[str, Known], alerts: Sequence[Alert]) -> None:
    """Alerts of the incident that fire again, or that are over."""
    rows = [
        {"row": before[alert.fingerprint].row} | {name: getattr(alert, name) for name in _MOVES}
        for alert in alerts
    ]
    if rows:
        session.connection().execute(_TURN, rows)


def add(session: Session, number: int, alerts: Sequence[Alert]) -> None:
    """New alerts of the incident."""
    if not alerts:
        return
    # Field by field: dumping a model costs as much as storing it.
    rows = [
        {
            "incident": number,
            "fingerprint": alert.fingerprint,
            "firing": alert.firing,
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "starts_at": alert.starts_at,
            "ends_at": alert.ends_at,
            "generator_url": alert.generator_url,
        }
        for alert in alerts
    ]
    session.connection().execute(_INSERT, rows)


def value_of(row: AlertRow) -> Alert:
    """The value of a row."""
    return Alert(
        fingerprint=row.fingerprint,
        firing=row.firing,
        labels=row.labels,
        annotations=row.annotations,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        generator_url=row.generator_url,
    )
