"""What pods take from ConfigMaps and Secrets: missing or changed; the optional and the unknown are silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.config import config
from agents.investigator.analyzers.configmap import configmaps
from agents.investigator.analyzers.references import Reference, references
from agents.investigator.analyzers.snapshot import Analyzer, Snapshot
from tests.support.kube_objects import Json, deployment, meta, owned_by, pod, replicaset, template
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory


def kept(kind: str, name: str, *, at: str = "2026-11-20T00:00:00Z", **more: object) -> Json:
    written = [{"manager": "argocd", "time": at}]
    return {"kind": kind, "metadata": meta(kind, name, managedFields=written, **more.pop("meta", {})), **more}


SETTINGS = kept("ConfigMap", "settings", data={"port": "80"})
LOGIN = kept("Secret", "login")


def takes(container: Json | None = None, **spec: object) -> Json:
    made = template(**(container or {}))
    made["spec"] |= spec
    return deployment(template=made)


def env(field: str, name: str, key: str, **more: object) -> Json:
    return {"env": [{"name": "X", "valueFrom": {field: {"name": name, "key": key, **more}}}]}


def found(*objects: Json, whole: bool = True, by: Analyzer = config) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(by(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


@pytest.mark.parametrize(
    ("container", "spec", "code", "name"),
    [
        ({"envFrom": [{"configMapRef": {"name": "gone"}}]}, {}, "configmap_missing", "gone"),
        (env("secretKeyRef", "gone", "token"), {}, "secret_missing", "gone"),
        ({}, {"volumes": [{"name": "v", "configMap": {"name": "gone"}}]}, "configmap_missing", "gone"),
        ({}, {"volumes": [{"name": "v", "secret": {"secretName": "gone"}}]}, "secret_missing", "gone"),
        ({}, {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "gone"}}]}}]},
         "secret_missing", "gone"),
        ({}, {"volumes": [{"name": "v", "csi": {"nodePublishSecretRef": {"name": "gone"}}}]},
         "secret_missing", "gone"),
        ({}, {"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "gone"}}]}]},
         "secret_missing", "gone"),
        ({}, {"imagePullSecrets": [{"name": "gone"}]}, "pull_secret_missing", "gone"),
        (env("configMapKeyRef", "settings", "prot"), {}, "key_missing", "settings"),
        ({}, {"volumes": [{"name": "v", "configMap": {"name": "settings", "items": [{"key": "prot"}]}}]},
         "key_missing", "settings"),
    ],
)  # fmt: skip
def test_what_is_taken_and_missing_is_named(container: Json, spec: Json, code: str, name: str) -> None:
    (finding,) = found(takes(container, **spec), SETTINGS, LOGIN)
    assert finding.code == f"config.{code}"
    assert finding.fields["missing_name"] == name
    assert finding.severity is (Severity.INFO if code == "pull_secret_missing" else Severity.WARNING)
    assert str(finding.object) == "Deployment shop/web"
    assert ("prot" in finding.message) is (code == "key_missing")


def test_it_is_said_once_of_the_workload_and_of_a_pod_only_when_nobody_made_it() -> None:
    spec = {"volumes": [{"name": "v", "configMap": {"name": "gone"}}]}
    sick, alone = pod("web-r1-a", spec=spec), pod("alone", spec=spec, ownerReferences=[])
    objects = [takes(**spec), replicaset(1, template=takes(**spec)["spec"]["template"]), sick, alone]
    assert [finding.object.name for finding in found(*objects)] == ["web", "alone"]


@pytest.mark.parametrize(
    "healthy",
    [
        takes({"envFrom": [{"configMapRef": {"name": "settings"}}]}),
        takes(env("configMapKeyRef", "settings", "port")),
        takes(env("configMapKeyRef", "settings", "prot", optional=True)),
        takes({"envFrom": [{"secretRef": {"name": "gone", "optional": True}}]}),
        takes(env("secretKeyRef", "login", "anything")),
        takes(
            volumes=[{"name": "v", "configMap": {"name": "kube-root-ca.crt"}}, {"name": "e", "emptyDir": {}}]
        ),
    ],
    ids=[
        "there",
        "key there",
        "optional key",
        "optional secret",
        "keys of secrets are unknown",
        "the cluster's",
    ],
)
def test_what_is_there_or_may_be_missing_is_silent(healthy: Json) -> None:
    assert found(healthy, SETTINGS, LOGIN) == []


def test_what_was_not_looked_for_is_not_missing() -> None:
    assert found(takes({"envFrom": [{"configMapRef": {"name": "gone"}}]}), whole=False) == []


def running(at: str) -> list[Json]:
    old = pod("web-r1-a", ownerReferences=owned_by("ReplicaSet", "web-r1"))
    old["status"]["startTime"] = at
    return [old, replicaset(1, ready=1)]


def test_a_change_behind_running_pods_is_information_with_who_and_when() -> None:
    changed = kept("ConfigMap", "settings", at="2026-11-24T00:30:00Z", data={"port": "81"})
    sick = takes({"envFrom": [{"configMapRef": {"name": "settings"}}]})
    (finding,) = found(sick, changed, *running("2026-11-23T00:00:00Z"))
    assert (finding.code, finding.severity) == ("config.changed_since_start", Severity.INFO)
    assert finding.fields == {
        "changed_kind": "ConfigMap",
        "changed_name": "settings",
        "manager": "argocd",
        "written_at": "2026-11-24T00:30:00Z",
        "ways": ["env"],
        "pods": ["web-r1-a"],
    }
    assert found(sick, changed, *running("2026-11-24T01:00:00Z")) == []


@pytest.mark.parametrize(("at", "mount", "count"), [
    ("2026-11-24T02:00:00Z", {}, 1),
    ("2026-11-24T00:30:00Z", {}, 0),
    ("2026-11-24T00:30:00Z", {"subPath": "a"}, 1),
])  # fmt: skip
def test_a_mounted_change_counts_while_it_is_young_or_cannot_arrive(at: str, mount: Json, count: int) -> None:
    sick = takes(
        {"volumeMounts": [{"name": "v", **mount}]}, volumes=[{"name": "v", "configMap": {"name": "c"}}]
    )
    changed = kept("ConfigMap", "c", at=at, data={"a": "b"})
    assert len(found(sick, changed, *running("2026-11-23T00:00:00Z"))) == count


def test_every_way_of_taking_is_read_once() -> None:
    spec = {
        "containers": [
            {
                "envFrom": [{"configMapRef": {"name": "a"}}, {"configMapRef": {"name": "a"}}],
                "volumeMounts": [{"name": "v", "subPath": "x"}],
            }
        ],
        "volumes": [
            {"name": "v", "configMap": {"name": "b"}},
            {"name": "f", "azureFile": {"secretName": "s"}},
        ],
        "imagePullSecrets": [{"name": "p"}],
    }
    assert references(spec) == (
        Reference("ConfigMap", "a", "", "env"),
        Reference("ConfigMap", "b", "", "subPath"),
        Reference("Secret", "s", "", "volume"),
        Reference("Secret", "p", "", "pull"),
    )


@pytest.mark.parametrize(
    ("configmap", "code", "severity"),
    [
        (kept("ConfigMap", "c"), "configmap.empty", Severity.INFO),
        (kept("ConfigMap", "c", data={"a": "b"}), "configmap.unused", Severity.INFO),
        (
            kept("ConfigMap", "settings", data={"a": "ä" * 400_000}, binaryData={"b": "A" * 400_000}),
            "configmap.too_large",
            Severity.WARNING,
        ),
    ],
)
def test_configmaps_that_are_empty_unused_or_too_large_are_found(
    configmap: Json, code: str, severity: Severity
) -> None:
    user = takes({"envFrom": [{"configMapRef": {"name": "settings"}}]})
    (finding,) = found(configmap, user, by=configmaps)
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.fields.get("bytes", 1_100_000) == 1_100_000


@pytest.mark.parametrize(
    "more",
    [
        {"labels": {"grafana_dashboard": "1"}},
        {"annotations": {"k8sgpt.ai/skip-usage-check": "true"}},
        {"ownerReferences": owned_by("Rollout", "web")},
        {"namespace": "kube-system"},
    ],
)
def test_a_configmap_that_is_read_through_the_api_is_not_called_unused(more: Json) -> None:
    assert found(kept("ConfigMap", "c", data={"a": "b"}, meta=more), by=configmaps) == []


def test_a_pod_of_an_older_template_still_uses_its_configmap() -> None:
    spec = {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}
    old = pod("db-0", spec=spec, ownerReferences=owned_by("StatefulSet", "db"))
    assert found(kept("ConfigMap", "c", data={"a": "b"}), old, by=configmaps) == []


def test_a_configmap_is_not_called_unused_when_not_every_user_was_read() -> None:
    assert found(kept("ConfigMap", "c", data={"a": "b"}), whole=False, by=configmaps) == []
    assert found(kept("ConfigMap", "kube-root-ca.crt", data={"ca.crt": "x"}), by=configmaps) == []
