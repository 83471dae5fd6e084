"""A drafted change and the policy: drawn again where less is allowed, and refused where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agents.incident import Incident, IncidentState, Plan
from agents.investigator.permission import Asking, permitted
from agents.investigator.proposals import Limits, NoPlan, Proposal, propose
from agents.investigator.reasoning import reason
from agents.investigator.reasoning_case import Case
from agents.investigator.wanted import Permitted
from agents.ledger.policy import about
from tests.support.kube_objects import crashing, deployment, replicaset, template
from tests.support.plans import a_plan, an_alert
from tests.support.scenes import alert, scene
from tests.support.world_cluster import START
from tools.policy.facts import Radius, Terms
from tools.policy.load import PolicyFile

ALL = "version: 1\nallow: [{name: all}]\n"
MEMORY = "/spec/template/spec/containers/0/resources/limits/memory"


def incident(*alerts: dict[str, str]) -> Incident:
    told = tuple(an_alert(START, fingerprint=f"f{n}", labels=labels) for n, labels in enumerate(alerts))
    return Incident(
        number=7,
        cluster="demo",
        group_key="g",
        title="memory",
        severity="critical",
        state=IncidentState.OPEN,
        phase="",
        opened_at=START,
        alerts=told,
    )


def asking(folder: Path, rules: str) -> Asking:
    file = folder / "policy.yaml"
    file.write_text(ALL + rules, encoding="utf-8")
    return Asking(policies=PolicyFile(path=file), incident=incident(), terms=Terms())


def killed(**marks: object) -> Case:
    """A container that is killed at its 100Mi again and again."""
    small = template(resources={"limits": {"memory": "100Mi"}})
    limit = {"resources": {"limits": {"memory": "100Mi"}}}
    dead = crashing("web-r1-aaaaa", 137, "OOMKilled", container=limit)
    objects = [deployment(available=1, template=small, **marks), replicaset(1, template=small), dead]
    return scene(objects, alert("KubeContainerOOMKilled", namespace="shop", deployment="web")).case


def answer(case: Case, asked: Asking) -> Permitted | NoPlan:
    cause = reason(case).cause

    def draw(factor: float | None) -> Proposal:
        return propose(case, cause, Limits(limit_factor=2.0 if factor is None else min(2.0, factor)))

    return permitted(case, asked, draw)


def test_without_a_rule_the_settings_decide(tmp_path: Path) -> None:
    found = answer(killed(), asking(tmp_path, ""))
    assert isinstance(found, Permitted)
    assert found.step.set == {MEMORY: "200Mi"}
    assert (found.judged.tier, found.radius.replicas) == (2, 2)


def test_where_a_rule_allows_less_the_change_is_drawn_again_within_it(tmp_path: Path) -> None:
    found = answer(killed(), asking(tmp_path, "rules: [{name: slow, limit_factor: 1.5}]\n"))
    assert isinstance(found, Permitted)
    assert found.step.set == {MEMORY: "150Mi"}
    assert "1.5 times" in found.why
    assert found.judged.allowed


def test_a_rule_that_allows_more_than_the_settings_changes_nothing(tmp_path: Path) -> None:
    found = answer(killed(), asking(tmp_path, "rules: [{name: loose, limit_factor: 4}]\n"))
    assert isinstance(found, Permitted)
    assert found.step.set == {MEMORY: "200Mi"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("rules: [{name: closed, deny: not tonight}]\n", "The policy: 'closed' refuses it: not tonight."),
        (
            "rules: [{name: slow, limit_factor: 1.5}, {name: closed, deny: not tonight}]\n",
            "'closed' refuses it: not tonight",
        ),
        ("rules: [{name: tiny, limit_factor: 1.001}]\n", "No change in the catalogue removes this cause."),
        ("rules: [{name: odd, when: '1 / 0 == 1', tier: 2}]\n", "'odd' cannot be evaluated"),
        ("rules: [", "The policy cannot be used: "),
    ],
)
def test_what_is_not_allowed_is_no_plan_and_says_which_rule(tmp_path: Path, rules: str, words: str) -> None:
    found = answer(killed(), asking(tmp_path, rules))
    assert isinstance(found, NoPlan)
    assert words in found.reason


ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}


def memory_of(found: Permitted | NoPlan) -> str:
    assert isinstance(found, NoPlan)
    assert "Argo CD manages Deployment shop/web and would revert a change made here." in str(found)
    (container,) = yaml.safe_load(found.patch)["spec"]["template"]["spec"]["containers"]
    return str(container["resources"]["limits"]["memory"])


def test_t35_an_object_that_git_deploys_gets_advice_and_the_patch_and_no_plan(tmp_path: Path) -> None:
    assert memory_of(answer(killed(annotations=ARGO), asking(tmp_path, ""))) == "200Mi"


def test_the_patch_to_commit_keeps_to_the_policy_as_well(tmp_path: Path) -> None:
    rules = "rules: [{name: slow, limit_factor: 1.5}]\n"
    assert memory_of(answer(killed(annotations=ARGO), asking(tmp_path, rules))) == "150Mi"


def test_what_the_policy_denies_is_no_advice_either(tmp_path: Path) -> None:
    found = answer(killed(annotations=ARGO), asking(tmp_path, "rules: [{name: closed, deny: not tonight}]\n"))
    assert isinstance(found, NoPlan)
    assert "The policy: " in found.reason
    assert (found.advice, found.patch) == ("", "")


def test_an_object_that_carries_too_much_is_no_plan(tmp_path: Path) -> None:
    case = killed(annotations={f"key-{n}": "x" for n in range(65)})
    found = answer(case, asking(tmp_path, ""))
    assert isinstance(found, NoPlan)
    assert "more than a plan can state" in found.reason


def test_what_cannot_be_drawn_is_not_asked_about(tmp_path: Path) -> None:
    nothing = NoPlan(reason="no")
    asked = replace(asking(tmp_path, ""), policies=PolicyFile(path=tmp_path / "gone.yaml"))
    assert permitted(killed(), asked, lambda _: nothing) is nothing


def test_conditions_see_the_labels_that_all_alerts_share() -> None:
    one = {"alertname": "A", "namespace": "shop", "pod": "x"}
    other = {"alertname": "B", "namespace": "shop", "pod": "y"}
    seen = about(incident(one, other))
    assert (seen.id, seen.severity, seen.alerts) == ("INC-7", "critical", ("A", "B"))
    assert seen.labels == {"namespace": "shop"}
    assert about(None).id == ""


def test_what_a_plan_touches_is_signed_and_older_plans_keep_their_digest() -> None:
    bare = a_plan(START)
    assert b"radius" not in bare.canonical()
    stated = a_plan(START, radius=(Radius(replicas=3),))
    assert b'"replicas":3' in stated.canonical()
    assert len({bare.digest, stated.digest, a_plan(START, radius=(Radius(replicas=4),)).digest}) == 3
    again = Plan.model_validate_json(stated.canonical())
    assert (again, again.digest) == (stated, stated.digest)
    assert Plan.model_validate_json(bare.canonical()).digest == bare.digest
