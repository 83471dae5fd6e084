"""The investigator's side of the ledger: leases, evidence, diagnoses, drafts and closing.

Every write carries a lease; one whose lease was taken over or ran out writes nothing
(fencing by token). Writes are idempotent, because a killed stage runs again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from agents.incident import PROSE_LIMIT, Diagnosis, Evidence, IncidentState, Outcome, Plan
from agents.ledger.drafts import insert, make_room
from agents.ledger.moves import Standing, plan_ids, standing
from agents.ledger.protocol import Agent, Objection
from agents.ledger.store import Ledger, LedgerError, Transaction
from agents.ledger.tables import DiagnosisRow, EvidenceRow, IncidentRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject
from tools.redaction import redacted


class LeaseLost(LedgerError):
    """Somebody else works on this incident now; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to work on one incident until a time; ``token`` grows with each taking."""

    incident: int
    owner: str
    token: int
    until: datetime


LOG = "kubernetes.log"
"""The tool of looks at a container's log: its writers and whoever looks for what they wrote name it alike."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at the world to be stored as Evidence. ``key`` names it within the incident."""

    key: str
    tool: str
    query: str
    excerpt: str
    ok: bool = True
    window: tuple[datetime, datetime] | None = None
    notes: tuple[str, ...] = ()


def take(ledger: Ledger, incident: int, owner: str, seconds: float) -> Lease | None:
    """Take the incident's lease, or None while another owner holds it or it is closed."""
    with ledger.write() as tx:
        row = tx.session.get(IncidentRow, incident)
        if row is None or row.state == IncidentState.CLOSED.value:
            return None
        if row.lease_owner and row.lease_until is not None and row.lease_until > tx.now:
            return None
        row.lease_owner, row.lease_token = owner, row.lease_token + 1
        row.lease_until = tx.now + timedelta(seconds=seconds)
        tx.session.add(row)
        return Lease(incident=incident, owner=owner, token=row.lease_token, until=row.lease_until)


def renew(ledger: Ledger, lease: Lease, seconds: float) -> bool:
    """Keep the lease for ``seconds`` more; False when somebody else has it by now."""
    with ledger.write() as tx:
        row = tx.session.get(IncidentRow, lease.incident)
        if row is None or row.lease_token != lease.token:
            return False
        row.lease_until = tx.now + timedelta(seconds=seconds)
        tx.session.add(row)
        return True


def release(ledger: Ledger, lease: Lease) -> None:
    """Give the lease back if it is still ours."""
    with ledger.write() as tx:
        row = tx.session.get(IncidentRow, lease.incident)
        if row is not None and row.lease_token == lease.token:
            row.lease_owner, row.lease_until = "", None
            tx.session.add(row)


def held(tx: Transaction, lease: Lease) -> IncidentRow:
    """The incident's row, locked, if the lease still holds. Raises LeaseLost."""
    # The record's lock before the incident's row, always: intake, digest and cards take them in this order,
    # and a row that names an incident shares the lock of that incident's.
    tx.alone()
    query = select(IncidentRow).where(IncidentRow.number == lease.incident).with_for_update(key_share=True)
    row = tx.session.exec(query).one()
    if row.lease_token != lease.token or row.lease_until is None or row.lease_until < tx.now:
        raise LeaseLost(f"the lease on INC-{lease.incident} is no longer ours")
    return row


def store_evidence(ledger: Ledger, lease: Lease, looks: list[Look]) -> list[Evidence]:
    """Store looks as E1, E2, …; a look stored before under the same key keeps its id and text."""
    with ledger.write() as tx:
        held(tx, lease)
        # Two questions for all of them: a look has a score of parts, and each would ask the same.
        of_incident = EvidenceRow.incident == lease.incident
        same = select(EvidenceRow).where(of_incident, col(EvidenceRow.key).in_([look.key for look in looks]))
        stored = {row.key: Evidence.model_validate(row.body) for row in tx.session.exec(same)}
        last = tx.session.exec(select(func.max(EvidenceRow.n)).where(of_incident)).one() or 0
        for look in looks:
            if look.key not in stored:
                last += 1
                stored[look.key] = _store_look(tx, lease.incident, last, look)
        return [stored[look.key] for look in looks]


def _store_look(tx: Transaction, incident: int, n: int, look: Look) -> Evidence:
    evidence = Evidence(
        id=f"E{n}",
        tool=look.tool,
        query=look.query,
        fetched_at=tx.now,
        window_start=look.window[0] if look.window else None,
        window_end=look.window[1] if look.window else None,
        ok=look.ok,
        excerpt=look.excerpt,
        digest=hashlib.sha256(look.excerpt.encode()).hexdigest(),
        notes=look.notes,
    )
    body = evidence.model_dump(mode="json")
    tx.session.add(EvidenceRow(incident=incident, n=n, key=look.key, body=body))
    tx.audit(Tag.EVIDENCE_STORED, {"id": evidence.id, "digest": evidence.digest}, incident=incident)
    return evidence


def evidence_of(session: Session, incident: int) -> list[Evidence]:
    """The evidence of an incident in order."""
    query = select(EvidenceRow).where(EvidenceRow.incident == incident).order_by(col(EvidenceRow.n))
    return [Evidence.model_validate(row.body) for row in session.exec(query)]


