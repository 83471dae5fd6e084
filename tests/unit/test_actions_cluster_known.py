"""Verbs beyond one workload: what is added, created, found again and taken back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.verb_cases import (
    CASES,
    GONE_SERVICE,
    HOOKS,
    NODE,
    OWNERS,
    POD,
)
from tests.unit.test_actions_cluster import ID, drafted
from tests.unit.test_actions_cluster_refused import changed, without
from tools.kubernetes.actions.catalogue import CATALOGUE, check, is_applied, sentence
from tools.kubernetes.actions.drain import MOST_PODS, drain
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, matches


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
