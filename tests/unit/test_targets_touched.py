"""What a step touches, from one look: pods, budget, autoscaler, dependants, traffic, who deploys it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.investigator import traffic
from agents.investigator.reasoning_case import Case
from agents.investigator.targets_touched import NotStated, radius_of
from tests.support.kube_objects import Json, deployment, meta, pod, replicaset, service
from tests.support.plans import a_step
from tests.support.scenes import scene
from tools.kubernetes.inventory import Query
from tools.policy.facts import Budget, Radius, marks
from tools.policy.words import touched, warnings


def other(kind: str, name: str, spec: Json, **more: Any) -> Json:
    return {"kind": kind, "metadata": meta(kind, name, **more.pop("meta", {})), "spec": spec, **more}


def budget(name: str, allowed: int, app: str = "web") -> Json:
    status = {"desiredHealthy": 1, "disruptionsAllowed": allowed}
    return other("PodDisruptionBudget", name, {"selector": {"matchLabels": {"app": app}}}, status=status)


def ingress(name: str, to: str) -> Json:
    paths = {"paths": [{"path": "/", "backend": {"service": {"name": to}}}]}
    return other("Ingress", name, {"rules": [{"host": "shop.example", "http": paths}]})


def hpa(name: str, to: str) -> Json:
    named = {"kind": "Deployment", "name": to}
    return other("HorizontalPodAutoscaler", name, {"scaleTargetRef": named, "minReplicas": 2})


def shop(**marks_: Any) -> list[Json]:
    namespace = {"kind": "Namespace", "metadata": {"name": "shop", "uid": "n", "labels": {"env": "prod"}}}
    return [
        namespace,
        deployment(**marks_),
        deployment("cart"),
        replicaset(2),
        pod("web-r2-aaaaa"),
        service(),
        service("web-admin", {"app": "web"}),
        service("cart"),
        budget("web", 1),
        budget("web-strict", 0),
        budget("cart", 1, "cart"),
        hpa("web", "web"),
        ingress("front", "web"),
        ingress("back", "cart"),
    ]


def case_of(objects: list[Json], **rates: float) -> Case:
    case = scene(objects).case
    known = {("shop", name): rate for name, rate in rates.items()}
    return replace(case, snapshot=replace(case.snapshot, traffic=known))


def radius(objects: list[Json], kind: str = "Deployment", name: str = "web", **rates: float) -> Radius:
    step = a_step(kind=kind, name=name, uid=f"uid-{kind}-shop-{name}")
    return radius_of(step, case_of(objects, **rates))


def test_a_workload_is_told_with_all_that_hangs_on_it() -> None:
    found = radius(shop(labels={"team": "red"}), web=10.5, cart=99.0)
    assert found == Radius(
        labels={"team": "red"},
        namespace_labels={"env": "prod"},
        replicas=2,
        budget=Budget(name="web-strict", need=1, allowed=0),
        autoscalers=("web",),
        services=("web", "web-admin"),
        ingresses=("front",),
        requests_per_second=10.5,
    )
    assert touched(found) == (
        "pods: 2",
        "traffic: 10.5 requests a second",
        "disruption budget: web-strict needs 1, lets 0 go now",
        "scaled by: web",
        "reached through: web, web-admin, Ingress front",
        "deployed by: nothing that marks it",
    )
    assert warnings(found) == ("The disruption budget web-strict lets no further pod go now.",)


def test_a_pod_is_told_with_what_its_workload_has_and_as_one_pod() -> None:
    found = radius(shop(), "Pod", "web-r2-aaaaa")
    assert (found.replicas, found.services, found.budget) == (
        1,
        ("web", "web-admin"),
        Budget(name="web-strict", need=1, allowed=0),
    )


def test_a_service_is_told_with_the_pods_it_leads_to_and_its_own_traffic() -> None:
    found = radius(shop(), "Service", "web", web=4.0)
    assert (found.replicas, found.services, found.ingresses) == (2, ("web",), ("front",))
    assert found.requests_per_second == 4.0


def test_an_autoscaler_is_told_with_the_workload_it_scales() -> None:
    assert radius(shop(), "HorizontalPodAutoscaler", "web").replicas == 2


def test_what_was_not_seen_is_not_known_and_not_zero() -> None:
    found = radius([deployment()])
    assert found.requests_per_second is None
    assert found.budget is None
    assert "traffic: not known" in touched(found)
    lost = radius([], "Deployment", "gone")
    assert lost.replicas is None
    assert "pods: not known" in touched(lost)


def test_where_nothing_is_said_there_is_one_pod() -> None:
    assert radius([deployment(replicas=None)]).replicas == 1


def test_a_helm_release_is_a_warning() -> None:
    owned = {"labels": {"app.kubernetes.io/managed-by": "Helm"}}
    found = radius(shop(**owned, annotations={"meta.helm.sh/release-name": "shop"}))
    assert found.helm == "shop"
    assert "Helm release shop deploys this object" in warnings(found)[0]


def test_more_than_a_plan_can_state_is_no_plan() -> None:
    many = {f"key-{n}": "x" for n in range(65)}
    with pytest.raises(NotStated, match="carries or touches more than a plan can state"):
        radius(shop(annotations=many))


def test_marks_keep_no_secret_no_noise_and_nothing_long() -> None:
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    kept = marks(
        {
            "a": "b",
            "token": secret,
            "long": "x" * 129,
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "deployment.kubernetes.io/revision": "3",
            "midwatch.dev/applied-plan": "1",
        }
    )
    assert kept.keys() == {"a", "token", "long"}
    assert secret not in kept["token"]
    assert kept["long"].startswith("sha256:")
    assert len(kept["long"]) == 71
    assert marks(None) == {}


def test_labels_that_change_under_a_plan_are_seen_again() -> None:
    before = Radius(labels={"team": "red"}, replicas=2, services=("web",))
    now = before.seen_again({"metadata": {"labels": {"midwatch.dev/critical": "true"}}})
    assert now == before.model_copy(update={"labels": {"midwatch.dev/critical": "true"}})


def test_traffic_is_read_from_the_stored_answer_and_asked_for_real_namespaces_only() -> None:
    assert traffic.rates("shop", "cart 61\nweb 42.5") == {("shop", "cart"): 61.0, ("shop", "web"): 42.5}
    assert traffic.rates("shop", "no request is counted here") == {}
    assert traffic.rates("shop", "web NaN\n 3") == {}
    assert 'namespace="shop"' in traffic.expression("shop")
    with pytest.raises(ValueError, match="no namespace"):
        traffic.expression('shop"} or vector(1)')


@pytest.mark.parametrize(("kind", "namespace"), [("Namespace", ""), ("PodDisruptionBudget", "shop")])
def test_what_decides_and_could_not_be_read_is_no_reason_for_a_lower_tier(kind: str, namespace: str) -> None:
    case = case_of([one for one in shop() if one["kind"] != kind])
    failed = Query(kind=kind, namespace=namespace, path="/", count=0, ok=False, problem="forbidden")
    unread = replace(case.snapshot.inventory, queries=(failed,))
    case = replace(case, snapshot=replace(case.snapshot, inventory=unread))
    with pytest.raises(NotStated, match="could not be read"):
        radius_of(a_step(kind="Deployment", name="web", uid="uid-Deployment-shop-web"), case)


@pytest.mark.parametrize("selector", [{}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}])
def test_a_budget_over_every_pod_guards_these_too(selector: Json) -> None:
    status = {"desiredHealthy": 1, "disruptionsAllowed": 0}
    everybody = other("PodDisruptionBudget", "all", {"selector": selector}, status=status)
    found = radius([*(one for one in shop() if one["kind"] != "PodDisruptionBudget"), everybody])
    assert found.budget == Budget(name="all", need=1, allowed=0)
