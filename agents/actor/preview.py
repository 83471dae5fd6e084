"""Rehearsing a draft: the API server's own dry-run, its diff, or its refusal in its own words."""

from __future__ import annotations

from agents.actor.hands import Hands, changed, digest_of_all
from agents.incident import Plan, Preview
from agents.ledger import previews
from tools.kubernetes.actions.catalogue import check
from tools.kubernetes.errors import KubernetesError
from tools.redaction import redact


def preview(hands: Hands, plan: Plan) -> None:
    """Store an accepted dry-run, or refuse the draft. Raises retryable KubernetesErrors."""
    try:
        reason = _unfit(hands, plan)
        rehearsals = [] if reason else [hands.rehearse(step, plan.id) for step in plan.steps]
    except KubernetesError as refused:
        # The API server was away, which says nothing about the draft: the queue brings it back.
        if refused.retryable:
            raise
        reason = redact(str(refused))
    if reason is not None:
        previews.refuse_draft(hands.ledger, plan.id, reason)
        return
    shown = Preview(
        plan_id=plan.id,
        at=hands.ledger.now(),
        diffs=tuple(redact(rehearsal.diff) for rehearsal in rehearsals),
        dry_run_digest=digest_of_all(rehearsal.after for rehearsal in rehearsals),
    )
    previews.store_preview(hands.ledger, shown)


def _unfit(hands: Hands, plan: Plan) -> str | None:
    for step in plan.steps:
        against = check(step)
        if against is not None:
            return against.reason
    if plan.cluster_uid != hands.cluster.cluster_uid():
        return "the plan was made for another cluster"
    for step in plan.steps:
        drifted = changed(step, hands.target(step))
        if drifted:
            return f"{step.target} changed since it was looked at: {drifted}"
    return None
