"""What is suspected for its time alone when requests slow down or fail: rollouts, full and throttled pods.

Each has a twin in which the times do not agree, and one in which something shows a fault of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.incident import Alert, Evidence
from agents.investigator.analyzers.measured import Measured, Name
from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.reasoning import Reasoned, reason
from agents.investigator.reasoning_case import Case
from agents.investigator.targets import targets
from tests.support.kube_objects import Json, crashing, deployment, event, pod, replicaset, service, template
from tests.support.scenes import alert, evidence, scene
from tests.support.world_cluster import START
from tools.prometheus import Track

NOW = START + timedelta(minutes=10)
BEGAN = START + timedelta(minutes=8)
ERRORS = alert("HttpErrorRateHigh", at=BEGAN, namespace="shop", service="web")
WEB = {"namespace": "shop", "service": "web"}
POD = {"namespace": "shop", "pod": "web-r2-aaaaa", "container": "web"}


def series(name: Name, labels: dict[str, str], value: Callable[[float], float]) -> Measured:
    """Three hours of it until now, by minutes before now."""
    points = tuple(((NOW - timedelta(minutes=m)).timestamp(), value(m)) for m in range(180, -1, -1))
    return Measured(name=name, unit="", tracks=(Track(labels=labels, points=points),), evidence="E90")


def step(before: float, after: float, ago: float) -> Callable[[float], float]:
    return lambda minutes: (after if minutes <= ago else before) * (1 + 0.01 * (minutes % 3))


def rolled(minutes_ago: float, image: str = "registry.example/shop/web:2") -> list[Json]:
    """Deployment web, whose newest revision came this long ago."""
    old, new = replicaset(1), replicaset(2, template=template())
    new["spec"]["template"]["spec"]["containers"][0]["image"] = image
    new["metadata"]["creationTimestamp"] = (NOW - timedelta(minutes=minutes_ago)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    old["metadata"]["creationTimestamp"] = "2026-11-01T00:00:00Z"
    workload = deployment()
    workload["spec"]["template"] = new["spec"]["template"]
    return [workload, old, new, pod("web-r2-aaaaa"), service()]


def look(objects: list[Json], *measured: Measured) -> Snapshot:
    return replace(scene(objects).snapshot, measured=measured, began=BEGAN, taken_at=NOW)


def think(snapshot: Snapshot, *alerts: Alert) -> Reasoned:
    about = targets(alerts, snapshot.inventory)
    return reason(Case(snapshot=snapshot, targets=about, findings=analyze(snapshot)))


def told(found: Reasoned) -> str:
    return f"{found.cause.code} {found.cause.object}" if found.cause else ""


FAIL = series(Name.ERRORS, WEB, step(0.001, 0.3, 9))
SLOW = series(Name.LATENCY, WEB, step(0.05, 0.9, 9))
BAD = "deployment.rollout.bad_version Deployment shop/web"


def test_a_rollout_just_before_requests_began_to_fail_is_suspected_and_never_certain() -> None:
    found = think(look(rolled(12), FAIL), ERRORS)
    assert told(found) == BAD
    assert found.confidence == "medium"
    assert found.cause is not None
    assert "metric.errors.rose@Service shop/web" in found.cause.explains
    assert "registry.example/shop/web:2" in found.cause.sentence


def test_a_rollout_after_the_errors_or_long_before_them_or_without_any_is_not_suspected() -> None:
    for objects, measured in (
        (rolled(3), (series(Name.ERRORS, WEB, step(0.001, 0.3, 14)),)),
        (rolled(150), (FAIL,)),
        (rolled(12), ()),
        (rolled(12), (series(Name.ERRORS, WEB, lambda _: 0.001),)),
    ):
        assert told(think(look(objects, *measured), ERRORS)) == ""


def test_what_shows_a_fault_of_its_own_comes_before_what_only_came_at_that_time() -> None:
    objects = [*rolled(12), crashing("web-r2-bbbbb")]
    found = think(look(objects, FAIL), ERRORS)
    assert told(found) == "deployment.rollout.crashes Deployment shop/web"


def test_a_callee_that_is_down_comes_before_a_rollout_of_the_caller_at_that_time() -> None:
    caller, *rest = rolled(12)
    caller["addresses"] = [
        {"container": "web", "env": "DB", "service": "db", "namespace": "shop", "port": 5432}
    ]
    down = [
        deployment("db", available=0),
        replicaset(1, owner="db"),
        crashing("db-r1-aaaaa", labels={"app": "db"}),
        service("db", ports=[{"port": 5432, "targetPort": 5432}]),
    ]
    found = think(look([caller, *rest, *down], FAIL), ERRORS)
    assert told(found) == "workload.container.crashes Deployment shop/db"


def test_the_image_that_an_alert_names_is_that_of_the_rollout_that_brought_it() -> None:
    asked = alert("ResultsWrong", at=BEGAN, namespace="shop", image="registry.example/shop/web:2")
    assert told(think(look(rolled(12)), asked)) == BAD
    assert told(think(look(rolled(150)), asked)) == ""
    other = alert("ResultsWrong", at=BEGAN, namespace="shop", image="registry.example/shop/web:1")
    assert told(think(look(rolled(12)), other)) == ""


def test_a_throttled_container_is_suspected_of_latency_that_came_with_it_and_of_nothing_else() -> None:
    objects = rolled(300)
    throttled = series(Name.THROTTLED, POD, step(0.01, 0.35, 12))
    found = think(look(objects, throttled, SLOW), ERRORS)
    assert told(found) == "metric.cpu.throttled Deployment shop/web"
    after = series(Name.THROTTLED, POD, step(0.01, 0.35, 2))
    late = series(Name.LATENCY, WEB, step(0.05, 0.9, 20))
    assert told(think(look(objects, throttled), ERRORS)) == ""
    assert told(think(look(objects, after, late), ERRORS)) == ""


def test_what_has_been_throttled_for_hours_did_not_slow_down_anything_just_now() -> None:
    always = series(Name.THROTTLED, POD, step(0.01, 0.35, 170))
    assert told(think(look(rolled(300), always, SLOW), ERRORS)) == ""


def test_a_little_throttling_is_not_taken_for_why_a_probe_fails() -> None:
    sick = pod("web-r2-aaaaa", ready=False)
    said = event(sick, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    objects = [one for one in rolled(300) if one["kind"] != "Pod"] + [sick, said]
    throttled = series(Name.THROTTLED, POD, step(0.01, 0.35, 100))
    asked = alert("KubePodNotReady", at=BEGAN, namespace="shop", pod="web-r2-aaaaa")
    found = think(look(objects, throttled), asked)
    assert [(one.code, str(one.object)) for one in found.hypotheses] == [
        ("pod.probe.fails", "Deployment shop/web")
    ]


def test_a_container_near_its_memory_limit_is_suspected_where_requests_slowed_down_then() -> None:
    near = series(Name.MEMORY, POD, step(0.5, 0.96, 11))
    assert (
        told(think(look(rolled(300), near, SLOW), ERRORS)) == "metric.memory.near_limit Deployment shop/web"
    )
    # A limit is there to be used: by itself it is no trouble.
    assert told(think(look(rolled(300), near), ERRORS)) == ""


def stranger(number: int, minutes_ago: int) -> list[Json]:
    """Another application that was rolled out just now, with a Service of its own."""
    text = json.dumps(rolled(minutes_ago))
    return cast("list[Json]", json.loads(text.replace("web", f"other{number}")))


@settings(deadline=None, max_examples=25)
@given(noise=st.lists(st.integers(1, 60), max_size=4), loud=st.booleans(), ours=st.sampled_from((12, 300)))
def test_rollouts_and_troubled_requests_of_others_change_nothing(
    noise: list[int], loud: bool, ours: int
) -> None:
    before = think(look(rolled(ours), FAIL), ERRORS)
    crowd = [one for number, ago in enumerate(noise) for one in stranger(number, ago)]
    theirs = [
        series(Name.ERRORS, {"namespace": "shop", "service": f"other{number}"}, step(0.001, 0.4, 9))
        for number, _ in enumerate(noise)
        if loud
    ]
    after = think(look([*rolled(ours), *crowd], FAIL, *theirs), ERRORS)
    assert after.cause == before.cause
    assert told(before) == (BAD if ours == 12 else "")


def test_claims_about_it_cite_the_rollout_and_what_was_measured() -> None:
    snapshot = look(rolled(12), FAIL)
    finding = next(one for one in analyze(snapshot) if one.code == "deployment.rolled_out")
    kinds = {item.query for item in _known(snapshot) if item.id in finding.evidence}
    assert kinds == {"GET Deployment", "GET ReplicaSet"}


def _known(snapshot: Snapshot) -> list[Evidence]:
    ids = {number: kind for kind, numbers in snapshot.evidence.items() for number in numbers}
    return [evidence(int(number[1:]), f"GET {kind}", "") for number, kind in ids.items()]
