"""Room for a draft: what gives way to it, what it must wait for, and what was refused lately.

Source: invariant I9 (one active plan an object); threats T14, T33 and T35.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from agents.incident import Plan
from agents.ledger import objects
from agents.ledger.moves import Move, Standing, move, plan_ids, standing
from agents.ledger.objects import holders
from agents.ledger.protocol import ACTIVE, LOCKING, Agent, Objection, PlanState
from agents.ledger.store import Transaction
from agents.ledger.tables import PlanRow, ProposalRow
from agents.ledger.tags import Tag
from tools.kubernetes.actions.step import Step


def insert(tx: Transaction, incident: int, plan: Plan, note: str) -> None:
    """Write the draft, hold its objects, and wake whoever rehearses it. Room was made before."""
    tx.session.add(
        PlanRow(
            id=plan.id,
            digest=plan.digest,
            canonical=plan.canonical(),
            incident=incident,
            created_at=tx.now,
            pending_until=plan.pending_until,
            note=note,
        )
    )
    tx.session.flush()
    tx.session.add(ProposalRow(plan_id=plan.id, state=PlanState.DRAFT.value, version=1, state_at=tx.now))
    objects.hold(tx, plan)
    tx.audit(Tag.PLAN_DRAFTED, {"digest": plan.digest, "note": note}, incident=incident, plan_id=plan.id)
    tx.wake(Agent.ACTOR, incident)
    # Also when no actor ever rehearses it: a draft expires like a plan that nobody signs.
    tx.wake(Agent.GATEKEEPER, incident, plan.pending_until)


def make_room(tx: Transaction, incident: int, plan: Plan, by: Agent) -> Objection | None:
    """Supersede what gives way to this plan, or say why the plan must not be drafted now.

    Open plans of the same incident and of the same object give way. What is being done to the object,
    or may have been done, does not; and nobody is asked twice for the very same change.
    """
    rivals = [tx.session.get_one(ProposalRow, other) for other in holders(tx.session, plan)]
    if any(PlanState(row.state) in LOCKING for row in rivals):
        return Objection.OBJECT_BUSY
    if any(_same(tx.session, row.plan_id, incident, plan) for row in rivals):
        return Objection.SAME_PLAN
    for other in sorted({*plan_ids(tx.session, incident), *(row.plan_id for row in rivals)}):
        if PlanState(tx.session.get_one(ProposalRow, other).state) in ACTIVE - LOCKING:
            _supersede(tx, other, (plan.id, by))
    return None


def _same(session: Session, other: str, incident: int, plan: Plan) -> bool:
    found = standing(session, other)
    # A bent one is the same as nothing: it gives way.
    return isinstance(found, Standing) and found.row.incident != incident and found.plan.steps == plan.steps


def _supersede(tx: Transaction, other: str, newer: tuple[str, Agent]) -> None:
    plan_id, by = newer
    reason = f"a newer plan took its place: {plan_id}"
    wanted = Move(plan_id=other, to=PlanState.SUPERSEDED, by=by, reason=reason, successor=plan_id)
    move(tx, wanted)


@dataclass(frozen=True, kw_only=True)
class Denial:
    """Somebody said no to a verb on an object: in which incident, and when."""

    incident: int
    at: datetime


def denied_since(session: Session, step: Step, since: datetime) -> Denial | None:
    """The newest deny of this verb on this object after ``since``, in whatever incident."""
    rows = select(PlanRow, ProposalRow).join(ProposalRow, col(ProposalRow.plan_id) == col(PlanRow.id))
    denied = rows.where(ProposalRow.state == PlanState.DENIED.value, col(ProposalRow.state_at) > since)
    for row, proposal in session.exec(denied.order_by(col(ProposalRow.state_at).desc())):
        found = standing(session, row.id)
        # A bent one no longer says what it was about: nobody's no may be lost by that.
        if not isinstance(found, Standing) or any(_alike(one, step) for one in found.plan.steps):
            return Denial(incident=row.incident, at=proposal.state_at)
    return None


def _alike(one: Step, other: Step) -> bool:
    return (one.verb, one.target.key) == (other.verb, other.target.key)
