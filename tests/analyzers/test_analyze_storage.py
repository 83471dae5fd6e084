"""Claims without a volume, volumes without a claim, and the storage that is fine without looking it."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.claim import claims
from agents.investigator.analyzers.storage import storage
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, event, pod

ASKS = {"resources": {"requests": {"storage": "5Gi"}}, "accessModes": ["ReadWriteOnce"]}


def claim(phase: str = "Pending", **more: object) -> Json:
    status = {"phase": phase, **more.pop("status", {})}
    about = more.pop("metadata", None)
    spec = {"storageClassName": "fast", **ASKS, **more}
    return thing("PersistentVolumeClaim", "data", spec, status=status, metadata=about)


def storage_class(name: str = "fast", provisioner: str = "csi.example", **more: object) -> Json:
    return thing("StorageClass", name, namespace="", provisioner=provisioner, **more)


def volume(name: str = "pv-1", phase: str = "Available", **more: object) -> Json:
    about = more.pop("metadata", None)
    spec = {
        "storageClassName": "fast",
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        **more,
    }
    return thing("PersistentVolume", name, spec, status={"phase": phase}, namespace="", metadata=about)


def user(name: str = "db-0", node: str | None = "n1", **more: object) -> Json:
    mounts = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    return pod(name, spec={**mounts, **({"nodeName": node} if node else {})}, **more)


FAST = storage_class()
BY_HAND = storage_class(provisioner="kubernetes.io/no-provisioner")
LAZY = storage_class(volumeBindingMode="WaitForFirstConsumer")
HELD = {"claimRef": {"namespace": "shop", "name": "other"}}
STARTING = {"state": {"waiting": {"reason": "ContainerCreating"}}, "ready": False}
SICK = {
    "pvc.provisioning_failed": (
        claim(), FAST, event(claim(), "ProvisioningFailed", "quota of disks used up")),
    "pvc.binding_failed": (
        claim(storageClassName=""), event(claim(), "FailedBinding", "no persistent volumes available")),
    "pvc.class_missing": (claim(storageClassName="fats"), FAST),
    "pvc.volume_taken": (claim(volumeName="pv-1"), FAST, volume(phase="Bound", **HELD)),
    "pvc.no_volume_fits": (claim(), BY_HAND, volume(capacity={"storage": "1Gi"})),
    "pvc.waits_for_consumer": (claim(), LAZY),
    "pvc.pending": (claim(), LAZY, user(node=None, ready=False)),
    "pvc.lost": (claim("Lost", volumeName="pv-1"), FAST),
    "pvc.multi_attach": (claim("Bound", volumeName="pv-1"), FAST, user(), user("db-1", "n2", **STARTING)),
    "pvc.resize_failed": (
        claim("Bound", status={"conditions": [{"type": "ControllerResizeError", "status": "True"}]}), FAST),
    "pvc.resize_pending": (
        claim("Bound", status={"conditions": [{"type": "FileSystemResizePending", "status": "True"}]}), FAST),
    "pvc.small": (claim("Bound", resources={"requests": {"storage": "500Mi"}}), FAST),
    "pvc.no_class": (claim("", storageClassName=None), FAST),
}  # fmt: skip
NEW = {"creationTimestamp": "2026-11-24T02:09:30Z"}
HEALTHY = {
    "a bound claim": (claim("Bound"), FAST, user()),
    "a claim just made": (claim(metadata=NEW), FAST),
    "a failure before it was bound": (
        claim("Bound"), FAST, event(claim(), "ProvisioningFailed", "try again")),
    "two pods on one node": (claim("Bound"), FAST, user(), user("db-1", **STARTING)),
    "a volume for many": (
        claim("Bound", accessModes=["ReadWriteMany"]), FAST, user(), user("db-1", "n2", **STARTING)),
    "a pod elsewhere that crashes for another reason": (
        claim("Bound"), FAST, user(), user("db-1", "n2", **STARTING | {"restarts": 4})),
    "a claim that asks for its volume": (
        claim("Bound", volumeName="pv-1"), FAST, volume(phase="Bound", **HELD)),
    "a class from the default when it is bound": (claim("Bound", storageClassName=None), FAST),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_what_keeps_a_claim_waiting_is_found_and_nothing_else(code: str) -> None:
    assert said(claims, *SICK[code]) == [(code, "PersistentVolumeClaim shop/data")]


@pytest.mark.parametrize("case", HEALTHY)
def test_a_claim_that_is_well_is_silent(case: str) -> None:
    assert judged(claims, *HEALTHY[case]) == []


def test_a_claim_that_a_pod_waits_for_is_critical_and_the_provisioner_is_quoted() -> None:
    (finding,) = judged(claims, *SICK["pvc.provisioning_failed"], user(node=None, ready=False))
    assert (finding.severity, finding.fields["pods"]) == ("critical", ["db-0"])
    assert finding.fields["message"] == "quota of disks used up"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"capacity": {"storage": "1Gi"}}, "it has 1Gi and not 5Gi"),
        ({"storageClassName": "slow"}, "its class is slow and not fast"),
        ({"accessModes": ["ReadOnlyMany"]}, "it does not offer ReadWriteOnce"),
        ({"phase": "Released"}, "it is Released and still holds another claim's data"),
    ],
)
def test_of_the_nearest_volume_it_is_said_what_is_wrong_with_it(wrong: Json, why: str) -> None:
    worse = volume("pv-0", capacity={"storage": "1Mi"}, storageClassName="x")
    (finding,) = judged(claims, claim(), BY_HAND, worse, volume(**wrong))
    assert finding.fields["volumes"]["pv-1"] == [why]
    assert why in finding.message


def test_a_selector_that_no_label_meets_is_said() -> None:
    picky = claim(selector={"matchLabels": {"tier": "gold"}})
    (finding,) = judged(claims, picky, BY_HAND, volume())
    assert finding.fields["volumes"] == {"pv-1": ["its labels are not tier=gold"]}


def test_a_multi_attach_event_names_the_pod_and_is_forgotten_once_it_runs() -> None:
    late = user("db-1", "n2", **STARTING)
    told = event(late, "FailedAttachVolume", 'Multi-Attach error for volume "pv-1" Volume is already used')
    shared = claim("Bound", volumeName="pv-1", accessModes=["ReadWriteMany"])
    (finding,) = judged(claims, shared, FAST, user(), late, told)
    assert (finding.fields["pods"], finding.fields["nodes"]) == (["db-1"], ["n1"])
    assert judged(claims, shared, FAST, user(), user("db-1", "n2"), told) == []


def test_nothing_is_missing_where_nobody_could_look() -> None:
    assert unsure(claims, claim(storageClassName="gone"), unread="StorageClass") == ["pvc.pending"]
    assert unsure(claims, claim(volumeName="gone"), FAST, unread="PersistentVolume") == ["pvc.pending"]


def local(value: str = "n1") -> Json:
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [value]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}}


NODE = thing("Node", "n1", namespace="", metadata={"labels": {"kubernetes.io/hostname": "n1"}})
DEFAULT = {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
SICK_STORAGE = {
    "storageclass.in_tree_provisioner": (storage_class(provisioner="kubernetes.io/aws-ebs"),),
    "storageclass.no_provisioner": (BY_HAND,),
    "storageclass.several_defaults": (storage_class(**DEFAULT), storage_class("slow", **DEFAULT)),
    "pv.released": (volume(phase="Released"),),
    "pv.failed": (volume(phase="Failed"),),
    "pv.no_node": (volume(**local("gone")), NODE),
    "pv.small": (volume(capacity={"storage": "500Mi"}),),
}
HEALTHY_STORAGE = {
    "one default": (storage_class(**DEFAULT), storage_class("slow")),
    "a bound volume on its node": (volume(phase="Bound", **local()), NODE),
    "an available volume": (volume(),),
    "a size that nobody understands": (volume(capacity={"storage": "plenty"}),),
}


@pytest.mark.parametrize("code", SICK_STORAGE)
def test_what_is_wrong_with_storage_is_found_and_nothing_else(code: str) -> None:
    assert {found for found, _ in said(storage, *SICK_STORAGE[code])} == {code}


@pytest.mark.parametrize("case", HEALTHY_STORAGE)
def test_storage_that_is_well_is_silent(case: str) -> None:
    assert judged(storage, *HEALTHY_STORAGE[case]) == []


def test_a_volume_is_not_without_a_node_where_nobody_could_look() -> None:
    assert unsure(storage, volume(**local("gone")), unread="Node") == []


def test_of_a_claim_made_a_moment_ago_only_what_was_said_of_it_counts() -> None:
    young = claim("Pending", storageClassName="ghost")
    young["metadata"]["creationTimestamp"] = "2026-11-24T02:09:50Z"
    assert judged(claims, young, storage_class()) == []
    told = event(young, "ProvisioningFailed", 'storageclass.storage.k8s.io "ghost" not found')
    assert [one.code for one in judged(claims, young, storage_class(), told)] == ["pvc.provisioning_failed"]
