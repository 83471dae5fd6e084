"""Whose turn it is: so many investigations begin within an hour, over all workers (property P27).

A storm opens thousands of incidents, and each asks again and again; so asking only reads.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from agents.incident import IncidentState
from agents.ledger.investigations import Lease, held, say_phase
from agents.ledger.store import Ledger
from agents.ledger.tables import IncidentRow

HOUR = timedelta(hours=1)


def seconds_to_wait(ledger: Ledger, incident: int, per_hour: int) -> float:
    """How long until this investigation may begin; 0 when it may, has begun, or has nothing to do."""
    now = ledger.now()
    with ledger.read() as session:
        row = session.get(IncidentRow, incident)
        if row is None or row.began_at is not None or row.state == IncidentState.CLOSED.value:
            return 0.0
        # What resolved by itself costs nothing, so it need not wait for its turn.
        return 0.0 if row.resolved_at is not None else _until_free(session, now, per_hour)


def begin(ledger: Ledger, lease: Lease, per_hour: int) -> float:
    """Begin the investigation, or say how many seconds it must wait; one that began stays begun."""
    with ledger.write() as tx:
        row = held(tx, lease)
        if row.began_at is not None or row.resolved_at is not None:
            return 0.0
        tx.alone()
        wait = _until_free(tx.session, tx.now, per_hour)
        if not wait:
            row.began_at = tx.now
            say_phase(tx, row, "investigating")
        return wait


def _until_free(session: Session, now: datetime, per_hour: int) -> float:
    hour = select(IncidentRow.began_at).where(col(IncidentRow.began_at) > now - HOUR)
    newest = hour.order_by(col(IncidentRow.began_at).desc()).limit(per_hour)
    recent = [at for at in session.exec(newest) if at is not None]
    # The oldest of the last so many makes room when it is an hour old.
    return (recent[-1] + HOUR - now).total_seconds() if len(recent) >= per_hour else 0.0
