"""Moving a plan along its edges: compare-and-set, audit row and wake-ups in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from agents.incident import Plan, digest_of
from agents.ledger import lines, objects
from agents.ledger.protocol import (
    ACTIVE,
    LOCKING,
    TERMINAL,
    Agent,
    Objection,
    PlanState,
    next_lanes,
    objection,
)
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables import PlanRow, ProposalRow
from agents.ledger.tags import Tag

TYPED_DIGITS = 6
"""How much of a digest an approver types from tier 2 on."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One wanted change of state: which plan, where to, who asks and why.

    ``words`` are a person's own: shown beside the reason, and never put into the record.
    """

    plan_id: str
    to: PlanState
    by: Agent
    reason: str = ""
    words: str = ""
    successor: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A plan with its stored bytes checked, and where it stands."""

    plan: Plan
    row: PlanRow
    proposal: ProposalRow

    @property
    def state(self) -> PlanState:
        """The present state."""
        return PlanState(self.proposal.state)


def standing(session: Session, plan_id: str) -> Standing | Objection:
    """Read a plan and recompute its digest from the stored bytes (threat T17)."""
    row = session.get(PlanRow, plan_id)
    proposal = session.get(ProposalRow, plan_id)
    if row is None or proposal is None:
        return Objection.NO_SUCH_PLAN
    digest = digest_of(row.canonical)
    if digest != row.digest or not digest.startswith(row.id):
        return Objection.TAMPERED
    return Standing(plan=Plan.model_validate_json(row.canonical), row=row, proposal=proposal)


def move(tx: Transaction, wanted: Move) -> Objection | None:
    """Take one edge, or say why not. The compare-and-set is on state and version."""
    # The record's lock before the plan's, always: two that lock in opposite orders wait for each other.
    tx.alone()
    proposal = tx.session.get(ProposalRow, wanted.plan_id)
    if proposal is None:
        return Objection.NO_SUCH_PLAN
    start = PlanState(proposal.state)
    # Asked here and nowhere else, so no caller can take an edge that the protocol does not have.
    against = objection(start, wanted.to, wanted.by)
    if against is not None:
        return against
    # Taken down before the move wipes it: whose place this was, or who waited for one.
    place = lines.place_of(tx.session, proposal)
    shown = f"{wanted.reason}: {wanted.words}" if wanted.words else wanted.reason
    result = tx.session.connection().execute(
        update(ProposalRow)
        .where(col(ProposalRow.plan_id) == wanted.plan_id)
        # The compare-and-set: whoever reads the same state and comes second changes no row.
        .where(col(ProposalRow.state) == start.value, col(ProposalRow.version) == proposal.version)
        .values(
            state=wanted.to.value,
            version=proposal.version + 1,
            state_at=tx.now,
            reason=shown,
            successor=wanted.successor,
            obstacle="",
        )
    )
    if result.rowcount != 1:
        return Objection.CHANGED_MEANWHILE
    tx.session.refresh(proposal)
    _afterwards(tx, wanted, start)
    if place and wanted.to is not PlanState.PENDING:
        lines.room_in(tx, place)
    return None


def _afterwards(tx: Transaction, wanted: Move, start: PlanState) -> None:
    row = tx.session.get_one(PlanRow, wanted.plan_id)
    # UNKNOWN keeps its objects: nobody may plan for what may have been changed just now.
    if wanted.to in TERMINAL:
        objects.let_go(tx, wanted.plan_id)
    body = {"from": start.value, "to": wanted.to.value, "by": wanted.by.value, "reason": wanted.reason}
    tx.audit(Tag.PLAN_MOVED, {**body, "digest": row.digest}, incident=row.incident, plan_id=row.id)
    for lane in next_lanes(wanted.to):
        tx.wake(lane, row.incident)
    if wanted.to is PlanState.PENDING:
        tx.wake(Agent.GATEKEEPER, row.incident, row.pending_until)
    if wanted.to is PlanState.APPROVED:
        plan = Plan.model_validate_json(row.canonical)
        tx.wake(Agent.GATEKEEPER, row.incident, tx.now + timedelta(seconds=plan.claim_within_s))


def hinder(tx: Transaction, found: Standing, obstacle: str) -> bool:
    """Say what stands in the way of a plan; False when that is said already, or the plan moved on."""
    if found.proposal.obstacle == obstacle:
        return False
    tx.alone()
    result = tx.session.connection().execute(
        update(ProposalRow)
        .where(col(ProposalRow.plan_id) == found.row.id, col(ProposalRow.version) == found.proposal.version)
        .values(obstacle=obstacle)
    )
    tx.session.refresh(found.proposal)
    tx.wake(Agent.GATEKEEPER, found.row.incident)
    return result.rowcount == 1


def confirmed(plan: Plan, typed: str | None) -> bool:
    """Whether an approval of this plan is complete: from tier 2 on the digest's beginning was typed."""
    return plan.tier < 2 or typed == plan.digest[:TYPED_DIGITS]


def plan_ids(session: Session, incident: int) -> list[str]:
    """The plans of an incident, oldest first."""
    query = select(PlanRow.id).where(PlanRow.incident == incident).order_by(col(PlanRow.created_at))
    return list(session.exec(query))


def cancel_open_plans(tx: Transaction, incident: int, reason: str) -> None:
    """Cancel every plan of the incident that was not claimed yet (threat T5)."""
    for plan_id in plan_ids(tx.session, incident):
        state = PlanState(tx.session.get_one(ProposalRow, plan_id).state)
        if state in ACTIVE - LOCKING:
            move(tx, Move(plan_id=plan_id, to=PlanState.CANCELLED, by=Agent.INTAKE, reason=reason))


def expire_due(ledger: Ledger, incident: int) -> int:
    """Expire what nobody signed or claimed in time; how many. By the database's clock.

    What has time left is looked at again when that is over. It is asked for here, at every look: a
    job for later becomes one with a job for now, and once that ran nobody would come again.
    """
    with ledger.write() as tx:
        return sum(_expire_if_due(tx, plan_id) for plan_id in plan_ids(tx.session, incident))


def _expire_if_due(tx: Transaction, plan_id: str) -> bool:
    found = standing(tx.session, plan_id)
    if isinstance(found, Objection):
        if found is Objection.TAMPERED:
            quarantine(tx, plan_id)
        return False
    if found.state not in ACTIVE - LOCKING:
        return False
    if not too_late(tx, found):
        tx.wake(Agent.GATEKEEPER, found.row.incident, deadline(found))
        return False
    reason = (
        "nobody signed in time" if found.state is not PlanState.APPROVED else "it was not started in time"
    )
    wanted = Move(plan_id=plan_id, to=PlanState.EXPIRED, by=Agent.GATEKEEPER, reason=reason)
    return move(tx, wanted) is None


def too_late(tx: Transaction, found: Standing) -> bool:
    """Whether the time to sign (or, once approved, to claim) has passed."""
    return tx.now > deadline(found)


def deadline(found: Standing) -> datetime:
    """Until when this plan may be signed or, once approved, claimed."""
    if found.state is PlanState.APPROVED:
        return found.proposal.state_at + timedelta(seconds=found.plan.claim_within_s)
    return found.plan.pending_until


def quarantine(tx: Transaction, plan_id: str) -> None:
    """Set a plan aside whose bytes or seals do not fit; nothing may act on it again."""
    reason = Objection.TAMPERED.value
    move(tx, Move(plan_id=plan_id, to=PlanState.QUARANTINED, by=Agent.AUDITOR, reason=reason))
