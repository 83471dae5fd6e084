"""Incidents as the ledger tells them, for what is rendered from them: a story, and a plan's part in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agents.incident import (
    Approver,
    Claim,
    Decision,
    Diagnosis,
    Evidence,
    Hypothesis,
    Incident,
    IncidentState,
    Outcome,
    Plan,
    Preview,
    Receipt,
    Recovery,
    Verdict,
)
from agents.ledger.investigations import LOG
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.story import PlanView, Story
from tests.support.plans import a_decision, a_plan, a_step, an_alert
from tests.support.world_cluster import START
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import ObjectRef
from tools.policy.facts import Budget, Radius

OURS = "http://midwatch.example"
SEAL = SealKey(b"k" * 32)
CHECKOUT = ObjectRef(kind="Deployment", namespace="shop", name="checkout")
REACH = Radius(replicas=3, services=("checkout",), requests_per_second=12.5)
GRAVE = Radius(budget=Budget(name="checkout", need=2, allowed=0), helm="shop", gitops="Argo CD")
HELD = "another plan on this object is executing or unresolved"


def a_diagnosis(**changes: Any) -> Diagnosis:
    """A bad image, on the evidence of one look."""
    cause = Hypothesis(code="image.bad", object=CHECKOUT, sentence="The image does not start.", score=0.9)
    values: dict[str, Any] = {
        "cause": cause,
        "confidence": "high",
        "claims": (Claim(text="It was pulled", evidence=("E1", "E2")),),
    }
    return Diagnosis(**(values | changes))


def claims(count: int, words: str) -> tuple[Claim, ...]:
    return tuple(Claim(text=f"{words} {n}", evidence=(f"E{n}",)) for n in range(1, count + 1))


def an_evidence(number: int, excerpt: str = "read this") -> Evidence:
    return Evidence(
        id=f"E{number}",
        tool=LOG,
        query="shop/web",
        fetched_at=START,
        excerpt=excerpt,
        digest="e" * 64,
    )


def a_view(state: PlanState, **changes: Any) -> PlanView:
    """A previewed plan of incident 20 on its card; ``steps`` and the like are the plan's."""
    terms = {name: changes.pop(name) for name in tuple(changes) if name in Plan.model_fields}
    plan = a_plan(
        START, **({"incident": "INC-20", "radius": (REACH,), "policy_version": "0123456789abcdef"} | terms)
    )
    shown = Preview(plan_id=plan.id, at=START, diffs=("-a\n+b",) * len(plan.steps), dry_run_digest="d" * 64)
    values: dict[str, Any] = {
        "plan": plan,
        "state": state,
        "reason": "",
        "note": "",
        "state_at": START,
        "channel_id": "C1",
        "message_ts": "1.5",
        "preview": shown,
        "decisions": (),
        "receipts": (),
    }
    return PlanView(**(values | changes))


def a_story(*views: PlanView, **changes: Any) -> Story:
    """Incident 20, diagnosed, with these plans; ``phase`` and ``alerts`` (how many) are the incident's."""
    incident = Incident(
        number=20,
        cluster="demo",
        group_key="g",
        title="KubePodNotReady shop",
        severity="critical",
        state=IncidentState.OPEN,
        phase=changes.pop("phase", "proposing"),
        opened_at=START,
        alerts=(an_alert(START),) * changes.pop("alerts", 1),
    )
    values: dict[str, Any] = {"evidence": (), "diagnosis": a_diagnosis(), "outcome": None}
    return Story(**(values | {"incident": incident, "plans": views} | changes))


def on(name: str, verb: str = "set_image") -> Step:
    return a_step(verb=verb, name=name)


def gone(name: str) -> Step:
    """An eviction of this pod, which nothing takes back."""
    maker = {"kind": "ReplicaSet", "name": "checkout-5d", "controller": True}
    expect = {"/metadata/ownerReferences": [maker], "/spec/nodeName": "node-1"}
    return a_step(verb="evict_pod", kind="Pod", name=name, expect=expect, set={"": None})


def said(plan: Plan, *people: str, verdict: Verdict = Verdict.APPROVE) -> tuple[Decision, ...]:
    return tuple(
        a_decision(plan, START, approver=Approver(team_id="T0OURS", user_id=who), verdict=verdict)
        for who in people
    )


def a_receipt(plan: Plan, step: int, status: int | None, outcome: str = "") -> Receipt:
    """The receipt of a step; without a status nobody saw an answer."""
    seen = None if status is None else START + timedelta(seconds=1)
    return Receipt(
        plan_id=plan.id,
        step=step,
        intent_at=START,
        request_digest="f" * 64,
        result_at=seen,
        http_status=status,
        outcome=outcome,
    )


def ended(recovery: Recovery, sentence: str = "All its alerts are over.", **checks: bool) -> Outcome:
    return Outcome(recovery=recovery, at=START, sentence=sentence, checks=checks)
