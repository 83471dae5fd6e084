"""After a crash or a lost answer: read, never send, and say only what was seen.

SUCCEEDED when every target carries our mark and values; NOT_APPLIED when the owner is provably
dead, its last request's deadline has passed and everything is as it was before; else UNKNOWN.
"""

from __future__ import annotations

from agents.actor.hands import Hands
from agents.ledger import executions
from agents.ledger.executions import Unresolved
from agents.ledger.protocol import PlanState
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.verb import matches
from tools.kubernetes.errors import KubernetesError
from tools.redaction import redact


def reconcile(hands: Hands, found: Unresolved) -> None:
    """Conclude what can be concluded now; the ledger refuses what is too early."""
    plan_id = found.plan.id
    executing = found.state is PlanState.EXECUTING
    if executing and executions.give_up(hands.ledger, plan_id, "its actor gave no sign of life") is not None:
        return
    if hands.ledger.now() <= found.dead_after:
        _conclude(hands, found, early=True)
        return
    try:
        unresolved = _conclude(hands, found, early=False)
    except KubernetesError as problem:
        executions.call_for_help(hands.ledger, plan_id, redact(f"it cannot be read: {problem}"))
        raise
    if unresolved:
        executions.call_for_help(hands.ledger, plan_id, unresolved)


def _conclude(hands: Hands, found: Unresolved, *, early: bool) -> str:
    """Say what the objects show, or why they show nothing. ``early``: a request may be on its way."""
    plan_id = found.plan.id
    # Another cluster can prove nothing about this plan, neither that it was done nor that it was not.
    if hands.cluster.cluster_uid() != found.plan.cluster_uid:
        return "this connection leads to another cluster"
    if not all(step.verb in CATALOGUE for step in found.plan.steps):
        return "whoever began it knew more verbs than this actor does"
    pairs = [(step, hands.target(step)) for step in found.plan.steps]
    if all(is_applied(step, plan_id, live) for step, live in pairs):
        executions.conclude(hands.ledger, plan_id, PlanState.SUCCEEDED, "the object is as the plan wanted it")
        return ""
    if all(not matches(step, live) for step, live in pairs):
        reason = "its actor is gone and the object is as it was before"
        if not early:
            executions.conclude(hands.ledger, plan_id, PlanState.NOT_APPLIED, reason)
        return ""
    return "neither every mark of ours nor everything as it was before is there"
