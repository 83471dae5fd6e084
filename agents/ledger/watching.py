"""What somebody who watches asks the ledger for: the plans that wait, and the record from a row on."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, select

from agents.incident import Incident
from agents.ledger import moves
from agents.ledger.incidents import value_of
from agents.ledger.moves import Standing
from agents.ledger.protocol import PlanState
from agents.ledger.tables import AuditRow, IncidentRow, PlanRow, ProposalRow


def waiting(session: Session) -> list[tuple[Standing, Incident]]:
    """The plans that wait for a signature with their incidents, the first to expire first.

    One whose bytes do not fit its digest is not among them: nobody can sign it.
    """
    query = (
        select(PlanRow.id, IncidentRow)
        .join(ProposalRow, col(ProposalRow.plan_id) == col(PlanRow.id))
        .join(IncidentRow, col(IncidentRow.number) == col(PlanRow.incident))
        .where(ProposalRow.state == PlanState.PENDING.value)
        .order_by(col(PlanRow.pending_until))
    )
    found = [(moves.standing(session, plan_id), row) for plan_id, row in session.exec(query)]
    return [(plan, value_of(session, row)) for plan, row in found if isinstance(plan, Standing)]


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
