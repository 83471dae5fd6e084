"""``midwatch replay``: one incident's story as text, from the ledger alone."""

from __future__ import annotations

from sqlmodel import col, select

from agents.ledger.store import Ledger
from agents.ledger.story import story
from agents.ledger.tables import AuditRow
from midwatch.web.lines import line_of


def tell(ledger: Ledger, number: int) -> str | None:
    """The story, a line an event, or None when there is no such incident."""
    told = story(ledger, number)
    if told is None:
        return None
    with ledger.read() as session:
        rows = session.exec(select(AuditRow).where(AuditRow.incident == number).order_by(col(AuditRow.seq)))
        lines = [f"{line.at:%H:%M:%S}  {line.tag:34} {line.text}" for line in map(line_of, rows)]
    # An incident without a cause or an end is told as that, never filled in.
    cause = told.diagnosis.cause.sentence if told.diagnosis and told.diagnosis.cause else "not established"
    end = told.outcome.sentence if told.outcome else told.incident.phase
    head = [f"{told.incident.id} {told.incident.title} ({told.incident.state.value})", f"cause: {cause}"]
    return "\n".join([*head, f"outcome: {end}", "", *lines])
