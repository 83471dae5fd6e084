"""Namespaces that do not end; one that is about to, and one that nobody deletes, is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.namespace import namespaces
from tests.support.kube_objects import Json, meta
from tests.support.scenes import scene

LONG_AGO, JUST_NOW = "2026-11-24T01:00:00Z", "2026-11-24T02:08:00Z"
DISCOVERY = (
    "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
    "custom.metrics.k8s.io/v1beta1: stale GroupVersion discovery: custom.metrics.k8s.io/v1beta1"
)
FINALIZERS = (
    "Some content in the namespace has finalizers remaining: pg.example.com/backup in 2 resource instances"
)


def leaving(told: dict[str, str], at: str | None = LONG_AGO) -> Json:
    conditions = [{"type": kind, "status": "True", "message": text} for kind, text in told.items()]
    dated = {"deletionTimestamp": at} if at else {}
    return {
        "kind": "Namespace",
        "metadata": meta("Namespace", "old", namespace="", **dated),
        "status": {"phase": "Terminating", "conditions": conditions},
    }


def found(*objects: Json) -> list[Finding]:
    return list(namespaces(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("told", "code", "fields"),
    [
        (
            {"NamespaceFinalizersRemaining": FINALIZERS, "NamespaceDeletionDiscoveryFailure": DISCOVERY},
            "api_unavailable",
            {"apis": ["v1beta1.custom.metrics.k8s.io"]},
        ),
        (
            {"NamespaceFinalizersRemaining": FINALIZERS},
            "finalizer",
            {"finalizers": ["pg.example.com/backup"]},
        ),
        ({"NamespaceDeletionContentFailure": "admission webhook denied the request"}, "deletion_failed", {}),
    ],
    ids=["an API", "a finalizer", "a refusal"],
)
def test_a_namespace_that_does_not_end_says_what_it_waits_for(
    told: dict[str, str], code: str, fields: Json
) -> None:
    (finding,) = found(leaving(told))
    assert finding.code == f"namespace.terminating.{code}"
    assert {key: value for key, value in finding.fields.items() if key != "message"} == fields
    assert finding.since is not None
    assert "does not end" in finding.message


@pytest.mark.parametrize(
    "well",
    [
        leaving({"NamespaceFinalizersRemaining": FINALIZERS}, JUST_NOW),
        leaving({"NamespaceFinalizersRemaining": FINALIZERS}, None),
        leaving({}),
        {"kind": "Namespace", "metadata": meta("Namespace", "new", namespace="")},
    ],
    ids=["it is ending", "nobody deletes it", "nothing is said", "without a status"],
)
def test_a_namespace_that_may_still_end_is_silent(well: Json) -> None:
    assert found(well) == []
