"""The actor's side of the ledger: claim once, commit the intent, record the answer, finish.

A ``Claim`` can only come from ``claim``; ``perform(claim)`` therefore implies every guard of
APPROVED → EXECUTING. Source: approval-bound execution protocol, "The actor, per plan".
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from agents.incident import Plan, Receipt
from agents.ledger import objects
from agents.ledger.guards import Forged, StillValid, against_claim
from agents.ledger.moves import (
    Move,
    Standing,
    hinder,
    move,
    quarantine,
    standing,
)
from agents.ledger.protocol import LOCKING, Agent, Objection, PlanState
from agents.ledger.store import Ledger, LedgerError, Transaction, halted
from agents.ledger.tables import ExecutionRow, ProposalRow, StepRow
from agents.ledger.tags import Tag

LEASE_S = 30.0
IN_FLIGHT_S = 35.0
"""So long after it left may a request still be carried out. A client that gave up after ten seconds called
nothing back: a proxy or a busy API server may hold it for half a minute (P10)."""
_BY_CLAIM_ONLY = object()


class NotOurs(LedgerError):
    """The attempt is somebody else's, ended, or halted: send nothing."""


class Halted(NotOurs):
    """The attempt is ours and nothing more may be sent: say so and stop."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The exclusive right to perform one plan once. Nothing leaves after ``send_before``, of a clock that
    never goes back; ``lease_until`` is what the ledger says of it."""

    plan: Plan
    attempt_id: str
    actor_id: str
    lease_until: datetime
    send_before: float
    """On this process's own clock that never goes back: after this a successor may be at work."""
    proof: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.proof is not _BY_CLAIM_ONLY:
            raise TypeError("a Claim comes from executions.claim and nowhere else")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the API server answered to one step."""

    http_status: int | None
    outcome: str
    resource_version: str = ""


def claim(ledger: Ledger, plan_id: str, actor_id: str, still_valid: StillValid) -> Claim | Objection:
    """Take APPROVED → EXECUTING with every guard re-checked in the same transaction.

    All that was true at the click may have changed since: a deny, a halt, the roster, the time, the
    bytes. Of several actors that try, the compare-and-set in ``move`` lets one through.
    """
    began = time.monotonic()
    with ledger.write() as tx:
        # Rows and record are compared: a move between reading one and the other would look like tampering.
        tx.alone()
        found = standing(tx.session, plan_id)
        if isinstance(found, Objection):
            if found is Objection.TAMPERED:
                quarantine(tx, plan_id)
            return found
        try:
            against = against_claim(tx, found, still_valid)
        except Forged:
            against = Objection.TAMPERED
        if against is not None:
            _say_why_not(tx, found, against)
            return against
        return _claim(tx, found, (actor_id, began))


def _say_why_not(tx: Transaction, found: Standing, against: Objection) -> None:
    if against is Objection.TAMPERED:
        quarantine(tx, found.row.id)
    elif found.state is PlanState.APPROVED and hinder(tx, found, against.value):
        body = {"why": against.value}
        tx.audit(Tag.CLAIM_REFUSED, body, incident=found.row.incident, plan_id=found.row.id)


def turn_away(ledger: Ledger, plan_id: str, reason: str) -> Objection | None:
    """APPROVED → STALE without a claim: what was signed may not be done any more, for this reason.

    Only what is still APPROVED: once another actor has claimed it, its attempt is that actor's to end.
    """
    with ledger.write() as tx:
        tx.alone()
        row = tx.session.get(ProposalRow, plan_id)
        if row is not None and row.state != PlanState.APPROVED:
            return Objection.NO_SUCH_EDGE
        return move(tx, Move(plan_id=plan_id, to=PlanState.STALE, by=Agent.ACTOR, reason=reason))


def _claim(tx: Transaction, found: Standing, who: tuple[str, float]) -> Claim | Objection:
    plan_id, (actor_id, began) = found.row.id, who
    against = move(tx, Move(plan_id=plan_id, to=PlanState.EXECUTING, by=Agent.ACTOR, reason=actor_id))
    if against is not None:
        return against
    objects.hold(tx, found.plan)
    until = tx.now + timedelta(seconds=LEASE_S)
    attempt = secrets.token_hex(8)
    tx.session.add(
        ExecutionRow(
            plan_id=plan_id,
            attempt_id=attempt,
            actor_id=actor_id,
            claimed_at=tx.now,
            lease_until=until,
            deadline_at=until + timedelta(seconds=IN_FLIGHT_S),
        )
    )
    tx.session.flush()
    body = {"actor": actor_id, "attempt": attempt, "digest": found.plan.digest}
    tx.audit(Tag.PLAN_CLAIMED, body, incident=found.row.incident, plan_id=plan_id)
    # Should this process die, somebody must look once its lease is over.
    tx.wake(Agent.ACTOR, found.row.incident, until + timedelta(seconds=1))
    return Claim(
        plan=found.plan,
        attempt_id=attempt,
        actor_id=actor_id,
        lease_until=until,
        send_before=began + LEASE_S,
        proof=_BY_CLAIM_ONLY,
    )


def _owned(tx: Transaction, held: Claim) -> Standing:
    # What is read here still holds at the commit: no halt and no ending comes in between.
    tx.alone()
    found = standing(tx.session, held.plan.id)
    execution = tx.session.get(ExecutionRow, held.plan.id)
    if isinstance(found, Objection) or execution is None or execution.attempt_id != held.attempt_id:
        raise NotOurs(Objection.NOT_OWNER.value)
    # An actor that was paused for longer than its lease wakes up here and must not go on.
    if found.state is not PlanState.EXECUTING or execution.lease_until < tx.now:
        raise NotOurs(Objection.NOT_OWNER.value)
    return found


def intend(ledger: Ledger, held: Claim, n: int, request_digest: str) -> None:
    """Commit the intent to send step ``n`` (from 1). Raises NotOurs or Halted when it must not be sent.

    Committed before the request leaves: after a crash the row says that something may have been sent, and
    without the row nothing was.
    """
    with ledger.write() as tx:
        found = _owned(tx, held)
        if halted(tx.session) is not None:
            raise Halted(Objection.HALTED.value)
        tx.session.add(StepRow(plan_id=held.plan.id, n=n, intent_at=tx.now, request_digest=request_digest))
        tx.session.flush()
        body = {"step": n, "request": request_digest, "attempt": held.attempt_id}
        tx.audit(Tag.STEP_INTENDED, body, incident=found.row.incident, plan_id=held.plan.id)


def answered(ledger: Ledger, held: Claim, n: int, answer: Answer) -> None:
    """Record what the API server said to step ``n``."""
    with ledger.write() as tx:
        found = _owned(tx, held)
        row = tx.session.exec(select(StepRow).where(StepRow.plan_id == held.plan.id, StepRow.n == n)).one()
        row.result_at, row.http_status, row.outcome = tx.now, answer.http_status, answer.outcome
        row.observed_resource_version = answer.resource_version
        tx.session.add(row)
        body = {"step": n, "status": answer.http_status, "outcome": answer.outcome}
        tx.audit(Tag.STEP_ANSWERED, body, incident=found.row.incident, plan_id=held.plan.id)


def finish(ledger: Ledger, held: Claim, to: PlanState, reason: str) -> Objection | None:
    """End our attempt in ``to``; only its owner can, and only while it is EXECUTING."""
    with ledger.write() as tx:
        _owned(tx, held)
        if to is PlanState.UNKNOWN:
            # Its owner says so itself and sends nothing more: only what left before now is on its way.
            execution = tx.session.get_one(ExecutionRow, held.plan.id)
            execution.deadline_at = tx.now + timedelta(seconds=IN_FLIGHT_S)
            tx.session.add(execution)
        return move(tx, Move(plan_id=held.plan.id, to=to, by=Agent.ACTOR, reason=reason))


def receipts_of(session: Session, plan_id: str) -> list[Receipt]:
    """What happened to each step, in order."""
    query = select(StepRow).where(StepRow.plan_id == plan_id).order_by(col(StepRow.n))
    return [
        Receipt(
            plan_id=plan_id,
            step=row.n,
            intent_at=row.intent_at,
            request_digest=row.request_digest,
            result_at=row.result_at,
            http_status=row.http_status,
            outcome=row.outcome,
            resource_version=row.observed_resource_version,
        )
        for row in session.exec(query)
    ]


def give_up(ledger: Ledger, plan_id: str, reason: str) -> Objection | None:
    """EXECUTING → UNKNOWN once the owner's lease ran out: from here on only reading."""
    with ledger.write() as tx:
        execution = tx.session.get(ExecutionRow, plan_id)
        if execution is None or execution.lease_until >= tx.now:
            return Objection.NO_SUCH_EDGE
        return move(tx, Move(plan_id=plan_id, to=PlanState.UNKNOWN, by=Agent.ACTOR, reason=reason))


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """A plan whose owner may be dead, and when it is certain that no request of it lives."""

    plan: Plan
    state: PlanState
    actor_id: str
    dead_after: datetime
    intended: bool


