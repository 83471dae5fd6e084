"""Decisions: one person's word on one plan, counted once, before it is too late.

The click was found admissible by the gatekeeper; what only the database can know (seen
before, decided meanwhile, too late) is checked here, in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from agents.incident import Decision, Verdict
from agents.ledger import payloads
from agents.ledger.moves import (
    Move,
    Standing,
    confirmed,
    hinder,
    move,
    quarantine,
    standing,
    too_late,
)
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.statements import of_event
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables import DecisionRow, NonceRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The word counted; ``state`` is where the plan stands now."""

    state: PlanState


def use_nonce(ledger: Ledger, nonce: str) -> bool:
    """Spend one signed request before anybody reads it; False when it was spent before (threat T8).

    In the database and not in memory: a replay may reach another process, or this one after a restart.
    """
    with ledger.write() as tx:
        return _spend(tx, nonce)


def refuse_click(ledger: Ledger, plan_id: str, body: JsonObject, nonce: str) -> bool:
    """Record a click that did not count, and why; False when this very click was seen before."""
    with ledger.write() as tx:
        if not _spend(tx, nonce):
            return False
        _refuse(tx, plan_id, body)
        return True


def decide(ledger: Ledger, decision: Decision, nonce: str = "") -> Decided | Objection:
    """Record a decision and take the edge it earns, or record why not. Deny wins until the claim (P7).

    With ``nonce`` the click is spent in the same transaction: whatever happens in between, it is
    either seen and decided or neither, and a delivery that comes again counts at most once.
    """
    with ledger.write() as tx:
        if nonce and not _spend(tx, nonce):
            return Objection.REPLAYED
        # After the nonce, whose second user waits for the first. A word that comes too late leaves no row.
        tx.alone()
        answer = _counted(tx, decision)
        if isinstance(answer, Objection):
            who, verdict = decision.approver, decision.verdict.value
            body = {"user": who.user_id, "team": who.team_id, "verdict": verdict, "why": answer.value}
            _refuse(tx, decision.plan_id, body)
        return answer


def _counted(tx: Transaction, decision: Decision) -> Decided | Objection:
    found = standing(tx.session, decision.plan_id)
    if isinstance(found, Objection):
        quarantine(tx, decision.plan_id)
        return found
    against = _objection(tx, found, decision)
    if against is not None:
        return against
    _insert(tx, found, decision)
    return _consequence(tx, found, decision)


def _spend(tx: Transaction, nonce: str) -> bool:
    try:
        # A savepoint: of two at once the second waits here, finds it taken and can still say so.
        with tx.session.begin_nested():
            tx.session.add(NonceRow(hash=nonce, seen_at=tx.now))
    except IntegrityError:
        tx.audit(Tag.REPLAY_REFUSED, {"nonce": nonce})
        return False
    return True


def _refuse(tx: Transaction, plan_id: str, body: JsonObject) -> None:
    found = standing(tx.session, plan_id)
    incident = None if isinstance(found, Objection) else found.row.incident
    tx.audit(Tag.CLICK_REFUSED, body, incident=incident, plan_id=plan_id)


def _objection(tx: Transaction, found: Standing, decision: Decision) -> Objection | None:
    # First, because a click on other bytes says nothing about these.
    if decision.plan_digest != found.plan.digest:
        return Objection.TAMPERED
    if found.state is not PlanState.PENDING and not _still_open(found, decision.verdict):
        return Objection.NO_SUCH_EDGE
    if too_late(tx, found):
        return Objection.EXPIRED
    # Whoever approved may still deny: a change of mind counts when it makes things safer.
    return None if decision.verdict is Verdict.DENY else _against_approval(tx, found, decision)


def _against_approval(tx: Transaction, found: Standing, decision: Decision) -> Objection | None:
    if not confirmed(found.plan, decision.request.get("typed")):
        return Objection.NOT_CONFIRMED
    given = decisions_of(tx.session, decision.plan_id)
    if any(one.approver == decision.approver for one in given):
        return Objection.DUPLICATE
    return Objection.SAME_HUMAN if human_of(decision) in map(human_of, given) else None


def _still_open(found: Standing, verdict: Verdict) -> bool:
    """Whether an approved plan takes this word: a deny until the claim, or a lost approval made up for."""
    if found.state is not PlanState.APPROVED:
        return False
    return verdict is Verdict.DENY or asks_again(found)


def asks_again(found: Standing) -> bool:
    """Whether the claim was refused because an approver lost the right: another one may step in (T20)."""
    lost = found.proposal.obstacle == Objection.APPROVER_LOST_RIGHT.value
    return found.state is PlanState.APPROVED and lost


def human_of(decision: Decision) -> str:
    """Whose word it is, as the roster said at the click; several accounts may belong to one human."""
    return decision.request.get("human") or f"{decision.approver.team_id}/{decision.approver.user_id}"


def _insert(tx: Transaction, found: Standing, decision: Decision) -> None:
    tx.session.add(
        DecisionRow(
            plan_id=decision.plan_id,
            team_id=decision.approver.team_id,
            user_id=decision.approver.user_id,
            verdict=decision.verdict.value,
            # The words stand apart, so that they can be erased.
            body=decision.model_dump(mode="json") | {"reason": "", "reason_salt": ""},
        )
    )
    who = decision.approver
    digest = payloads.keep(tx, decision.reason, decision.reason_salt, f"{who.team_id}/{who.user_id}")
    tx.session.flush()
    body = {
        "by": decision.approver.model_dump(),
        "verdict": decision.verdict.value,
        "digest": decision.plan_digest,
        "reason_digest": digest,
        "mac": decision.mac,
        **of_event(decision),
    }
    tx.audit(Tag.PLAN_DECIDED, body, incident=found.row.incident, plan_id=decision.plan_id)


def _consequence(tx: Transaction, found: Standing, decision: Decision) -> Decided | Objection:
    who = decision.approver.user_id
    words = decision.reason
    if decision.verdict is Verdict.DENY:
        to = PlanState.DENIED
    elif found.state is PlanState.APPROVED:
        hinder(tx, found, "")
        tx.wake(Agent.ACTOR, found.row.incident)
        return Decided(state=found.state)
    elif approvals(decisions_of(tx.session, decision.plan_id)) >= found.plan.needed:
        to, words = PlanState.APPROVED, ""
    else:
        tx.wake(Agent.GATEKEEPER, found.row.incident)
        return Decided(state=found.state)
    wanted = Move(plan_id=decision.plan_id, to=to, by=Agent.GATEKEEPER, reason=who, words=words)
    against = move(tx, wanted)
    return Decided(state=to) if against is None else against


def approvals(given: Iterable[Decision]) -> int:
    """How many different humans approved."""
    return len({human_of(decision) for decision in given if decision.verdict is Verdict.APPROVE})


def decisions_of(session: Session, plan_id: str) -> list[Decision]:
    """Every decision on a plan, in the order they were made."""
    query = select(DecisionRow).where(DecisionRow.plan_id == plan_id).order_by(col(DecisionRow.id))
    return [_value_of(session, row) for row in session.exec(query)]


def _value_of(session: Session, row: DecisionRow) -> Decision:
    stored = Decision.model_validate(row.body)
    if not stored.reason_digest:
        return stored
    reason, salted = payloads.words_of(session, stored.reason_digest)
    return stored.model_copy(update={"reason": reason, "reason_salt": salted})
