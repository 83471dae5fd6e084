"""The verbs that reach beyond one workload: exact bytes, hostile drafts and steps, and what undoes them."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from tests.support.verb_cases import (
    CASES,
    CLAIM,
    CORDONED,
    FAST,
    GONE_MAP,
    GONE_SERVICE,
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
from tools.kubernetes.actions.catalogue import CATALOGUE, check, is_applied, sentence
from tools.kubernetes.actions.drain import MOST_PODS, drain
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, matches

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


def test_only_a_verb_that_says_so_may_add_a_field_or_take_one_away():
    step = drafted("quota")
    (pointer,) = step.set
    for part in ("set", "expect"):
        absent = step.model_copy(update={part: {**getattr(step, part), pointer: None}})
        refused = check(absent)
        assert isinstance(refused, Refused)
        assert "neither adds nor takes away" in refused.reason


def test_an_object_without_a_uid_is_one_that_is_created():
    step = drafted("restore")
    for changes in ({"uid": "u-1"}, {"expect": {"/metadata/labels": {}}}):
        with pytest.raises(ValidationError, match="uid"):
            Step(**(step.model_dump() | changes))


def test_an_eviction_is_done_when_that_pod_is_gone_or_going_whoever_took_its_name():
    step = drafted("evict_pod")
    assert not is_applied(step, "p1", POD)
    assert is_applied(step, "p1", None)
    assert is_applied(step, "p1", changed(POD, metadata={"deletionTimestamp": "now"}))
    assert is_applied(step, "p1", changed(POD, metadata={"uid": "u-next"}))
    assert matches(step, POD) == ()
    assert matches(step, None)
    assert isinstance(CATALOGUE["evict_pod"].inverse(step, POD), Refused)


def test_what_cannot_be_undone_says_so_before_it_is_done():
    final = {name for name in CASES if not CATALOGUE[name].reversible}
    assert final == {"evict_pod", "expand_pvc", "restore"}
    for name in final:
        assert CATALOGUE[name].undo.startswith("Cannot be undone")
        assert isinstance(CATALOGUE[name].inverse(drafted(name), {}), Refused)
    assert all("cannot be undone" in sentence(drafted(name)) for name in final - {"evict_pod"})


def test_a_restored_object_is_ours_by_its_mark_and_in_the_way_if_it_is_not():
    step = drafted("restore")
    assert matches(step, None) == ()
    assert matches(step, GONE_SERVICE)
    assert not is_applied(step, "p1", GONE_SERVICE)
    ours = changed(GONE_SERVICE, metadata={"annotations": {"midwatch.dev/applied-plan": "p1"}})
    assert is_applied(step, "p1", ours)
    assert not is_applied(step, "p2", ours)


def test_a_rehearsed_service_is_the_same_whatever_address_was_drawn():
    verb, step = CATALOGUE["restore"], drafted("restore")
    answers = [
        {**step.set[""], "spec": {**step.set[""]["spec"], "clusterIP": ip, "clusterIPs": [ip]}}
        for ip in ("10.96.0.1", "10.96.0.2")
    ]
    assert verb.after(step, answers[0]) == verb.after(step, answers[1]) == step.set[""]


PLAN = "0123456789abcdef"


def told(comment: str, state: str = "active") -> dict[str, Any]:
    """A silence as Alertmanager lists it; older versions leave ``isEqual`` out."""
    matchers = [
        {k: v for k, v in each.items() if k != "isEqual"} for each in drafted("silence").set[""]["matchers"]
    ]
    return {"id": ID, "status": {"state": state}, "comment": comment, "matchers": matchers[::-1],
            "startsAt": "2026-11-24T02:00:07.000Z", "endsAt": "2026-11-24T04:00:00.000Z"}  # fmt: skip


def test_a_silence_is_found_by_incident_and_matchers_and_is_ours_by_its_plan():
    verb, step = CATALOGUE["silence"], drafted("silence")
    comment = step.set[""]["comment"]
    for others in (told("INC-70: x"), told(f"{comment} (plan p1)", "expired")):
        assert verb.found(step, {"items": [others]}) is None
    live = verb.found(step, {"items": [told("INC-70: x"), told(f"{comment} (plan p1)")]})
    assert live is not None
    assert is_applied(step, "p1", live)
    assert not is_applied(step, "p2", live)
    assert matches(step, live)


def test_the_undo_of_a_silence_ends_that_one_by_its_id():
    verb, step = CATALOGUE["silence"], drafted("silence")
    live = verb.found(step, {"items": [told(f"{step.set['']['comment']} (plan {PLAN})")]})
    undo = verb.inverse(step, live)
    assert isinstance(undo, Step)
    assert check(undo) is None
    sent = verb.request(undo, "p2")
    assert (sent.method, sent.path, sent.body) == ("DELETE", f"/api/v2/silence/{ID}", b"")
    assert matches(undo, live) == ()
    assert is_applied(undo, "p2", verb.found(undo, told("x", "expired")))
    assert "End the silence" in sentence(undo)
    assert isinstance(verb.inverse(undo, {}), Refused)
    for comment in ("maintenance of the nodes", f"INC-70: http://x (plan {PLAN})", "INC-7: http://x"):
        expect = {**undo.expect, "/spec/comment": comment}
        assert isinstance(check(undo.model_copy(update={"expect": expect})), Refused)


def test_a_namespace_is_spared_by_one_expression_and_taken_back():
    verb = CATALOGUE["webhook"]
    step = verb.draft(HOOKS, {"webhook": "pods.guard.example", "spare": "shop"}, Context())
    assert isinstance(step, Step)
    assert step.set == {
        "/webhooks/0/namespaceSelector": {
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}
            ]
        }
    }
    assert sentence(step).startswith("Spare namespace shop from webhook pods.guard.example")
    after = copy.deepcopy(HOOKS)
    after["webhooks"][0]["namespaceSelector"] = step.set["/webhooks/0/namespaceSelector"]
    undo = verb.inverse(step, after)
    assert isinstance(undo, Step)
    assert check(undo) is None
    assert sentence(undo).startswith("No longer spare namespace shop")


def test_a_drain_is_one_cordon_and_an_eviction_for_each_pod_that_can_go():
    daemon = changed(POD, metadata={"ownerReferences": [{**OWNERS[0], "kind": "DaemonSet"}]})
    elsewhere = changed(POD, spec={"nodeName": "worker-2"})
    over = changed(POD, status={"phase": "Failed"})
    steps = drain(NODE, [POD, daemon, elsewhere, over], others=1)
    assert isinstance(steps, tuple)
    assert [step.verb for step in steps] == ["cordon", "evict_pod"]
    assert [check(step) for step in steps] == [None, None]


def test_a_drain_that_would_lose_a_pod_or_is_too_long_to_read_is_not_drafted():
    naked = without(POD, "metadata", "ownerReferences")
    assert isinstance(drain(NODE, [POD, naked], others=1), Refused)
    assert isinstance(drain(NODE, [POD] * (MOST_PODS + 1), others=1), Refused)
    assert isinstance(drain(NODE, [POD], others=0), Refused)
