"""Every verb is complete, pins what it changes, and undoes what it did."""

from __future__ import annotations

import copy
import sys
from functools import cache
from pathlib import Path

import jsonpatch
import orjson
import pytest

from evals.world.scenario import SCENARIOS, load, names
from midwatch.docs import prose
from tests.support import workload_cases, workload_hostile
from tests.support.golden import FOLDER, as_sent, golden
from tests.support.verb_cases import CASES as OTHER_KINDS
from tests.unit.test_actions_cluster_refused import BENT
from tests.unit.test_actions_cluster_refused import HOSTILE as REFUSED_BEYOND
from tools.kubernetes.actions.catalogue import CATALOGUE, check, sentence, undo_words
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import CHECKS, MARK, RESOURCES, Context, Refused, is_applied, request
from tools.kubernetes.actions.whole import WholeVerb
from tools.kubernetes.diff import diff, readable
from tools.kubernetes.pointers import MISSING, drift, read

ACTIONS_PAGE = Path(__file__).parents[2] / "docs/actions.md"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "checkout",
        "namespace": "shop",
        "uid": "u-1",
        "generation": 4,
        "resourceVersion": "100",
        "annotations": {"deployment.kubernetes.io/revision": "4"},
    },
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "checkout"}},
        "template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {
                "containers": [
                    {"name": "sidecar", "image": "r/proxy:1"},
                    {
                        "name": "app",
                        "image": "r/checkout:9",
                        "resources": {"limits": {"memory": "128Mi"}},
                    },
                ]
            },
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "shop", "uid": "u-2", "resourceVersion": "7"},
    "spec": {"selector": {"app": "carts"}},
}
OLD_TEMPLATE = {
    "metadata": {"labels": {"app": "checkout", "pod-template-hash": "abc"}},
    "spec": {"containers": [{"name": "app", "image": "r/checkout:8"}]},
}
FOREIGN_TEMPLATE = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
CASES = {
    "set_image": (DEPLOYMENT, {"container": "app", "image": "r/checkout:8"}),
    "roll_back": (DEPLOYMENT, {"template": OLD_TEMPLATE, "revision": 3}),
    "set_resources": (DEPLOYMENT, {"container": "app", "field": "limits/memory", "value": "256Mi"}),
    "fix_selector": (SERVICE, {"selector": {"app": "cart"}, "labels": {"app": "cart", "tier": "web"}}),
    "scale": (DEPLOYMENT, {"replicas": 3}),
    "restart_rollout": (DEPLOYMENT, {"incident": "INC-1", "because": "stale_config"}),
    **workload_cases.CASES,
    **OTHER_KINDS,
}
PATCHES = [name for name in CASES if not isinstance(CATALOGUE.get(name), WholeVerb)]
UNDONE = [name for name in PATCHES if name in CATALOGUE and CATALOGUE[name].reversible]
CONTEXT = Context(images=frozenset({"r/checkout:8"}), seen=workload_cases.SEEN)


def drafted(name: str) -> tuple[dict, Step]:
    target, params = CASES[name]
    step = CATALOGUE[name].draft(target, params, CONTEXT)
    assert isinstance(step, Step), step
    return copy.deepcopy(target), step


def sent(target: dict, step: Step) -> dict:
    """What an API server makes of the request: jsonpatch applies tests and changes alike."""
    after = jsonpatch.apply_patch(target, orjson.loads(request(step, "plan-1").body))
    if "generation" in after["metadata"]:
        after["metadata"]["generation"] += 1
    after["metadata"]["resourceVersion"] += "1"
    return after


