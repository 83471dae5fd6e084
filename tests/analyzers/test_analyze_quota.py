"""What bounds a namespace and breaks its workloads; room to spare and a quota of nothing are silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.quota import quotas
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import Json, deployment, ended, meta, pod, replicaset, template
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory


def quota(**used: tuple[str, str]) -> Json:
    status = {
        "used": {name: pair[0] for name, pair in used.items()},
        "hard": {name: pair[1] for name, pair in used.items()},
    }
    return {"kind": "ResourceQuota", "metadata": meta("ResourceQuota", "compute"), "status": status}


def limit_range(namespace: str = "shop", **limit: object) -> Json:
    spec = {"limits": [{"type": "Container", **limit}]}
    return {"kind": "LimitRange", "metadata": meta("LimitRange", "all", namespace=namespace), "spec": spec}


def asks(resources: Json | None = None, **spec: object) -> Json:
    made = template(resources=resources or {})
    made["spec"] |= spec
    return deployment(template=made)


def priority_class(name: str, *, default: bool = False) -> Json:
    return {"kind": "PriorityClass", "metadata": {"name": name}, "globalDefault": default}


def found(*objects: Json, whole: bool = True) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(quotas(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


def test_what_is_used_up_and_what_nearly_is_are_told_apart_by_resource() -> None:
    full, nearly = found(quota(cpu=("4000m", "4"), memory=("15Gi", "16Gi"), pods=("3", "10")))
    assert (full.code, full.severity) == ("quota.used_up", Severity.WARNING)
    assert full.fields == {"resources": {"cpu": {"used": "4000m", "hard": "4"}}}
    assert (nearly.code, nearly.severity) == ("quota.nearly_used_up", Severity.INFO)
    assert nearly.fields == {"resources": {"memory": {"used": "15Gi", "hard": "16Gi"}}}


def killed(limit: str = "64Mi") -> list[Json]:
    limits = {"resources": {"limits": {"memory": limit}}}
    return [
        replicaset(1, ready=1),
        pod("web-r1-a", container=limits, last=ended("OOMKilled", 137), restarts=1),
    ]


def test_a_default_limit_that_kills_names_the_workload_that_never_asked_for_it() -> None:
    (finding,) = found(asks(), *killed(), limit_range(default={"memory": "64Mi"}))
    assert str(finding.object) == "LimitRange shop/all"
    assert finding.code == "limitrange.default_kills"
    assert finding.fields == {
        "default_memory": "64Mi",
        "containers": ["web"],
        "workload_kind": "Deployment",
        "workload_name": "web",
    }


@pytest.mark.parametrize(
    ("resources", "limit", "fields"),
    [
        ({"limits": {"memory": "2Gi"}}, {"max": {"memory": "1Gi"}}, {"stated": "2Gi", "max": "1Gi"}),
        ({"requests": {"cpu": "10m"}}, {"min": {"cpu": "50m"}}, {"stated": "10m", "min": "50m"}),
    ],
)
def test_a_template_that_breaks_a_bound_is_found_before_its_pods_are_refused(
    resources: Json, limit: Json, fields: Json
) -> None:
    (finding,) = found(asks(resources), limit_range(**limit))
    assert finding.code == "limitrange.forbids_template"
    assert {"container": "web", "limit_range": "all", **fields}.items() <= finding.fields.items()


def test_each_of_several_defaults_may_be_the_one_that_kills() -> None:
    small, large = (limit_range(default={"memory": size}) for size in ("32Mi", "64Mi"))
    for pair in ((small, large), (large, small)):
        (finding,) = found(asks(), *killed("32Mi"), *pair)
        assert finding.fields["default_memory"] == "32Mi"


def test_of_several_limit_ranges_the_strictest_counts() -> None:
    loose, strict = limit_range(max={"memory": "4Gi"}), limit_range(max={"memory": "1Gi"})
    for pair in ((loose, strict), (strict, loose)):
        (finding,) = found(asks({"limits": {"memory": "2Gi"}}), *pair)
        assert finding.fields["max"] == "1Gi"


def test_priority_classes_that_are_missing_or_several_defaults_are_found() -> None:
    (missing,) = found(asks(priorityClassName="gold"), priority_class("silver"))
    assert (missing.code, missing.fields) == ("priorityclass.missing", {"priority_class": "gold"})
    one, other = found(priority_class("a", default=True), priority_class("b", default=True))
    assert one.code == other.code == "priorityclass.several_defaults"
    assert one.fields == {"classes": ["a", "b"]}


@pytest.mark.parametrize(
    "healthy",
    [
        [quota(cpu=("1", "4"), services=("0", "0"))],
        [asks({"limits": {"memory": "64Mi"}}), *killed(), limit_range(default={"memory": "64Mi"})],
        [asks(), *killed("32Mi"), limit_range(default={"memory": "64Mi"})],
        [asks(), *killed(), limit_range("other", default={"memory": "64Mi"})],
        [asks({"limits": {"memory": "1Gi"}}), limit_range(max={"memory": "1Gi"}, min={"memory": "1Mi"})],
        [asks(), *killed(), limit_range(max={"memory": "64Mi"})],
        [asks(priorityClassName="gold"), priority_class("gold", default=True)],
        [asks(priorityClassName="system-node-critical")],
    ],
    ids=["room", "asked for", "another limit", "elsewhere", "at the bound", "a maximum", "there", "built in"],
)
def test_what_leaves_room_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []


def test_a_priority_class_that_was_not_looked_for_is_not_missing() -> None:
    assert found(asks(priorityClassName="gold"), whole=False) == []
