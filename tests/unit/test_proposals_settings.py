"""Ports, probes, places, references and switches: a value that was seen, or no plan and why."""

from __future__ import annotations

import pytest

from agents.incident import Alert
from agents.investigator.effects import Effect
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from agents.investigator.proposals_advice import BY_EFFECT
from tests.support.kube_objects import Json, deployment, event, meta, pod, replicaset, service, template
from tests.support.scenes import alert, scene
from tests.support.troubles import SHORT, starved, unconfigured

PROBE = alert("ProbeFailed", namespace="shop", service="web")


def proposed(objects: list[Json], asked: Alert = SHORT, limits: Limits | None = None) -> Proposal:
    at = scene(objects, asked)
    return propose(at.case, at.reasoned.cause, limits or Limits())


def changed(objects: list[Json], asked: Alert = SHORT) -> tuple[str, Json]:
    found = proposed(objects, asked)
    assert isinstance(found, Proposed), found
    return found.step.verb, dict(found.step.set)


def configmap(name: str, *keys: str) -> Json:
    return {"kind": "ConfigMap", "metadata": meta("ConfigMap", name), "data": dict.fromkeys(keys, "1")}


def test_a_reference_goes_to_the_only_object_of_nearly_its_name() -> None:
    verb, values = changed([*unconfigured(), configmap("setting")])
    assert verb == "set_env_reference"
    assert list(values.values()) == ["setting"]


def test_a_reference_with_two_candidates_or_none_is_not_guessed() -> None:
    for others in ([configmap("setting"), configmap("settings2")], []):
        found = proposed([*unconfigured(), *others])
        assert isinstance(found, NoPlan)
        assert "where the workload is defined" in str(found)


def test_only_a_rollout_shortly_before_the_trouble_is_undone_for_a_name_it_brought() -> None:
    before = [*unconfigured(), replicaset(0, ready=1, template=template())]
    newest = next(one for one in before if one["metadata"]["name"] == "web-r1")
    assert changed(before)[0] == "roll_back"
    # It ran with that name for months: somebody took the object away, and going back would not be a mend.
    newest["metadata"]["creationTimestamp"] = "2026-08-01T00:00:00Z"
    assert isinstance(proposed(before), NoPlan)


def listening(*ports: Json) -> list[Json]:
    asks = [{"name": "http", "port": 80, "targetPort": 9999}]
    made = template(ports=list(ports))
    ready = pod("web-r1-aaaaa", container={"ports": list(ports)})
    return [deployment(template=made), replicaset(1, template=made), ready, service(ports=asks)]


@pytest.mark.parametrize(
    ("ports", "target"),
    [
        ([{"containerPort": 8080}], 8080),
        ([{"name": "web", "containerPort": 8080}], "web"),
        ([{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 8081}], "http"),
    ],
)
def test_a_service_is_sent_to_the_port_that_its_pods_declare(ports: list[Json], target: object) -> None:
    assert changed(listening(*ports), PROBE) == ("fix_port", {"/spec/ports/0/targetPort": target})


def test_a_service_with_two_ports_to_choose_from_is_left_alone() -> None:
    ports = [{"name": "a", "containerPort": 8080}, {"name": "b", "containerPort": 8081}]
    assert isinstance(proposed(listening(*ports), PROBE), NoPlan)


def probing(before: Json, now: Json, **more: object) -> list[Json]:
    old = template(readinessProbe={"httpGet": before})
    new = template(readinessProbe={"httpGet": now}, **more)
    sick = pod("web-r2-aaaaa", ready=False, container={"readinessProbe": {"httpGet": now}})
    fails = event(sick, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
    return [
        deployment(available=1, template=new),
        replicaset(1, ready=1, template=old),
        replicaset(2, template=new),
        pod("web-r1-zzzzz"),
        sick,
        fails,
    ]


def test_a_probe_that_the_last_rollout_changed_asks_again_as_before() -> None:
    verb, values = changed(probing({"path": "/up", "port": 80}, {"path": "/ready", "port": 80}))
    place = "/spec/template/spec/containers/0/readinessProbe/httpGet/path"
    assert (verb, values) == ("fix_probe", {place: "/up"})


def test_a_probe_that_changed_with_more_goes_back_with_all_of_it() -> None:
    more = probing({"path": "/up", "port": 80}, {"path": "/ready", "port": 80}, command=["run"])
    assert changed(more)[0] == "roll_back"


def test_a_probe_that_nobody_changed_is_left_as_it_is() -> None:
    same = {"path": "/up", "port": 80}
    assert isinstance(proposed(probing(same, same)), NoPlan)


def test_a_paused_rollout_goes_on_only_while_no_pod_of_it_fails() -> None:
    paused = deployment(available=2, updated=0)
    paused["spec"]["paused"] = True
    stuck = alert("KubeDeploymentRolloutStuck", namespace="shop", deployment="web")
    well = [paused, replicaset(1, ready=2), pod("web-r1-aaaaa")]
    assert changed(well, stuck) == ("resume_rollout", {"/spec/paused": None})


def test_a_quota_that_is_used_up_and_keeps_no_pod_back_is_advice() -> None:
    objects = starved()
    objects[2]["status"]["replicas"] = 2
    found = proposed(objects, alert("KubeQuotaExceeded", namespace="shop", resourcequota="compute"))
    assert isinstance(found, NoPlan)
    assert "Free what is not needed" in str(found)


def test_a_person_is_told_something_about_every_effect_that_can_be_a_cause() -> None:
    assert BY_EFFECT.keys() == set(Effect) - {Effect.NOTE}
