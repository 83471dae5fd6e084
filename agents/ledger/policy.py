"""What the policy says of a plan now. Investigator, gatekeeper and actor each ask on their own.

Judged from the plan's bytes, so an agent without a cluster can judge as well, and by the file as it
says at that moment: a signature given under another policy is worth what the present one allows.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from agents.incident import Incident, Plan
from tools.policy.engine import Judgement, judge
from tools.policy.facts import About, Question, Terms
from tools.policy.floor import LONGEST_PENDING_MINUTES
from tools.policy.load import PolicyError, PolicyFile


def about(incident: Incident | None) -> About:
    """The incident as conditions see it."""
    if incident is None:
        return About()
    pairs = Counter(pair for alert in incident.alerts for pair in alert.labels.items())
    shared = dict(pair for pair, count in pairs.items() if count == len(incident.alerts))
    names = tuple(sorted({alert.name for alert in incident.alerts}))
    return About(id=incident.id, severity=incident.severity, alerts=names, labels=shared)


def question_of(plan: Plan, incident: Incident | None) -> Question:
    """A drawn-up plan as a question to the policy; its own terms are the most that it may have."""
    terms = Terms(pending_s=LONGEST_PENDING_MINUTES * 60, claim_within_s=plan.claim_within_s)
    return Question(
        steps=plan.steps,
        radius=plan.radius,
        incident=about(incident),
        requester=plan.requester,
        undo=bool(plan.undo_of),
        terms=terms,
    )


def refusal(
    policies: PolicyFile, plan: Plan, incident: Incident | None, drawn_up: datetime | None = None
) -> str:
    """Why this plan may not go on under the present policy, or nothing.

    With ``drawn_up`` the time to sign counts as well. A policy that cannot be read refuses.
    """
    try:
        policy = policies.read()
    except PolicyError as problem:
        return f"the policy cannot be used: {str(problem).splitlines()[0]}"
    judged = judge(policy, question_of(plan, incident))
    waits = (plan.pending_until - drawn_up).total_seconds() if drawn_up else 0
    if waits > judged.pending_s:
        return f"the policy gives {judged.pending_s} s to sign it now, and it was drawn up with more"
    return stricter(judged, plan)


def stricter(judged: Judgement, plan: Plan) -> str:
    """What the judgement asks beyond what the plan was drawn up with, or nothing."""
    if judged.objection:
        return f"the policy does not allow it now: {judged.objection}"
    if judged.tier > plan.tier:
        why = "; ".join(judged.why_tier)
        return f"it needs tier {judged.tier} now ({why}), and it was drawn up as tier {plan.tier}"
    if judged.approvals_needed > plan.approvals_needed:
        given = plan.approvals_needed
        return f"it needs {judged.approvals_needed} approvals now, and it was drawn up for {given}"
    if judged.claim_within_s < plan.claim_within_s:
        return f"the policy lets it start within {judged.claim_within_s} s now, and it was drawn up for more"
    return ""
