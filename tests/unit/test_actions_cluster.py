"""The verbs that reach beyond one workload: exact bytes, hostile drafts and steps, and what undoes them."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest

from tests.support.verb_cases import (
    CASES,
    RULE,
)
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context

MARK = "/metadata/annotations/midwatch.dev~1applied-plan"
ID = "0f7b1c9e-8a5b-4b0e-9f59-1f2c7d3a4b5c"
WRITE = "fieldManager=midwatch fieldValidation=Strict timeout=10s"


def drafted(name: str) -> Step:
    target, params = copy.deepcopy(CASES[name])
    step = CATALOGUE[name].draft(target, params, Context())
    assert isinstance(step, Step), step
    return step


def golden(name: str) -> tuple[str, str, str, Any]:
    """Method, path, query and body of the request."""
    sent = CATALOGUE[name].request(drafted(name), "p1")
    return sent.method, sent.path, " ".join("=".join(pair) for pair in sent.query), orjson.loads(sent.body)


def preconditions_of(patch: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["path"]: each["value"] for each in patch if each["op"] == "test"}


def changes_of(patch: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["op"], each["path"], each.get("value")) for each in patch if each["op"] != "test"]


def test_an_eviction_names_the_pod_by_its_uid_and_nothing_shortens_its_grace():
    assert golden("evict_pod") == (
        "POST",
        "/api/v1/namespaces/shop/pods/web-1-abcde/eviction",
        WRITE,
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {
                "name": "web-1-abcde",
                "namespace": "shop",
                "annotations": {"midwatch.dev/applied-plan": "p1"},
            },
            "deleteOptions": {"preconditions": {"uid": "u-web-1-abcde"}},
        },
    )


def test_a_cordon_states_the_whole_spec_because_a_nodes_version_moves_by_itself():
    method, path, _, patch = golden("cordon")
    assert (method, path) == ("PATCH", "/api/v1/nodes/worker-1")
    assert preconditions_of(patch) == {"/metadata/uid": "u-node", "/spec": {"podCIDR": "10.0.1.0/24"}}
    assert changes_of(patch) == [("add", "/spec/unschedulable", True), ("add", MARK, "p1")]


def test_an_uncordon_takes_the_field_away_as_the_api_server_would():
    _, _, _, patch = golden("uncordon")
    assert changes_of(patch) == [("remove", "/spec/unschedulable", None), ("add", MARK, "p1")]


def test_the_other_patches_are_these():
    expected = {
        "expand_pvc": ("/api/v1/namespaces/shop/persistentvolumeclaims/data",
                       "replace", "/spec/resources/requests/storage", "20Gi"),
        "quota": ("/api/v1/namespaces/shop/resourcequotas/compute",
                  "replace", "/spec/hard/limits.memory", "8Gi"),
        "network_policy": ("/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/cart",
                           "add", "/spec/ingress", [RULE]),
        "webhook": ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard",
                    "replace", "/webhooks/1/failurePolicy", "Ignore"),
    }  # fmt: skip
    for name, (where, *change) in expected.items():
        method, path, query, patch = golden(name)
        assert (method, path, query) == ("PATCH", where, WRITE)
        assert changes_of(patch) == [tuple(change), ("add", MARK, "p1")]
    assert preconditions_of(golden("webhook")[3])["/webhooks/1/name"] == "jobs.guard.example"
    assert "/metadata/resourceVersion" not in preconditions_of(golden("quota")[3])


def test_a_restored_object_is_what_was_seen_without_what_the_server_gives():
    assert golden("restore") == (
        "POST",
        "/api/v1/namespaces/shop/services",
        WRITE,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "cart",
                "namespace": "shop",
                "labels": {"app": "cart"},
                "annotations": {"seen": "yes", "midwatch.dev/applied-plan": "p1"},
            },
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )


def test_a_silence_names_its_incident_and_its_plan():
    assert golden("silence") == (
        "POST",
        "/api/v2/silences",
        "",
        {
            "matchers": [
                {"name": "alertname", "value": "KubePodNotReady", "isRegex": False, "isEqual": True},
                {"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True},
            ],
            "startsAt": "2026-11-24T02:00:00Z",
            "endsAt": "2026-11-24T04:00:00Z",
            "createdBy": "midwatch",
            "comment": "INC-7: http://127.0.0.1:8480/incidents/7 (plan p1)",
        },
    )


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_of_a_rehearsal_are_those_of_the_change_and_it_changes_nothing(name):
    verb, step = CATALOGUE[name], drafted(name)
    rehearsed, sent = verb.rehearsal(step, "p1"), verb.request(step, "p1")
    assert sent == verb.request(step, "p1")
    assert sent.changes
    assert not rehearsed.changes
    assert name == "silence" or rehearsed.body == sent.body
