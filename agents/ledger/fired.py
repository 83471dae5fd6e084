"""What was found and what got well lately: for the pages of analyzers and runbooks."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, text
from sqlalchemy import select as rows_of
from sqlmodel import Session, col, select

from agents.incident import Recovery, Value
from agents.ledger.tables import AlertRow, IncidentRow

# A diagnosis is kept whole; the database takes its findings apart faster than we could.
_FOUND = {
    "sqlite": "SELECT json_extract(f.value, '$.code'), count(DISTINCT d.incident), max(d.incident) "
    "FROM diagnosis d, json_each(d.body, '$.findings') f WHERE d.incident >= :first GROUP BY 1",
    "postgresql": "SELECT f->>'code', count(DISTINCT d.incident), max(d.incident) "
    "FROM diagnosis d, json_array_elements(d.body->'findings') f WHERE d.incident >= :first GROUP BY 1",
}


class Fired(Value):
    """How many incidents something was found in, and the newest of them."""

    incidents: int
    newest: int


def found(session: Session, since: datetime) -> dict[str, Fired]:
    """In how many incidents each code was found that were opened since then."""
    query = text(_FOUND[session.get_bind().dialect.name])
    rows = session.connection().execute(query, {"first": _first(session, since)})
    return {str(code): Fired(incidents=count, newest=newest) for code, count, newest in rows if code}


def recovered(session: Session, since: datetime) -> dict[str, tuple[int, datetime]]:
    """By an alert's name, the newest incident since then that recovered by a change, and when it opened."""
    well = col(IncidentRow.outcome)["recovery"].as_string() == Recovery.RECOVERED.value
    name = col(AlertRow.labels)["alertname"].as_string()
    newest = func.max(col(IncidentRow.number))
    query = rows_of(name, newest, func.max(col(IncidentRow.opened_at)))
    query = query.join(AlertRow, col(AlertRow.incident) == col(IncidentRow.number))
    query = query.where(col(IncidentRow.number) >= _first(session, since), well).group_by(name)
    return {
        str(said): (number, at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
        for said, number, at in session.connection().execute(query)
        if said
    }


def _first(session: Session, since: datetime) -> int:
    """The number of the first incident that was opened since then; beyond the newest when none was."""
    opened = select(func.min(IncidentRow.number)).where(col(IncidentRow.opened_at) >= since)
    number = session.exec(opened).one()
    return 2**62 if number is None else number
