"""Why a plan has its tier, and which entries of the policy allow it: asked anew for each card."""

from __future__ import annotations

from agents.incident import Incident, Plan, Value
from agents.ledger.policy import question_of
from tools.policy.engine import Fate, judge
from tools.policy.load import PolicyError, PolicyFile


class Reasons(Value):
    """What the policy said of one plan: of its tier, and the names of the entries that matched."""

    tier: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


def reasons_of(policies: PolicyFile, plan: Plan, incident: Incident) -> Reasons:
    """The reasons; none where the policy cannot be read, which by itself refuses the plan elsewhere."""
    try:
        judged = judge(policies.read(), question_of(plan, incident))
    except PolicyError:
        return Reasons()
    # Denying rules would have cancelled the plan: what matched is what allows it.
    matched = [trace.entry for trace in judged.traces if trace.fate is Fate.MATCHED]
    return Reasons(tier=judged.why_tier, entries=tuple(dict.fromkeys(matched)))
