"""What the policy says of a plan: default deny, rules that narrow, and failures that refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import scale as proofs
from tests.support.plans import a_step
from tests.support.policies import memory, policies, policy, question, questions, rules, scale
from tools.kubernetes.actions.step import Step
from tools.policy.engine import Fate, Judgement, judge
from tools.policy.facts import Budget, Question, Radius, Terms
from tools.policy.floor import factor, floor
from tools.policy.load import PolicyFile
from tools.policy.model import Allow, Policy, Rule


def denied(judged: Judgement) -> str:
    assert not judged.allowed
    return judged.objection


def test_what_nothing_allows_is_refused() -> None:
    assert denied(judge(Policy(version=1), question())) == (
        "nothing in the policy allows set_image on Deployment shop/checkout"
    )
    narrow = (
        Allow(name="a", verbs=("scale",)),
        Allow(name="b", kinds=("Service",)),
        Allow(name="c", namespaces=("cart",)),
        Allow(name="d", when="target.name == 'cart'"),
    )
    assert denied(judge(policy(allow=narrow), question()))
    assert judge(policy(allow=narrow), question(scale(5))).allowed


def test_one_step_that_nothing_allows_refuses_the_whole_plan() -> None:
    only = (Allow(name="scaling", verbs=("scale",)),)
    assert "set_image" in denied(judge(policy(allow=only), question(scale(5), a_step())))


def test_a_namespace_may_be_a_pattern_and_never_matches_what_has_none() -> None:
    team = (Allow(name="team", namespaces=("shop-*",)),)
    assert judge(policy(allow=team), question(a_step(namespace="shop-eu"))).allowed
    assert denied(judge(policy(allow=team), question(a_step(namespace="shop"))))
    nowhere = a_step().model_copy(update={"namespace": ""})
    assert not Allow(name="x", namespaces=("?*",)).about(nowhere)
    assert Allow(name="x").about(nowhere)


def test_a_refusal_names_its_rule_and_reason() -> None:
    frozen = Rule(name="frozen", namespaces=("shop",), deny="the shop is frozen until Monday")
    assert denied(judge(policy(frozen), question())) == (
        "'frozen' refuses it: the shop is frozen until Monday"
    )
    assert judge(policy(frozen), question(a_step(namespace="cart"))).allowed


@pytest.mark.parametrize(
    "when",
    [
        "blast.requests_per_second > 10.0",
        "target.labels['nobody'] == 'x'",
        "step.set['/spec/replicas'] < 3",
        "1 / 0 == 1",
        "target.name.matches('(')",
        "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, "
        "[1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, a+b+c+d+e > 0)))))",
    ],
)
@pytest.mark.parametrize("as_rule", [True, False])
def test_a_condition_that_cannot_be_evaluated_refuses_and_is_named(when: str, as_rule: bool) -> None:
    entry: dict[str, Any] = {"name": "broken", "when": when}
    asked = policy(Rule(**entry, tier=2)) if as_rule else policy(allow=(Allow(name="all"), Allow(**entry)))
    judged = judge(asked, question())
    assert denied(judged).startswith("'broken' cannot be evaluated, so it refuses: ")
    assert [trace.entry for trace in judged.traces if trace.fate is Fate.FAILED] == ["broken"]


def test_a_plan_that_does_not_state_what_it_touches_fails_every_condition() -> None:
    bare = Question(steps=(a_step(),))
    assert judge(policy(), bare).allowed
    assert "does not state what it touches" in denied(
        judge(policy(Rule(name="x", when="false", tier=2)), bare)
    )


def test_rules_add_up_and_the_strictest_of_each_kind_counts() -> None:
    judged = judge(
        policy(
            Rule(name="a", tier=2, pending_minutes=10, claim_within_s=60),
            Rule(name="b", tier=3, pending_minutes=20, claim_within_s=30),
            Rule(name="c", namespaces=("cart",), pending_minutes=1, deny="not here"),
        ),
        question(terms=Terms(pending_s=1800, claim_within_s=120)),
    )
    assert judged.allowed
    assert (judged.floor, judged.tier, judged.approvals_needed) == (1, 3, 2)
    assert (judged.pending_s, judged.claim_within_s) == (600, 30)
    assert judged.why_tier == ("rule 'a' asks tier 2", "rule 'b' asks tier 3")


def test_a_rule_never_gives_more_time_than_there_is() -> None:
    generous = policy(Rule(name="a", pending_minutes=240, claim_within_s=600))
    judged = judge(generous, question(terms=Terms(pending_s=60, claim_within_s=20)))
    assert (judged.pending_s, judged.claim_within_s) == (60, 20)


def test_requests_and_limits_are_held_to_the_factor_of_the_strictest_rule() -> None:
    asked = policy(Rule(name="slow", limit_factor=3), Rule(name="slower", limit_factor=1.5))
    judged = judge(asked, question(memory("256Mi")))
    assert denied(judged) == "'slower' refuses it: requests and limits may be raised 1.5 times at most"
    assert judged.limit_factor == 1.5
    assert judge(asked, question(memory("192Mi"))).allowed
    assert judge(asked, question(memory("64Mi"))).allowed


TEMPLATE = "/spec/template"


def _template(**limits: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "web", "image": "a", "resources": {"limits": limits}}]}}


def _rolled(before: dict[str, Any], after: dict[str, Any]) -> Step:
    stated = {"/metadata/generation": 4, "/metadata/annotations/deployment.kubernetes.io~1revision": "8"}
    return a_step(
        verb="roll_back",
        expect={**stated, TEMPLATE: before},
        set={TEMPLATE: after},
        about={"revision": "7"},
    )


@pytest.mark.parametrize(
    ("step", "tier", "raised"),
    [
        (a_step(), 1, 1.0),
        (scale(5), 1, 1.0),
        (memory("256Mi"), 2, 2.0),
        (memory("64Mi"), 2, 1.0),
        (memory("1Gi", before="none"), 2, float("inf")),
        (_rolled(_template(memory="64Mi"), {**_template(memory="64Mi"), "metadata": {}}), 1, 1.0),
        (_rolled(_template(memory="64Mi"), _template(memory="128Mi")), 2, 2.0),
        (_rolled(_template(memory="64Mi"), _template(memory="64Mi", cpu="1")), 2, float("inf")),
        (a_step(kind="Node", api_version="v1"), 2, 1.0),
        (a_step(kind="NetworkPolicy", api_version="networking.k8s.io/v1"), 3, 1.0),
        (a_step(kind="PodDisruptionBudget", api_version="policy/v1"), 3, 1.0),
        (a_step(kind="X", api_version="admissionregistration.k8s.io/v1"), 3, 1.0),
        (a_step(kind="ResourceQuota", api_version="v1"), 3, 1.0),
        (a_step(verb="no_such_verb"), 3, 1.0),
    ],
)
def test_the_floor_of_a_step(step: Step, tier: int, raised: float) -> None:
    found = floor(question(step))
    assert found.tier == tier
    assert found.approvals_needed == (2 if tier == 3 else 1)
    assert bool(found.reasons) is (tier > 1)
    assert factor(step) == raised


@pytest.mark.parametrize(
    "radius",
    [
        Radius(labels={"midwatch.dev/critical": "true"}),
        Radius(namespace_labels={"midwatch.dev/critical": "true"}),
        Radius(labels={"tier": "gold"}),
    ],
)
def test_a_critical_object_is_tier_two_whatever_the_policy_says(radius: Radius) -> None:
    asked = question(radius=radius)
    assert judge(policy(critical_labels=("tier=gold",)), asked).tier == 2
    assert judge(policy(), asked).tier == (1 if "tier" in radius.labels else 2)


def test_more_than_one_object_is_tier_three_and_two_people() -> None:
    both = judge(policy(), question(a_step(), a_step(name="cart")))
    assert (both.tier, both.approvals_needed) == (3, 2)
    same = judge(policy(), question(a_step(), scale(5)))
    assert same.tier == 1


def test_fewer_replicas_than_the_disruption_budget_needs_is_tier_two() -> None:
    guarded = Radius(replicas=3, budget=Budget(name="checkout", need=2, allowed=1))
    assert judge(policy(), question(scale(1), radius=guarded)).tier == 2
    assert judge(policy(), question(scale(2), radius=guarded)).tier == 1


def test_the_judgement_tells_every_entry_and_the_values_it_went_by() -> None:
    asked = policy(
        Rule(name="busy", when="blast.requests_per_second > 100.0", tier=2),
        Rule(name="elsewhere", namespaces=("cart",), deny="x"),
    )
    radius = Radius(requests_per_second=50)
    traces = {trace.entry: trace for trace in judge(asked, question(radius=radius)).traces}
    assert traces["all"].fate is Fate.MATCHED
    assert traces["busy"].fate is Fate.NOT_MATCHED
    assert traces["busy"].values == {"blast.requests_per_second": 50}
    assert traces["busy"].effects == ("tier 2 at least",)
    assert traces["elsewhere"].fate is Fate.NOT_ABOUT


@pytest.mark.proof
@settings(max_examples=proofs.scale("policies"), deadline=None)
@given(policies(), questions())
def test_no_policy_goes_below_the_floor_or_beyond_the_terms(given_policy: Policy, asked: Question) -> None:
    judged, least = judge(given_policy, asked), floor(asked)
    assert judged.tier >= least.tier
    assert judged.approvals_needed >= least.approvals_needed
    assert judged.approvals_needed <= 2
    assert (judged.approvals_needed == 2) or judged.tier < 3
    assert 1 <= judged.pending_s <= asked.terms.pending_s
    assert 1 <= judged.claim_within_s <= asked.terms.claim_within_s


@pytest.mark.proof
@settings(max_examples=proofs.scale("policies"), deadline=None)
@given(policies(), questions())
def test_nothing_is_allowed_that_no_entry_allows(given_policy: Policy, asked: Question) -> None:
    judged = judge(given_policy, asked)
    if judged.allowed:
        for n in range(1, len(asked.steps) + 1):
            hits = [one for one in judged.traces if one.step == n and one.fate is Fate.MATCHED]
            assert any(not one.rule for one in hits)
    assert not judge(given_policy.model_copy(update={"allow": ()}), asked).allowed


@pytest.mark.proof
@settings(max_examples=proofs.scale("policies"), deadline=None)
@given(policies(), questions(), rules(n=99), st.integers(0, 5))
def test_one_more_rule_never_widens(given_policy: Policy, asked: Question, more: Rule, where: int) -> None:
    before = judge(given_policy, asked)
    placed = [*given_policy.rules[:where], more, *given_policy.rules[where:]]
    after = judge(given_policy.model_copy(update={"rules": tuple(placed)}), asked)
    assert before.allowed or not after.allowed
    assert after.tier >= before.tier
    assert after.approvals_needed >= before.approvals_needed
    assert after.pending_s <= before.pending_s
    assert after.claim_within_s <= before.claim_within_s
    assert (after.limit_factor or 9) <= (before.limit_factor or 9)


@settings(max_examples=30, deadline=None)
@given(questions())
def test_the_shipped_policy_allows_what_the_code_allows(asked: Question) -> None:
    judged = judge(PolicyFile().read(), asked)
    assert judged.allowed
    assert judged.tier == floor(asked).tier
