"""A rollout is undone for what it brought, though nothing crashes: and only if it brought that very thing."""

from __future__ import annotations

import pytest

from agents.incident import Alert
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from tests.support.kube_objects import (
    GOOD,
    Json,
    deployment,
    event,
    meta,
    pod,
    pulling,
    replicaset,
    service,
    template,
)
from tests.support.scenes import alert, scene
from tests.support.troubles import SHORT
from tools.kubernetes.inventory import Inventory

LONG_AGO = "2026-08-01T00:00:00Z"
MIRROR = "mirror.example/shop/web:1.0"
UNREACHABLE = (
    f'Failed to pull image "{MIRROR}": rpc error: code = Unknown desc = failed to do request: '
    f'Head "https://mirror.example/v2/": dial tcp: lookup mirror.example: no such host'
)
NOT_READY = alert("KubePodNotReady", namespace="shop", pod="web-r2-aaaaa")


def proposed(objects: list[Json], asked: Alert = SHORT) -> Proposal:
    at = scene(objects, asked)
    return propose(at.case, at.reasoned.cause, Limits())


def refused(said: str, before: Json, now: Json, born: str = "2026-11-24T01:55:00Z") -> list[Json]:
    """Deployment ``web`` whose newest ReplicaSet may make no pods, for the reason that is said."""
    new = replicaset(2, template=now, meta={"creationTimestamp": born})
    new["spec"]["replicas"] = 2
    return [
        deployment(available=1, template=now),
        replicaset(1, ready=1, template=before),
        new,
        pod("web-r1-aaaaa"),
        event(new, "FailedCreate", said),
    ]


def spec(**more: object) -> Json:
    made = template()
    made["spec"] |= more
    return made


ACCOUNT = 'Error creating: pods "web-r2-x" is forbidden: error looking up service account shop/reader: ' \
    'serviceaccount "reader" not found'  # fmt: skip
PRIORITY = 'pods "web-r2-x" is forbidden: no PriorityClass with name urgent was found'
CASES = {
    "account": (ACCOUNT, spec(serviceAccountName="reader")),
    "priority": (PRIORITY, spec(priorityClassName="urgent")),
}


@pytest.mark.parametrize(("said", "now"), CASES.values(), ids=CASES)
def test_what_names_something_missing_goes_back_to_what_did_not(said: str, now: Json) -> None:
    found = proposed(refused(said, template(), now))
    assert isinstance(found, Proposed), found
    assert found.step.verb == "roll_back"
    assert "set the very field" in found.why


@pytest.mark.parametrize(("said", "now"), CASES.values(), ids=CASES)
def test_what_named_it_before_as_well_or_has_run_for_long_is_not_undone(said: str, now: Json) -> None:
    before = {**now, "spec": {**now["spec"], "hostname": "web"}}
    assert isinstance(proposed(refused(said, before, now)), NoPlan)
    assert isinstance(proposed(refused(said, template(), now, LONG_AGO)), NoPlan)


def moved(good: str = GOOD, *, serves: bool = True) -> list[Json]:
    """A rollout that took its image from another registry, which cannot be reached."""
    now = template(image=MIRROR)
    return [
        deployment(available=1, template=now),
        replicaset(1, ready=int(serves), template=template(image=good)),
        replicaset(2, template=now),
        *([pod("web-r1-zzzzz", image=good)] if serves else []),
        pulling("web-r2-aaaaa", MIRROR, UNREACHABLE),
    ]


def test_an_image_from_a_registry_that_nobody_reaches_goes_back_to_the_one_before() -> None:
    found = proposed(moved(), NOT_READY)
    assert isinstance(found, Proposed), found
    assert (found.step.verb, list(found.step.set.values())) == ("set_image", [GOOD])


def test_a_registry_that_was_used_before_is_waited_for() -> None:
    assert isinstance(proposed(moved("mirror.example/shop/web:0.9"), NOT_READY), NoPlan)
    assert isinstance(proposed(moved(serves=False), NOT_READY), NoPlan)


def unseen(scheduler: str) -> list[Json]:
    """A rollout to another scheduler, whose new pod nobody has looked at for minutes."""
    now = spec(schedulerName=scheduler)
    waits = pod("web-r2-aaaaa", ready=False, phase="Pending", spec={"schedulerName": scheduler})
    waits["status"] = {"phase": "Pending"}
    return [
        deployment(available=1, template=now),
        replicaset(1, ready=1),
        replicaset(2, template=now),
        pod("web-r1-zzzzz"),
        waits,
    ]


def test_a_scheduler_of_another_name_that_is_silent_is_the_rollouts_doing() -> None:
    found = proposed(unseen("batch"), NOT_READY)
    assert isinstance(found, Proposed), found
    assert found.step.verb == "roll_back"


def test_that_the_clusters_own_scheduler_is_silent_undoes_nothing() -> None:
    assert isinstance(proposed(unseen("default-scheduler"), NOT_READY), NoPlan)


def test_an_address_that_the_rollout_changed_is_advice_for_its_value_is_not_read() -> None:
    def told(tag: str, port: int) -> Json:
        made = template(env=[{"name": "DB_URL", "valueTag": tag}])
        return {**made, "port": port}

    now, before = told("t2", 5433), told("t1", 5432)
    web = deployment(available=0, template=now)
    web["addresses"] = [
        {"container": "web", "env": "DB_URL", "service": "db", "namespace": "shop", "port": 5433}
    ]
    kept = Inventory.of_list({"items": [web]})
    assert kept.objects("Deployment")[0]["addresses"]
    objects = [
        web,
        replicaset(1, template=before),
        replicaset(2, template=now),
        service("db", ports=[{"port": 5432}]),
        {"kind": "Namespace", "metadata": meta("Namespace", "shop", namespace="")},
    ]
    found = proposed(objects)
    assert isinstance(found, NoPlan)
    assert "does not read or write" in found.reason