def test_no_case_here_is_left_over_from_a_verb_that_is_gone():
    assert set(CASES) <= set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_verb_is_complete_or_not_in_the_catalogue(name):
    verb = CATALOGUE[name]
    assert name in CASES, "no test here and no scenario exercises it"
    target, step = drafted(name)
    assert verb.tier in (1, 2, 3)
    assert set(verb.kinds) <= set(RESOURCES)
    if name in PATCHES:
        assert {rule.resource for rule in verb.rules} == {RESOURCES[kind][1] for kind in verb.kinds}
        assert all(rule.verbs == ("get", "patch") for rule in verb.rules)
        assert isinstance(verb.inverse(step, sent(target, step)), Step) is verb.reversible
    assert step.name in sentence(step)
    assert all((verb.risks, verb.when_not, verb.undo, verb.verify))
    assert all(
        prose(part) for part in (type(verb).draft, type(verb).bounds, sys.modules[type(verb).__module__])
    )
    assert verb.sets.pattern or name not in PATCHES
    assert verb.reversible or verb.undo.startswith("Cannot be undone")
    assert set(verb.verify) <= set(CHECKS)
    assert check(step) is None
    assert (type(verb).__doc__ or "").startswith("Parameters: ")
    assert f"\n## {name}\n" in ACTIONS_PAGE.read_text(encoding="utf-8")
    assert (FOLDER / f"{name}.http").exists(), "its request is on no file"
    assert name in REFUSES, "it refuses nothing"
    assert name in HOLDS, "nothing shows that its bounds hold"
    assert (name in mending()) is (name not in WITHOUT_A_SCENARIO), "which scenario is mended by it?"


@cache
def mending() -> frozenset[str]:
    """The verbs that some scenario that ships expects."""
    ships = [*names(), *(f"verbs/{path.stem}" for path in (SCENARIOS / "verbs").glob("*.yaml"))]
    return frozenset(action.verb for name in ships for action in load(name).expect.actions)


@pytest.mark.parametrize("name", PATCHES)
def test_the_request_is_a_function_of_the_step_and_marks_the_object(name):
    target, step = drafted(name)
    assert request(step, "plan-1") == request(step, "plan-1")
    assert request(step, "plan-1").body == request(step, "plan-1", dry_run=True).body
    after = sent(target, step)
    assert is_applied(step, "plan-1", after)
    assert not is_applied(step, "plan-1", target)
    shown = diff(readable(target), readable(after))
    assert shown
    assert MARK not in shown


@pytest.mark.parametrize("name", PATCHES)
def test_a_second_send_of_the_same_bytes_fails(name):
    target, step = drafted(name)
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        sent(sent(target, step), step)


@pytest.mark.parametrize("name", UNDONE)
def test_the_undo_puts_back_what_stood_there(name):
    target, step = drafted(name)
    after = sent(target, step)
    undo = CATALOGUE[name].inverse(step, after)
    assert isinstance(undo, Step)
    assert check(undo) is None
    assert not diff(readable(target), readable(sent(after, undo)))


@pytest.mark.parametrize("name", UNDONE)
def test_the_undo_is_told_with_the_values_that_it_would_put_back(name):
    target, step = drafted(name)
    undo = CATALOGUE[name].inverse(step, sent(target, step))
    assert isinstance(undo, Step)
    assert undo_words(step) == sentence(undo)
    assert undo_words(step) != sentence(step)


def test_what_cannot_be_undone_or_is_not_known_says_so():
    final = [name for name, verb in CATALOGUE.items() if not verb.reversible]
    assert all(undo_words(drafted(name)[1]).startswith("Cannot be undone") for name in final)
    assert undo_words(drafted("scale")[1].model_copy(update={"verb": "conjure"})) == "Not known."


@pytest.mark.parametrize("name", PATCHES)
def test_any_changed_expected_value_is_drift(name):
    target, step = drafted(name)
    assert drift(step.expect, target) == ()
    for pointer in step.expect:
        other = {**step.expect, pointer: "something else"}
        assert [d.pointer for d in drift(other, target)] == [pointer]


@pytest.mark.parametrize("name", CASES)
def test_a_verb_sends_nothing_but_its_own_pointers(name):
    _, step = drafted(name)
    for pointer in ("/metadata/labels", "/spec/templates", "/spec/replicas/x", "/"):
        evil = step.model_copy(update={"set": {pointer: "x"}, "expect": {**step.expect, pointer: "y"}})
        assert isinstance(check(evil), Refused)
    assert isinstance(check(step.model_copy(update={"kind": "Secret"})), Refused)
    assert isinstance(check(step.model_copy(update={"verb": "exec"})), Refused)