def unresolved(session: Session, plan_id: str) -> Unresolved | None:
    """The plan if it is EXECUTING or UNKNOWN, for the reconciler."""
    found = standing(session, plan_id)
    if isinstance(found, Objection) or found.state not in LOCKING:
        return None
    execution = session.get_one(ExecutionRow, plan_id)
    steps = session.exec(select(StepRow).where(StepRow.plan_id == plan_id)).first()
    return Unresolved(
        plan=found.plan,
        state=found.state,
        actor_id=execution.actor_id,
        dead_after=execution.deadline_at,
        intended=steps is not None,
    )


def conclude(ledger: Ledger, plan_id: str, to: PlanState, reason: str) -> Objection | None:
    """UNKNOWN → SUCCEEDED or NOT_APPLIED after a read, never before the owner's deadline."""
    with ledger.write() as tx:
        execution = tx.session.get(ExecutionRow, plan_id)
        proposal = tx.session.get(ProposalRow, plan_id)
        if execution is None or proposal is None:
            return Objection.NO_SUCH_PLAN
        # What is EXECUTING is its owner's to end, although the same agent may take that edge.
        if proposal.state != PlanState.UNKNOWN.value:
            return Objection.NO_SUCH_EDGE
        # A request of the dead owner may still be on its way; only after its deadline is absence proof.
        if to is PlanState.NOT_APPLIED and execution.deadline_at >= tx.now:
            return Objection.NOT_OWNER
        return move(tx, Move(plan_id=plan_id, to=to, by=Agent.ACTOR, reason=reason))


def call_for_help(ledger: Ledger, plan_id: str, reason: str) -> None:
    """Say, once for each reason, that reading does not tell what became of an UNKNOWN plan."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if isinstance(found, Objection) or found.state is not PlanState.UNKNOWN:
            return
        if hinder(tx, found, reason):
            tx.audit(Tag.HELP_WANTED, {"why": reason}, incident=found.row.incident, plan_id=plan_id)


def look_again(ledger: Ledger, plan_id: str, seconds: float) -> None:
    """Have the actor look once more after a while: the plan is APPROVED, EXECUTING or UNKNOWN still."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if not isinstance(found, Objection) and found.state in LOCKING | {PlanState.APPROVED}:
            tx.wake(Agent.ACTOR, found.row.incident, tx.now + timedelta(seconds=seconds))
