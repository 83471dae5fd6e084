"""StatefulSets and DaemonSets have a past too: read without secrets, told, and gone back to."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from agents.investigator.changes import changes
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from evals.world.clock import VirtualClock
from evals.world.kubernetes.controllers.revisions import revised
from evals.world.kubernetes.store import Store
from tests.support.kube_objects import (
    BAD,
    GOOD,
    Json,
    crashing,
    meta,
    owned_by,
    pod,
    pulling,
    template,
)
from tests.support.scenes import Scene, alert, scene
from tests.support.world_cluster import START
from tools.kubernetes.actions.catalogue import check, tier_of
from tools.kubernetes.actions.templates import OutOfReach, changes_between
from tools.kubernetes.cleaning import cleaned
from tools.kubernetes.history import POD_REVISION, history, is_of

FRESH, OLD = "2026-11-24T01:55:00Z", "2026-08-01T00:00:00Z"
CRASHES = alert("KubePodCrashLooping", namespace="shop", pod="db-1")


def owner(kind: str, name: str, present: Json) -> Json:
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": present}
    status = {"replicas": 2, "availableReplicas": 1, "desiredNumberScheduled": 2, "numberReady": 1}
    return {"kind": kind, "metadata": meta(kind, name, creationTimestamp=OLD), "spec": spec, "status": status}


def revision(of: Json, number: int, kept: Json, born: str = FRESH) -> Json:
    name = of["metadata"]["name"]
    return {
        "kind": "ControllerRevision",
        "metadata": meta(
            "ControllerRevision",
            f"{name}-h{number}",
            ownerReferences=owned_by(of["kind"], name),
            creationTimestamp=born,
        ),
        "data": {"spec": {"template": {**copy.deepcopy(kept), "$patch": "replace"}}},
        "revision": number,
    }


def of(owned: Json, kind: str, name: str, number: int) -> Json:
    """The pod as one of this owner's, made from this revision."""
    owned["metadata"]["ownerReferences"] = owned_by(kind, name)
    mark = f"{name}-h{number}" if kind == "StatefulSet" else f"h{number}"
    owned["metadata"]["labels"] = {"app": name, POD_REVISION: mark}
    return owned


def upgraded(new: Json | None = None, born: str = FRESH, **more: Any) -> list[Json]:
    """StatefulSet ``db`` after a rollout: its last pod crashes, the first still runs the template before."""
    present = new or template("db", image=BAD)
    db = owner("StatefulSet", "db", present)
    return [
        db,
        revision(db, 1, more.pop("before", template("db")), OLD),
        revision(db, 2, present, born),
        of(pod("db-0"), "StatefulSet", "db", 1),
        of(crashing("db-1", image=BAD), "StatefulSet", "db", more.pop("sick", 2)),
    ]


def proposed(objects: list[Json], *asked: Any) -> Proposal:
    at = scene(objects, *(asked or (CRASHES,)))
    return propose(at.case, at.reasoned.cause, Limits())


def test_of_a_revision_only_the_template_is_read_and_no_value_in_it() -> None:
    kept = template("db", env=[{"name": "PASSWORD", "value": "hunter2"}])
    raw = revision(owner("StatefulSet", "db", kept), 1, kept)
    raw["data"]["spec"]["secret"] = raw["data"]["note"] = "hunter2"
    found = cleaned(raw)
    assert "hunter2" not in str(found)
    assert "$patch" not in str(found)
    assert found["data"]["spec"]["template"]["spec"]["containers"][0]["name"] == "web"
    assert cleaned(found) == found


@pytest.mark.parametrize("data", [None, "x", [], {"spec": "x"}, {"spec": {"template": {"spec": "hunter2"}}}])
def test_a_revision_that_holds_something_else_is_read_without_it(data: object) -> None:
    raw = {"kind": "ControllerRevision", "metadata": meta("ControllerRevision", "x"), "data": data}
    assert "data" not in cleaned(raw)


def test_revisions_come_newest_first_with_their_ready_pods() -> None:
    objects = upgraded()
    first, second = history(objects[0], tuple(objects[1:3]), tuple(objects[3:]))
    assert [first.number, second.number] == [2, 1]
    assert [first.ready, second.ready] == [0, 1]
    assert [first.images["web"], second.images["web"]] == [BAD, GOOD]
    stranger = revision(owner("StatefulSet", "cache", template("cache")), 9, template("cache"))
    assert len(history(objects[0], (*objects[1:3], stranger))) == 2
    nobody = {"metadata": {"name": "db"}}
    unowned = {**objects[1], "metadata": {**objects[1]["metadata"], "ownerReferences": [{"name": "db"}]}}
    assert history(nobody, (unowned,)) == ()


@pytest.mark.parametrize(("kind", "mark"), [("StatefulSet", "db-h2"), ("DaemonSet", "h2")])
def test_a_pod_says_which_revision_it_is_of(kind: str, mark: str) -> None:
    found = history(*_two(kind))
    marked = {"metadata": {"labels": {POD_REVISION: mark}}}
    assert [is_of(marked, one, "db") for one in found] == [True, False]
    assert not is_of({"metadata": {}}, found[0], "db")


