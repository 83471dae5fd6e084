"""Verbs beyond one workload: what is not proposed, and what is not sent however it was made."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.verb_cases import (
    CLAIM,
    CORDONED,
    FAST,
    GONE_MAP,
    HOOKS,
    NODE,
    OWNERS,
    POD,
    POLICY,
    QUOTA,
    RULE,
    SILENCE,
    meta,
)
from tests.unit.test_actions_cluster import drafted
from tools.kubernetes.actions.catalogue import CATALOGUE, check
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused


def without(obj: dict[str, Any], *path: str) -> dict[str, Any]:
    found = copy.deepcopy(obj)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner.pop(path[-1])
    return found


def changed(obj: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """The object with entries of its top-level maps replaced."""
    return {**obj, **{key: {**obj.get(key, {}), **value} for key, value in parts.items()}}


def ingress(rule: dict[str, Any]) -> dict[str, Any]:
    return {"direction": "ingress", "rule": rule}


ADOPTED = changed(POD, metadata={"ownerReferences": [{**OWNERS[0], "controller": False}]})
ANYBODY = {**RULE, "from": [{"podSelector": {"matchLabels": {}}}]}
RIGID = {**FAST, "allowVolumeExpansion": "yes"}
UNBOUND = changed(CLAIM, status={"phase": "Pending"})
EVERYBODY = {"from": [{"podSelector": {}}], "ports": RULE["ports"]}
HOSTILE = [
    ("evict_pod", without(POD, "metadata", "ownerReferences"), {}, "no controller"),
    ("evict_pod", ADOPTED, {}, "no controller"),
    ("evict_pod", changed(POD, metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}), {}, "static"),
    ("evict_pod", changed(POD, metadata={"deletionTimestamp": "now"}), {}, "going already"),
    ("evict_pod", changed(POD, status={"phase": "Succeeded"}), {}, "has ended"),
    ("evict_pod", without(POD, "spec", "nodeName"), {}, "on no node"),
    ("evict_pod", NODE, {}, "does not change a Node"),
    ("cordon", NODE, {"others": 0}, "no other node"),
    ("cordon", CORDONED, {"others": 2}, "already"),
    ("uncordon", NODE, {}, "already"),
    ("uncordon", changed(CORDONED, status={"conditions": []}), {}, "not ready"),
    ("expand_pvc", CLAIM, {"value": "5Gi", "storage_class": FAST}, "not more"),
    ("expand_pvc", CLAIM, {"value": "21Gi", "storage_class": FAST}, "2 times"),
    ("expand_pvc", CLAIM, {"value": "much", "storage_class": FAST}, "not a quantity"),
    ("expand_pvc", CLAIM, {"value": "20Gi", "storage_class": RIGID}, "class"),
    ("expand_pvc", CLAIM, {"value": "20Gi", "storage_class": {**FAST, "metadata": {"name": "x"}}}, "class"),
    ("expand_pvc", UNBOUND, {"value": "20Gi", "storage_class": FAST}, "bound"),
    ("quota", QUOTA, {"resource": "pods", "value": "8"}, "does not limit"),
    ("quota", QUOTA, {"resource": "limits.memory", "value": "2Gi"}, "not between"),
    ("quota", QUOTA, {"resource": "limits.memory", "value": "9Gi"}, "not between"),
    ("quota", QUOTA, {"resource": "../../spec", "value": "9Gi"}, "does not limit"),
    ("network_policy", POLICY, {"direction": "both", "rule": RULE}, "ingress"),
    ("network_policy", POLICY, {"direction": "egress", "rule": RULE}, "does not restrict"),
    ("network_policy", POLICY, {"direction": "ingress", "rule": {}}, "names who"),
    ("network_policy", POLICY, {"direction": "ingress", "rule": EVERYBODY}, "never everybody"),
    ("network_policy", POLICY, {"direction": "ingress", "rule": ANYBODY}, "never everybody"),
    ("network_policy", POLICY, {"direction": "ingress", "rule": {**RULE, "from": []}}, "never everybody"),
    ("network_policy", POLICY, ingress({**RULE, "from": [{"ipBlock": {}}]}), "ranges"),
    ("network_policy", POLICY, {"direction": "ingress", "rule": {**RULE, "ports": []}}, "ports"),
    ("network_policy", POLICY, ingress({**RULE, "ports": [{"port": True}]}), "ports"),
    ("network_policy", changed(POLICY, spec={"ingress": [RULE]}), ingress(RULE), "very"),
    ("webhook", HOOKS, {"webhook": "nobody", "ignore": True}, "no webhook"),
    ("webhook", HOOKS, {"webhook": "jobs.guard.example"}, "either"),
    ("webhook", HOOKS, {"webhook": "jobs.guard.example", "ignore": True, "spare": "shop"}, "either"),
    ("webhook", HOOKS, {"webhook": "jobs.guard.example", "spare": "../x"}, "no namespace"),
    ("restore", {"kind": "Secret", "metadata": meta("s"), "data": {}}, {}, "does not create a Secret"),
    ("restore", changed(GONE_MAP, metadata={"ownerReferences": OWNERS}), {}, "owner"),
    ("restore", {**without(GONE_MAP, "data"), "keys": ["color"]}, {}, "never read"),
    ("restore", changed(GONE_MAP, data={"password": "hunter2hunter2"}), {}, "secret"),
    ("restore", changed(GONE_MAP, data={"big": "x" * 70_000}), {}, "larger"),
    ("restore", changed(GONE_MAP, metadata={"namespace": "../x"}), {}, "no name"),
    ("silence", {}, {**SILENCE, "ends_at": "2026-11-24T06:00:01Z"}, "at most 4 hours"),
    ("silence", {}, {**SILENCE, "ends_at": SILENCE["starts_at"]}, "at most 4 hours"),
    ("silence", {}, {**SILENCE, "ends_at": "tomorrow"}, "a time"),
    ("silence", {}, {**SILENCE, "starts_at": "2026-11-24T02:00:00"}, "a time"),
    ("silence", {}, {**SILENCE, "matchers": {"alertname": "Watchdog"}}, "at least one label more"),
    ("silence", {}, {**SILENCE, "matchers": {"a": "b", "c": "d"}}, "the alert's name"),
    ("silence", {}, {**SILENCE, "matchers": {"alertname": "X", "namespace": ""}}, "no label with a value"),
    ("silence", {}, {**SILENCE, "matchers": {"alertname": "X", "bad name": "x"}}, "no label with a value"),
    ("silence", {}, {**SILENCE, "link": "see the wiki"}, "leads to it"),
    ("silence", {}, {**SILENCE, "namespace": "../x"}, "does not change"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "params", "words"), HOSTILE)
def test_what_must_not_be_proposed_is_refused_with_a_reason(name, target, params, words):
    refused = CATALOGUE[name].draft(copy.deepcopy(target), params, Context())
    assert isinstance(refused, Refused)
    assert words in refused.reason


def bent(verb: str, /, **parts: Any) -> Step:
    """The drafted step with entries of ``set`` and ``expect`` replaced, as an attacker would."""
    step = drafted(verb)
    merged = {key: {**getattr(step, key), **parts.pop(key, {})} for key in ("set", "expect")}
    return step.model_copy(update={**merged, **parts})


def swapped(verb: str, pointer: str, before: Any, after: Any, **shown: Any) -> Step:
    """The drafted step with another change in place of its own."""
    step = drafted(verb)
    kept = {key: value for key, value in step.expect.items() if key not in step.set}
    return step.model_copy(update={"set": {pointer: after}, "expect": {**kept, **shown, pointer: before}})


SPARED = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]
}
BY_PATTERN = [
    {"name": "alertname", "value": "Kube.*", "isRegex": True, "isEqual": True},
    {"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True},
]
OTHER_RULE = {**RULE, "ports": [{"port": 9090, "protocol": "TCP"}]}
BODY = {"": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}}}
BENT = {
    "evicts a pod that nothing makes again": bent("evict_pod", expect={"/metadata/ownerReferences": []}),
    "evicts another pod than the one shown": bent("evict_pod", uid="u-other"),
    "evicts and sets": bent("evict_pod", set={"/metadata/labels": {}}),
    "makes a pod by eviction": bent("evict_pod", set={"": {"kind": "Pod"}}),
    "evicts at a path": bent("evict_pod", name="x/../../nodes/y"),
    "cordons into a namespace": bent("cordon", namespace="shop"),
    "frees a node by cordon": bent("cordon", set={"/spec/unschedulable": None}),
    "cordons by uncordon": bent("uncordon", set={"/spec/unschedulable": True}),
    "taints a node": bent("cordon", set={"/spec/taints": []}, expect={"/spec/taints": None}),
    "cordons whatever the node became": drafted("cordon").model_copy(
        update={"expect": {"/metadata/uid": "u-node", "/spec/unschedulable": None}}
    ),
    "shrinks a claim": bent("expand_pvc", set={"/spec/resources/requests/storage": "5Gi"}),
    "takes the request away": bent("expand_pvc", set={"/spec/resources/requests/storage": None}),
    "a claim of a hundred times": bent("expand_pvc", set={"/spec/resources/requests/storage": "1Ti"}),
    "lifts a quota": bent("quota", set={"/spec/hard/limits.memory": None}),
    "a quota of a number": bent("quota", set={"/spec/hard/limits.memory": 8 * 2**30}),
    "a quota's scope": bent("quota", set={"/spec/scopes": []}, expect={"/spec/scopes": None}),
    "opens a policy": bent("network_policy", set={"/spec/ingress": [{}]}),
    "adds two rules": bent("network_policy", set={"/spec/ingress": [RULE, RULE]}),
    "swaps a rule for two": swapped("network_policy", "/spec/ingress", [OTHER_RULE], [RULE, RULE]),
    "covers other pods": bent("network_policy", set={"/spec/podSelector": {}}),
    "rules that are no list": bent("network_policy", set={"/spec/ingress": "all"}),
    "sends a webhook elsewhere": bent("webhook", set={"/webhooks/1/clientConfig": {"url": "https://x"}}),
    "an unnamed webhook": bent("webhook", set={"/webhooks/0/failurePolicy": "Ignore"}),
    "a webhook whose name is not shown": swapped("webhook", "/webhooks/0/failurePolicy", "Fail", "Ignore"),
    "spares a namespace and forgets the rest": swapped(
        "webhook", "/webhooks/1/namespaceSelector", {"matchLabels": {"guarded": "yes"}}, SPARED
    ),
    "a policy nobody knows": bent("webhook", set={"/webhooks/1/failurePolicy": "Maybe"}),
    "restores a Secret": bent("restore", kind="Secret"),
    "restores something else": bent("restore", set={"": {**BODY[""], "kind": "Secret"}}),
    "restores somewhere else": bent(
        "restore", set={"": {**BODY[""], "metadata": {"name": "cart", "namespace": "kube-system"}}}
    ),
    "restores with an owner": bent(
        "restore",
        set={"": {**BODY[""], "metadata": {"name": "cart", "namespace": "shop", "ownerReferences": []}}},
    ),
    "restores a status": bent("restore", set={"": {**BODY[""], "status": {}}}),
    "restores nothing": bent("restore", set={"": None}),
    "silences by pattern": bent(
        "silence",
        set={
            "": {
                **drafted("silence").set[""],
                "matchers": [{"name": "alertname", "value": ".*", "isRegex": True, "isEqual": True}] * 2,
            }
        },
    ),
    "silences by one pattern": bent(
        "silence", set={"": {**drafted("silence").set[""], "matchers": BY_PATTERN}}
    ),
    "silences all but these": bent(
        "silence",
        set={
            "": {
                **drafted("silence").set[""],
                "matchers": [{**each, "isRegex": False, "isEqual": False} for each in BY_PATTERN],
            }
        },
    ),
    "silences for somebody": bent("silence", set={"": {**drafted("silence").set[""], "createdBy": "ada"}}),
    "silences for another incident": bent("silence", name="inc-8"),
    "silences a node": bent("silence", kind="Node", api_version="v1"),
    "ends a silence at a path": bent("silence", uid="../../x", expect={"": "x"}, set={"": None}),
}


@pytest.mark.parametrize("what", BENT)
def test_a_step_that_the_verb_would_not_have_drafted_is_not_sent(what):
    assert isinstance(check(BENT[what]), Refused)
