"""Judging a plan: the code's floor first, then what the policy allows, then every rule that narrows it.

One pure function. The judgement carries each entry that was looked at and what became of it, so
that `midwatch policy explain` tells exactly what decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject
from tools.policy.cel import CelError, holds, names_in
from tools.policy.facts import Fact, Question
from tools.policy.floor import Floor, factor, floor
from tools.policy.model import Allow, Policy, Rule, Scope


class Fate(StrEnum):
    """What became of one entry for one step."""

    MATCHED = "matched"
    NOT_MATCHED = "its condition does not hold"
    NOT_ABOUT = "not about this step"
    FAILED = "its condition could not be evaluated"


class Trace(Fact):
    """One entry of the policy against one step, with the values its condition speaks of."""

    step: int
    entry: str
    rule: bool
    fate: Fate
    when: str = ""
    problem: str = ""
    values: JsonObject = Field(default_factory=dict)
    effects: tuple[str, ...] = ()


class Judgement(Fact):
    """What the policy says of a plan. ``objection`` is empty when it is allowed, and names the rule."""

    policy: str
    objection: str
    tier: int
    floor: int
    why_tier: tuple[str, ...]
    approvals_needed: int
    pending_s: int
    claim_within_s: int
    limit_factor: float | None
    traces: tuple[Trace, ...]

    @property
    def allowed(self) -> bool:
        """Whether such a plan may be proposed, shown and done."""
        return not self.objection


def judge(policy: Policy, question: Question) -> Judgement:
    """The judgement of a plan; a condition that fails to evaluate refuses it."""
    least = floor(question, policy.critical)
    traces: list[Trace] = []
    objections: list[str] = []
    matched: list[Rule] = []
    for n, step in enumerate(question.steps, start=1):
        values = activation(question, n, least)
        found = [(entry, _trace(entry, n, step, values)) for entry in (*policy.allow, *policy.rules)]
        traces += [trace for _, trace in found]
        matched += [one for one, trace in found if isinstance(one, Rule) and trace.fate is Fate.MATCHED]
        objections += _objections(step, found)
    terms = question.terms
    waits = [int(rule.pending_minutes * 60) for rule in matched if rule.pending_minutes is not None]
    starts = [rule.claim_within_s for rule in matched if rule.claim_within_s is not None]
    tier = max([least.tier, *(rule.tier for rule in matched if rule.tier)])
    return Judgement(
        policy=policy.digest,
        objection=next(iter(objections), ""),
        tier=tier,
        floor=least.tier,
        why_tier=(*least.reasons, *(f"rule {r.name!r} asks tier {r.tier}" for r in matched if r.tier)),
        # Raised to tier 3 by a rule, a plan needs the two people that tier 3 stands for.
        approvals_needed=max(
            [Floor(tier=tier, reasons=()).approvals_needed, *(r.approvals_needed or 1 for r in matched)]
        ),
        pending_s=max(1, min([terms.pending_s, *waits])),
        claim_within_s=min([terms.claim_within_s, *starts]),
        limit_factor=min((r.limit_factor for r in matched if r.limit_factor is not None), default=None),
        traces=tuple(traces),
    )


def _trace(entry: Scope, n: int, step: Step, values: JsonObject | None) -> Trace:
    told = Trace(
        step=n,
        entry=entry.name,
        rule=isinstance(entry, Rule),
        fate=Fate.NOT_ABOUT,
        when=entry.when,
        effects=effects(entry),
    )
    if not entry.about(step):
        return told
    if not entry.when:
        return told.model_copy(update={"fate": Fate.MATCHED})
    if values is None:
        why = "the plan does not state what it touches"
        return told.model_copy(update={"fate": Fate.FAILED, "problem": why})
    shown = {name: values[name] for name in names_in(entry.when)}
    try:
        fate = Fate.MATCHED if holds(entry.when, values) else Fate.NOT_MATCHED
    except CelError as problem:
        told = told.model_copy(update={"problem": str(problem)})
        fate = Fate.FAILED
    return told.model_copy(update={"fate": fate, "values": shown})


def _objections(step: Step, found: list[tuple[Scope, Trace]]) -> Iterator[str]:
    for entry, trace in found:
        if trace.fate is Fate.FAILED:
            yield f"{entry.name!r} cannot be evaluated, so it refuses: {trace.problem}"
    hits = [entry for entry, trace in found if trace.fate is Fate.MATCHED]
    if not any(isinstance(entry, Allow) for entry in hits):
        yield f"nothing in the policy allows {step.verb} on {step.target}"
    for entry in hits:
        if isinstance(entry, Rule) and entry.deny:
            yield f"{entry.name!r} refuses it: {entry.deny}"
        if isinstance(entry, Rule) and entry.limit_factor and factor(step) > entry.limit_factor:
            most = f"{entry.limit_factor:g} times at most"
            yield f"{entry.name!r} refuses it: requests and limits may be raised {most}"


def effects(entry: Scope) -> tuple[str, ...]:
    """What an entry does where it matches, in words."""
    if not isinstance(entry, Rule):
        return ("allows it",)
    said = {
        f"refuses it: {entry.deny}": entry.deny,
        f"tier {entry.tier} at least": entry.tier,
        f"{entry.approvals_needed} approvals": entry.approvals_needed,
        f"{entry.pending_minutes or 0:g} minutes to sign at most": entry.pending_minutes,
        f"{entry.claim_within_s} s from the signature to the change at most": entry.claim_within_s,
        f"requests and limits raised {entry.limit_factor or 0:g} times at most": entry.limit_factor,
    }
    return tuple(words for words, value in said.items() if value)


def activation(question: Question, n: int, least: Floor) -> JsonObject | None:
    """The values that conditions on step ``n`` (from 1) see; None when the plan does not state them."""
    if not question.radius:
        return None
    step, radius, incident = question.steps[n - 1], question.radius[n - 1], question.incident
    return {
        "plan.tier": least.tier,
        "plan.steps": len(question.steps),
        "plan.requester": question.requester,
        "plan.undo": question.undo,
        "step.verb": step.verb,
        "step.set": step.set,
        "step.expect": step.expect,
        "target.kind": step.kind,
        "target.namespace": step.namespace,
        "target.name": step.name,
        "target.labels": radius.labels,
        "target.annotations": radius.annotations,
        "target.namespace_labels": radius.namespace_labels,
        "target.replicas": radius.replicas,
        "incident.id": incident.id,
        "incident.severity": incident.severity,
        "incident.alerts": list(incident.alerts),
        "incident.labels": incident.labels,
        "blast.workloads": len({one.target.key for one in question.steps}),
        "blast.services": list(radius.services),
        "blast.ingresses": list(radius.ingresses),
        "blast.autoscalers": list(radius.autoscalers),
        "blast.budget_need": radius.budget.need if radius.budget else None,
        "blast.budget_allowed": radius.budget.allowed if radius.budget else None,
        "blast.requests_per_second": radius.requests_per_second,
        "blast.gitops": radius.gitops,
        "blast.helm": radius.helm,
    }
