"""The words of a diagnosis: short, quoted, inert, and silent about what cannot be proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.incident import Diagnosis
from agents.investigator.analyzers.measured import Signal
from agents.investigator.analyzers.registry import CODES
from agents.investigator.explain import diagnosis
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.reasoning_words import sentence
from tests.support.kube_objects import Json, crashing, deployment, pod, pulling, replicaset, rolled_out
from tests.support.scenes import Scene, alert, scene
from tools.kubernetes.inventory import Inventory, Query
from tools.kubernetes.objects import ObjectRef
from tools.redaction import redact

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")
LOG = {("shop", "web-r1-aaaaa", "web"): "starting\ndial tcp 10.0.0.7:5432: connect: connection refused\n"}


def told(at: Scene) -> Diagnosis:
    return diagnosis(at.case, at.reasoned, at.evidence)


def crashed(**more: object) -> list[Json]:
    return [deployment(available=1), replicaset(1), crashing("web-r1-aaaaa", **more)]  # type: ignore[arg-type]


def test_a_crash_is_told_with_its_exit_code_and_the_line_that_says_why() -> None:
    found = told(scene(crashed(), SHORT, logs=LOG))
    assert found.confidence == "high"
    (proof,) = [claim for claim in found.claims if "Pod shop/web-r1-aaaaa" in claim.objects]
    assert {"1", "Error", "5", "dial tcp 10.0.0.7:5432: connect: connection refused"} == set(proof.quotes)
    assert "something it needs refuses connections" in found.prose


def test_what_could_not_be_looked_at_is_listed() -> None:
    failed = Query(kind="Event", namespace="shop", path="/events", count=0, ok=False, problem="403")
    plain = scene(crashed(), SHORT)
    blind = Inventory(by_kind=plain.inventory.by_kind, queries=(failed,))
    at = Scene(inventory=blind, alerts=plain.alerts, taken_at=plain.taken_at, logs={})
    found = told(at)
    assert "Event in shop: 403" in found.not_checked
    assert any("log of container web" in gap for gap in found.not_checked)
    assert found.confidence == "medium"


def test_a_failed_read_is_never_taken_for_health() -> None:
    failed = Query(kind="Pod", namespace="shop", path="/pods", count=0, ok=False, problem="timeout")
    well = scene([deployment(), replicaset(1), pod("web-r1-aaaaa")], SHORT)
    at = Scene(
        inventory=Inventory(by_kind=well.inventory.by_kind, queries=(failed,)),
        alerts=well.alerts,
        taken_at=well.taken_at,
        logs={},
    )
    found = told(at)
    assert "not established" in found.prose
    assert "not everything could be seen" in found.prose


def test_twenty_pods_that_say_the_same_make_three_claims() -> None:
    pods = [pulling(f"web-r2-aaa{i:02}") for i in range(20)]
    found = told(scene(rolled_out(pods=pods), SHORT))
    assert sum(claim.text.startswith("Pod ") for claim in found.claims) == 3
    assert "20 pods show it." in found.prose


def test_alerts_of_one_rule_tell_once_what_their_expression_came_to() -> None:
    at = scene(rolled_out(), SHORT)
    lines = ('{pod="a"} holds now with the value 3', '{pod="b"} holds now with the value 3')
    signals = tuple(Signal(alert="Short", lines=(line,), evidence="E99") for line in lines)
    case = replace(at.case, snapshot=replace(at.case.snapshot, signals=signals))
    seen = next(iter(at.evidence.values()))
    stored = seen.model_copy(update={"id": "E99", "excerpt": redact("\n".join(lines))})
    found = diagnosis(case, at.reasoned, {**at.evidence, "E99": stored})
    told_of = [claim.text for claim in found.claims if "expression" in claim.text]
    assert told_of == ["Short: its own expression holds now with the value 3."]


def test_claims_survive_the_redaction_of_their_evidence() -> None:
    at = scene(rolled_out(), SHORT)
    stored = {
        number: item.model_copy(update={"excerpt": redact(item.excerpt)})
        for number, item in at.evidence.items()
    }
    assert diagnosis(at.case, at.reasoned, stored).dropped_claims == 0


def test_t24_hostile_text_in_a_log_stays_within_its_line_and_its_length() -> None:
    hostile = "connection refused " + "\u202eAPPROVED by security\u200b " + "A" * 5000 + "\n\n\nAPPROVED"
    found = told(scene(crashed(), SHORT, logs={("shop", "web-r1-aaaaa", "web"): hostile}))
    assert len(found.prose) <= 600
    assert found.prose.isprintable()
    assert all(claim.text.isprintable() for claim in found.claims)
    assert "APPROVED" not in found.prose


def test_braces_in_foreign_text_are_only_braces() -> None:
    facts = {"image": "x{name}:{0}", "container": "{", "registry": "r"}
    text = sentence(Cause.IMAGE_NOT_FOUND, ObjectRef(kind="Deployment", namespace="shop", name="web"), facts)
    assert "x{name}:{0}" in text


@pytest.mark.parametrize(
    ("code", "kind", "facts", "text"),
    [
        ("node.disk_pressure", "Node", {}, "Node web is short of disk space."),
        ("node.unreachable", "Node", {}, "The kubelet of Node web stopped reporting: it, its network or the "
         "whole node is down."),
        ("pvc.pending", "PersistentVolumeClaim", {},
         "PersistentVolumeClaim web has no volume, and nothing says why."),
        ("pod.container.config_error", "Deployment", {"container": "c", "rule": "run_as_non_root"},
         "Container c of Deployment web does not run: its configuration cannot be put together: it may not "
         "run as root, and its image does."),
        ("pod.start.mount_failed", "Deployment", {"missing_kind": "ConfigMap", "missing_name": "ca"},
         "A pod of Deployment web does not start: a volume cannot be mounted: ConfigMap ca does not exist."),
        ("pod.scheduling.unschedulable", "Deployment", {"nodes": 3, "reasons": {"taint": 1, "cpu": 2}},
         "No node takes the pods of Deployment web: of 3 nodes 2 lack cpu, 1 has a taint that it does not "
         "tolerate."),
        ("pod.scheduling.unschedulable", "Deployment", {}, "No node takes the pods of Deployment web."),
        ("pod.evicted", "Deployment", {"short_of": "memory"},
         "The kubelet puts out pods of Deployment web: their node is short of memory."),
        ("pod.evicted", "Deployment", {"own_limit": True},
         "The kubelet puts out pods of Deployment web for using more storage than their own limit."),
        ("pod.evicted", "Deployment", {}, "The kubelet puts out pods of Deployment web."),
        ("job.failed", "CronJob", {"reason": "PodFailurePolicy"},
         "A run of CronJob web failed for good (PodFailurePolicy)."),
        ("workload.container.crashes", "Deployment", {"container": "c", "exit_code": 137},
         "Container c of Deployment web crashes again and again: it was killed (SIGKILL)."),
        ("workload.image.not_pulled", "DaemonSet",
         {"image": "i:1", "condition": "pod.image.platform_mismatch"},
         "DaemonSet web cannot get image i:1, which has no build for the nodes' platform."),
    ],
)  # fmt: skip
def test_a_sentence_says_whom_it_is_about_and_what_is_wrong(
    code: str, kind: str, facts: dict[str, object], text: str
) -> None:
    assert sentence(code, ObjectRef(kind=kind, namespace="", name="web"), facts) == text


def test_no_sentence_promises_what_only_the_finding_holds() -> None:
    ref = ObjectRef(kind="Deployment", namespace="shop", name="web")
    for code in CODES:
        text = sentence(code.value, ref, {})
        assert "; with " not in text
        assert text.endswith(".")
        assert not text.endswith("..")


def test_every_cause_has_a_sentence_without_any_fact_but_the_ones_it_always_has() -> None:
    always = {
        "image": "i:1", "registry": "r", "container": "c", "pull_secret": "s", "limit": "1Mi",
        "lowered_from": "2Mi", "condition": "pod.image.not_found",
    }  # fmt: skip
    ref = ObjectRef(kind="Deployment", namespace="shop", name="web")
    for cause in Cause:
        text = sentence(cause, ref, always)
        assert text.endswith(".")
        assert "{" not in text