def write_diagnosis(ledger: Ledger, lease: Lease, turn: int, diagnosis: Diagnosis) -> None:
    """Write the diagnosis of one round, once."""
    with ledger.write() as tx:
        held(tx, lease)
        same = select(DiagnosisRow).where(DiagnosisRow.incident == lease.incident, DiagnosisRow.round == turn)
        if tx.session.exec(same).first() is not None:
            return
        # Findings quote the cluster's own words, which may hold a secret; the ledger keeps none (P22).
        body = _without_secrets(diagnosis)
        tx.session.add(DiagnosisRow(incident=lease.incident, round=turn, at=tx.now, body=body))
        cause = diagnosis.cause.code if diagnosis.cause else "not established"
        tx.audit(
            Tag.DIAGNOSIS_WRITTEN,
            {"cause": cause, "confidence": diagnosis.confidence, "source": diagnosis.source},
            incident=lease.incident,
        )
        tx.wake(Agent.GATEKEEPER, lease.incident)


def _without_secrets(diagnosis: Diagnosis) -> JsonObject:
    body = redacted(diagnosis.model_dump(mode="json"))
    # A mark may be longer than what it hides.
    return {**body, "prose": str(body["prose"])[:PROSE_LIMIT]}


def diagnosis_of(session: Session, incident: int, turn: int | None = None) -> Diagnosis | None:
    """The newest diagnosis of an incident, or that of one round."""
    query = (
        select(DiagnosisRow).where(DiagnosisRow.incident == incident).order_by(col(DiagnosisRow.round).desc())
    )
    if turn is not None:
        query = query.where(DiagnosisRow.round == turn)
    row = session.exec(query).first()
    return None if row is None else Diagnosis.model_validate(row.body)


def diagnosed_at(session: Session, incident: int) -> datetime | None:
    """When the newest diagnosis of an incident was written, or None."""
    times = select(func.max(DiagnosisRow.at)).where(DiagnosisRow.incident == incident)
    return session.exec(times).one()


def draft(ledger: Ledger, lease: Lease, plan: Plan, note: str) -> str | Objection:
    """Write a DRAFT and return its id, or say why there is no room for it.

    A draft repeated by a killed stage is found again by its nonce. Plans that were not claimed yet,
    of this incident or for the same object, are superseded by it; what is being done is waited for.
    """
    with ledger.write() as tx:
        held(tx, lease)
        # Of two that reach for one object the second sees the first, or that it is being changed (I9).
        tx.alone()
        if before := drafted(tx.session, lease.incident, plan.nonce):
            return before
        against = make_room(tx, lease.incident, plan, Agent.INVESTIGATOR)
        if against is not None:
            return against
        insert(tx, lease.incident, plan, note)
        return plan.id


def drafted(session: Session, incident: int, nonce: str) -> str | None:
    """The plan of the incident that was drafted under this nonce, if one was."""
    plans = (standing(session, plan_id) for plan_id in plan_ids(session, incident))
    # One whose bytes were bent is nobody's draft, and must not keep the incident from getting another.
    whole = (found.plan for found in plans if isinstance(found, Standing))
    return next((plan.id for plan in whole if plan.nonce == nonce), None)


def set_phase(ledger: Ledger, lease: Lease, phase: str) -> None:
    """Say which stage the investigation is in; nothing is written when it already says so."""
    with ledger.write() as tx:
        say_phase(tx, held(tx, lease), phase)


def say_phase(tx: Transaction, row: IncidentRow, phase: str) -> None:
    """Say which phase an incident is in, within a write of its lease holder."""
    if row.phase != phase:
        row.phase = phase
        tx.audit(Tag.INCIDENT_PHASE, {"phase": phase}, incident=row.number)
        # The card says it too, where nothing else tells what is going on.
        tx.wake(Agent.GATEKEEPER, row.number or 0)
    tx.session.add(row)


def wake_later(ledger: Ledger, lease: Lease, seconds: float) -> None:
    """Look at this incident again after a while (verification, late evidence)."""
    with ledger.write() as tx:
        held(tx, lease)
        tx.wake(Agent.INVESTIGATOR, lease.incident, tx.now + timedelta(seconds=seconds))


def close(ledger: Ledger, lease: Lease, outcome: Outcome) -> None:
    """Close the incident with its outcome; idempotent."""
    with ledger.write() as tx:
        row = held(tx, lease)
        if row.state == IncidentState.CLOSED.value:
            return
        row.state, row.phase = IncidentState.CLOSED.value, "closed"
        row.closed_at, row.open_key = tx.now, None
        row.outcome = outcome.model_dump(mode="json")
        tx.session.add(row)
        tx.audit(Tag.INCIDENT_CLOSED, {"recovery": outcome.recovery.value}, incident=lease.incident)
        tx.wake(Agent.GATEKEEPER, lease.incident)


def outcome_of(session: Session, incident: int) -> Outcome | None:
    """How the incident ended, or None while it is open."""
    row = session.get(IncidentRow, incident)
    return None if row is None or row.outcome is None else Outcome.model_validate(row.outcome)


def is_resolved(session: Session, incident: int) -> bool:
    """Whether Alertmanager said, in a body that was not truncated, that nothing fires any more."""
    row = session.get(IncidentRow, incident)
    return row is not None and row.resolved_at is not None
