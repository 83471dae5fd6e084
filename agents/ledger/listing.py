"""What a person asks the ledger for by its outside: incidents, plans that wait, events from a row on."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import AwareDatetime, Field
from sqlmodel import Session, col, select

from agents.incident import Incident, IncidentState, Value
from agents.ledger import moves
from agents.ledger.incidents import value_of
from agents.ledger.moves import Standing
from agents.ledger.protocol import PlanState
from agents.ledger.tables import AlertRow, AuditRow, IncidentRow, PlanRow, ProposalRow


class Wanted(Value):
    """Which incidents; what is left out does not matter. ``since`` is the earliest opening."""

    state: IncidentState | None = None
    severity: str = ""
    namespace: str = ""
    since: AwareDatetime | None = None
    limit: int = Field(default=50, ge=1)


def listed(session: Session, wanted: Wanted) -> list[Incident]:
    """The incidents that fit, newest first."""
    query = select(IncidentRow).order_by(col(IncidentRow.number).desc()).limit(wanted.limit)
    if wanted.state is not None:
        query = query.where(IncidentRow.state == wanted.state.value)
    if wanted.severity:
        query = query.where(IncidentRow.severity == wanted.severity)
    if wanted.since is not None:
        query = query.where(col(IncidentRow.opened_at) >= wanted.since)
    if wanted.namespace:
        # Any of its alerts: a group over several namespaces belongs to each of them.
        named = col(AlertRow.labels)["namespace"].as_string() == wanted.namespace
        within = select(AlertRow.id).where(AlertRow.incident == IncidentRow.number, named)
        query = query.where(within.exists())
    return [value_of(session, row) for row in session.exec(query)]


def numbers(session: Session, limit: int) -> list[tuple[int, str]]:
    """Number and title of the newest incidents, without their alerts."""
    query = select(IncidentRow.number, IncidentRow.title).order_by(col(IncidentRow.number).desc())
    return [(number or 0, title) for number, title in session.exec(query.limit(limit))]


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
