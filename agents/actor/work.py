"""The actor's one job, ``advance(incident)``: look at every plan of it and do what is due."""

from __future__ import annotations

from contextlib import suppress

from agents.actor.hands import Hands
from agents.actor.perform import perform
from agents.actor.preview import preview
from agents.actor.reconcile import reconcile
from agents.incident import Plan
from agents.ledger import executions, moves, previews, sealing
from agents.ledger.executions import Claim, NotOurs
from agents.ledger.protocol import LOCKING, Objection, PlanState
from tools.crash import crash
from tools.redaction import redact

# What cannot go on yet is looked at again at this pace: approved and hindered, being done, or unresolved.
LOOK_AGAIN_S = 5.0


def advance(hands: Hands, incident: int) -> None:
    """Rehearse drafts, perform what is approved, reconcile what is open. Idempotent; blocking.

    Raises retryable KubernetesErrors and LedgerUnavailable: the queue tries again.
    """
    with hands.ledger.read() as session:
        ids = moves.plan_ids(session, incident)
    for plan_id in ids:
        _one(hands, plan_id)


def _one(hands: Hands, plan_id: str) -> None:
    with hands.ledger.read() as session:
        found = moves.standing(session, plan_id)
        previewed = previews.preview_of(session, plan_id) is not None
        open_attempt = executions.unresolved(session, plan_id)
    if isinstance(found, Objection):
        return
    if found.state is PlanState.DRAFT and not previewed:
        preview(hands, found.plan)
    elif found.state is PlanState.APPROVED:
        if hands.halted() or not _claim_and_perform(hands, found.plan):
            # What stands in its way may pass before its time does: a halt, a busy object, a lost approval.
            executions.look_again(hands.ledger, plan_id, LOOK_AGAIN_S)
    elif found.state in LOCKING and open_attempt is not None:
        reconcile(hands, open_attempt)
        executions.look_again(hands.ledger, plan_id, LOOK_AGAIN_S)


def _claim_and_perform(hands: Hands, plan: Plan) -> bool:
    crash("c2")
    if against := hands.refused(plan):
        # Signed under another policy than today's: it is not done, whoever signed it.
        executions.turn_away(hands.ledger, plan.id, redact(against))
        return True
    if hands.sealed and not _is_open(hands, plan):
        sealing.wait(hands.ledger, plan.id)
        return False
    claimed = executions.claim(hands.ledger, plan.id, hands.actor_id, hands.still_valid)
    if not isinstance(claimed, Claim):
        return False
    # The lease may run out, or somebody take over: whoever looks next only reads.
    with suppress(NotOurs):
        perform(hands, claimed)
    return True


def _is_open(hands: Hands, plan: Plan) -> bool:
    with hands.ledger.read() as session:
        return sealing.is_open(session, plan.id)