REFUSED = [
    ("set_image", {"container": "app", "image": "evil/miner:1"}),
    ("set_image", {"container": "nobody", "image": "r/checkout:8"}),
    ("set_resources", {"container": "app", "field": "limits/memory", "value": "1Gi"}),
    ("set_resources", {"container": "app", "field": "limits/memory", "value": "64Mi"}),
    ("set_resources", {"container": "app", "field": "limits/memory", "value": "lots"}),
    ("set_resources", {"container": "app", "field": "limits/cpu", "value": "1"}),
    ("scale", {"replicas": 0}),
    ("scale", {"replicas": 101}),
    ("scale", {"replicas": 2}),
    ("fix_selector", {"selector": {}, "labels": {"app": "cart"}}),
    ("fix_selector", {"selector": {"app": "x"}, "labels": {"app": "cart"}}),
    (
        "roll_back",
        {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}}, "revision": 1},
    ),
    ("restart_rollout", {"incident": "INC-1", "because": "bad_image"}),
    ("restart_rollout", {"incident": "", "because": "stale_config"}),
]
IMAGE = "/spec/template/spec/containers/1/image"
MEMORY = "/spec/template/spec/containers/1/resources/limits/memory"
META = "/spec/template/metadata"
HOSTILE = [
    ("set_image", {IMAGE: "two words"}),
    ("set_image", {IMAGE: None}),
    ("set_image", {IMAGE: "r/checkout:8", "/spec/template/spec/containers/0/image": "r/proxy:2"}),
    ("roll_back", {"/spec/template": {"spec": {}}}),
    ("roll_back", {"/spec/template/spec/containers/0/env/0/value": "x"}),
    ("set_resources", {MEMORY: "128Gi"}),
    ("set_resources", {MEMORY: "0"}),
    ("fix_selector", {"/spec/selector": {}}),
    ("fix_selector", {"/spec/selector": {"app": 1}}),
    ("scale", {"/spec/replicas": 101}),
    ("scale", {"/spec/replicas": True}),
    ("restart_rollout", {META: {"labels": {"app": "other"}}}),
    ("restart_rollout", {META: "gone"}),
]
ALL_REFUSED = [*((name, *CASES[name][:1], params, "") for name, params in REFUSED), *workload_cases.REFUSED]
ALL_HOSTILE = [*HOSTILE, *workload_hostile.HOSTILE]
REFUSES = {each[0] for each in [*ALL_REFUSED, *REFUSED_BEYOND]}
HOLDS = {each[0] for each in ALL_HOSTILE} | {step.verb for step in BENT.values()}
WITHOUT_A_SCENARIO = {
    "cordon",
    "evict_pod",
    "expand_pvc",
    "network_policy",
    "quota",
    "restore",
    "silence",
    "uncordon",
    "webhook",
}
"""Verbs that only ``tests/stories/test_catalogue_*.py`` carry through. It shrinks and never grows."""


@pytest.mark.parametrize(("name", "target", "params", "words"), ALL_REFUSED)
def test_what_must_not_be_proposed_is_refused_with_a_reason(name, target, params, words):
    refused = CATALOGUE[name].draft(target, params, CONTEXT)
    assert isinstance(refused, Refused)
    assert refused.reason
    assert words in refused.reason


@pytest.mark.parametrize(("name", "changes"), ALL_HOSTILE)
def test_a_step_that_no_draft_could_have_come_to_is_not_sent(name, changes):
    target, step = drafted(name)
    before = {pointer: None if (at := read(target, pointer)) is MISSING else at for pointer in changes}
    evil = step.model_copy(update={"set": changes, "expect": {**step.expect, **before}})
    assert isinstance(check(evil), Refused)


@pytest.mark.parametrize("name", CASES)
def test_the_request_is_the_one_on_file_to_the_byte(name):
    _, step = drafted(name)
    sent_now = CATALOGUE[name].rehearsal(step, "plan-1")
    assert golden(name, sent_now) == as_sent(sent_now)


def test_a_count_that_an_autoscaler_owns_is_left_alone():
    refused = CATALOGUE["scale"].draft(DEPLOYMENT, {"replicas": 3}, Context(owned_by="checkout-hpa"))
    assert isinstance(refused, Refused)
    assert "checkout-hpa" in refused.reason


def test_a_container_that_moved_to_another_place_makes_the_plan_stale():
    _, step = drafted("set_image")
    swapped = copy.deepcopy(DEPLOYMENT)
    swapped["spec"]["template"]["spec"]["containers"].reverse()
    assert drift(step.expect, swapped)


def test_an_object_without_annotations_is_pinned_to_its_version():
    _, step = drafted("fix_selector")
    assert step.expect["/metadata/resourceVersion"] == "7"
    assert not step.annotated