def _two(kind: str) -> tuple[Json, tuple[Json, ...]]:
    db = owner(kind, "db", template("db"))
    return db, (revision(db, 1, template("db")), revision(db, 2, template("db", image=BAD)))


def test_a_statefulset_that_crashes_since_its_rollout_gets_its_image_back() -> None:
    found = proposed(upgraded())
    assert isinstance(found, Proposed), found
    assert (found.step.verb, list(found.step.set.values())) == ("set_image", [GOOD])


def sized(memory: str, **more: Any) -> Json:
    return template("db", resources={"limits": {"memory": memory}}, **more)


def test_a_statefulset_of_which_more_changed_goes_back_field_by_field_and_for_two_to_sign() -> None:
    found = proposed(upgraded(sized("1Gi", image=BAD), before=sized("2Gi")))
    assert isinstance(found, Proposed), found
    assert (found.step.verb, str(found.step.target)) == ("roll_back", "StatefulSet shop/db")
    place = "/spec/template/spec/containers/0"
    assert found.step.set == {f"{place}/image": GOOD, f"{place}/resources/limits/memory": "2Gi"}
    assert check(found.step) is None
    assert tier_of(found.step) == 2


def test_of_a_statefulset_nothing_goes_back_that_no_other_verb_may_write() -> None:
    found = proposed(upgraded(template("db", image=BAD, command=["run"])))
    assert isinstance(found, NoPlan)
    assert "does not write /spec/template/spec/containers/0/command" in found.reason


def test_what_a_rollout_added_beside_env_values_is_taken_away_again() -> None:
    env = [{"name": "A", "valueTag": "t1"}]
    before, now = template(env=env), template(env=env)
    now["spec"]["priorityClassName"] = "urgent"
    before["spec"]["hostname"] = "web"
    path = "/spec/template/spec"
    assert changes_between(now, before) == {f"{path}/priorityClassName": None, f"{path}/hostname": "web"}
    with pytest.raises(OutOfReach):
        changes_between(template(), template(env=env))


def test_pods_that_crash_on_the_template_before_as_well_are_not_the_rollouts_doing() -> None:
    assert isinstance(proposed(upgraded(sick=1)), NoPlan)


def test_a_daemonset_with_a_bad_image_gets_the_one_that_serves() -> None:
    agent = owner("DaemonSet", "agent", template("agent", image=BAD))
    kept = [revision(agent, 1, template("agent"), OLD), revision(agent, 2, template("agent", image=BAD))]
    pods = [
        of(pod("agent-aaaaa"), "DaemonSet", "agent", 1),
        of(pulling("agent-bbbbb"), "DaemonSet", "agent", 2),
    ]
    stuck = alert("KubeDaemonSetRolloutStuck", namespace="shop", daemonset="agent")
    found = proposed([agent, *kept, *pods], stuck)
    assert isinstance(found, Proposed), found
    assert (found.step.verb, list(found.step.set.values())) == ("set_image", [GOOD])


def told(at: Scene) -> list[str]:
    return [str(one) for one in changes(at.snapshot, START + timedelta(minutes=9))]


def test_what_a_rollout_of_a_statefulset_changed_is_told_once() -> None:
    objects = upgraded()
    writes = {"manager": "ci", "operation": "Update", "time": FRESH}
    objects[0]["metadata"]["managedFields"] = [{**writes, "fieldsV1": {"f:spec": {"f:template": {}}}}]
    (only,) = told(scene(objects, CRASHES))
    assert "revision 2 was rolled out" in only
    assert f"{GOOD} → {BAD}" in only
    # Where its revisions were not read, that the template was written is all there is to tell.
    (less,) = told(scene([objects[0], *objects[3:]], CRASHES))
    assert "spec.template" in less


def test_a_pretend_cluster_keeps_revisions_as_a_real_one_does() -> None:
    store = Store(VirtualClock(START))
    made = {"metadata": {"name": "db", "namespace": "shop"}, "spec": owner("StatefulSet", "db", {})["spec"]}
    store.create("namespaces", {"metadata": {"name": "shop"}})
    for image in (GOOD, BAD, GOOD):
        made["spec"]["template"] = template("db", image=image)
        if image == GOOD and not store.peek("statefulsets", "shop"):
            store.create("statefulsets", made)
        else:
            stored = store.get("statefulsets", "shop", "db")
            store.update("statefulsets", {**stored, "spec": made["spec"]})
        revised(store, {**store.get("statefulsets", "shop", "db"), "kind": "StatefulSet"})
    kept = store.peek("controllerrevisions", "shop")
    assert sorted(int(one["revision"]) for one in kept) == [2, 3]
    newest = max(kept, key=lambda one: int(one["revision"]))
    assert newest["data"]["spec"]["template"]["spec"]["containers"][0]["image"] == GOOD
