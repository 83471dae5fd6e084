"""After a crash or a lost answer: read, never send, and say only what was seen.

SUCCEEDED when every target carries our mark and values; NOT_APPLIED when the owner is provably
dead, its last request's deadline has passed and everything is as it was before; else UNKNOWN.
"""

from __future__ import annotations

from agents.actor.hands import Hands
from agents.ledger import executions
from agents.ledger.executions import Unresolved
from agents.ledger.protocol import PlanState
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import is_applied
from tools.kubernetes.errors import NotFound
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import drift


def reconcile(hands: Hands, found: Unresolved) -> None:
    """Conclude what can be concluded now; the ledger refuses what is too early."""
    plan_id = found.plan.id
    executing = found.state is PlanState.EXECUTING
    if executing and executions.give_up(hands.ledger, plan_id, "its actor gave no sign of life") is not None:
        return
    # Another cluster can prove nothing about this plan, neither that it was done nor that it was not.
    if hands.cluster.cluster_uid() != found.plan.cluster_uid:
        return
    # The proof first, then the look: the last request of the dead owner may land between the two.
    gone = hands.ledger.now() > found.dead_after
    targets = [_target_or_nothing(hands, step) for step in found.plan.steps]
    pairs = list(zip(found.plan.steps, targets, strict=True))
    if all(live and is_applied(step, plan_id, live) for step, live in pairs):
        executions.conclude(hands.ledger, plan_id, PlanState.SUCCEEDED, "the object carries our mark")
        return
    untouched = all(live and not drift(step.expect, live) for step, live in pairs)
    if untouched and gone:
        reason = "its actor is gone and the object is as it was before"
        executions.conclude(hands.ledger, plan_id, PlanState.NOT_APPLIED, reason)


def _target_or_nothing(hands: Hands, step: Step) -> JsonObject | None:
    try:
        return hands.target(step)
    except NotFound:
        return None
