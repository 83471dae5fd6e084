"""What never changes the answer: strangers, order, names, and more alerts about the same trouble."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.incident import Alert
from agents.investigator.reasoning import Reasoned
from tests.support.kube_objects import (
    Json,
    crashing,
    deployment,
    ended,
    meta,
    pod,
    pulling,
    replicaset,
    rolled_out,
    service,
)
from tests.support.scenes import alert, scene
from tests.support.troubles import SHORT, node, starved, unconfigured


def think(objects: list[Json], *alerts: Alert) -> Reasoned:
    return scene(objects, *alerts).reasoned


def door(name: str, host: str, to: str) -> Json:
    """An Ingress; where it leads to may not exist."""
    backend = {"service": {"name": to, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"kind": "Ingress", "metadata": meta("Ingress", name), "spec": {"rules": [rule]}}


NOISE = st.lists(
    st.one_of(
        st.builds(lambda i: [crashing(f"noise{i}-r1-aaaaa", labels={"app": f"noise{i}"})], st.integers(0, 9)),
        st.builds(lambda i: [pulling(f"noise{i}-r1-bbbbb", labels={"app": f"noise{i}"})], st.integers(0, 9)),
        st.builds(lambda i: [deployment(f"noise{i}", replicas=i, available=0)], st.integers(0, 9)),
        st.builds(lambda i: [service(f"lost{i}", {"app": f"nobody-{i}-at-all"})], st.integers(0, 9)),
        st.builds(
            lambda i: [pod(f"noise{i}-r1-ccccc", labels={"app": f"noise{i}"}, last=ended("OOMKilled", 137))],
            st.integers(0, 9),
        ),
        st.builds(lambda i: [deployment(f"well{i}"), service(f"well{i}")], st.integers(0, 9)),
        st.builds(lambda i: [node(f"stranger{i}", "False")], st.integers(0, 9)),
        st.builds(lambda i: [{**node(f"closed{i}"), "spec": {"unschedulable": True}}], st.integers(0, 9)),
        st.builds(lambda i: [door(f"noise{i}", f"noise{i}.example", f"nobody-{i}")], st.integers(0, 9)),
    ),
    max_size=12,
)
INCIDENTS = {
    "image": ([*rolled_out(), service()], SHORT),
    "zero": (
        [deployment(replicas=0, available=0), replicaset(1), service()],
        alert("ProbeFailed", namespace="shop", service="web"),
    ),
    "selector": (
        [deployment(), replicaset(1), pod("web-r1-aaaaa"), service(selector={"app": "web-v2"})],
        alert("HttpErrorRateHigh", namespace="shop", service="web"),
    ),
    "crash": (
        [deployment(available=1), replicaset(1), crashing("web-r1-aaaaa")],
        alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa"),
    ),
    "door": (
        [
            deployment(),
            replicaset(1),
            pod("web-r1-aaaaa"),
            service(),
            door("front", "shop.example", "web-v2"),
        ],
        alert("ProbeFailed", namespace="shop", instance="https://shop.example/"),
    ),
    "quota": (starved(), SHORT),
    "config": (unconfigured(), SHORT),
    "healthy": ([deployment(), replicaset(1), pod("web-r1-aaaaa")], SHORT),
}


KINDS = st.sampled_from(sorted(INCIDENTS))


@settings(deadline=None, max_examples=40)
@given(kind=KINDS, noise=NOISE, shuffle=st.randoms(use_true_random=False))
def test_unrelated_objects_sick_or_healthy_never_change_the_top_cause(kind, noise, shuffle) -> None:  # type: ignore[no-untyped-def]
    objects, asked = INCIDENTS[kind]
    before = think(objects, asked)
    crowd = [*objects, *(one for group in noise for one in group)]
    shuffle.shuffle(crowd)
    after = think(crowd, asked)
    assert after.cause == before.cause
    assert (after.answer, after.because) == (before.answer, before.because)


@settings(deadline=None, max_examples=20)
@given(kind=KINDS, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_objects_and_alerts_never_matters(kind, shuffle) -> None:  # type: ignore[no-untyped-def]
    objects, asked = INCIDENTS[kind]
    alerts = [asked, alert("KubePodNotReady", namespace="shop", pod="web-r1-aaaaa")]
    before = think(objects, *alerts)
    mixed = list(objects)
    shuffle.shuffle(mixed)
    after = think(mixed, *reversed(alerts))
    assert [(one.code, one.object, one.score) for one in after.hypotheses] == [
        (one.code, one.object, one.score) for one in before.hypotheses
    ]


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same thing with every whole name, and every name at the beginning of a longer one, replaced."""
    text = json.dumps(value)
    for old, new in names.items():
        text = (
            text.replace(f'"{old}"', f'"{new}"')
            .replace(f'"{old}-', f'"{new}-')
            .replace(f" {old}/", f" {new}/")
        )
        text = text.replace(f"/{old}-", f"/{new}-").replace(f'/{old}"', f'/{new}"')
    return json.loads(text)


@settings(deadline=None, max_examples=20)
@given(kind=KINDS, place=st.sampled_from(["bazaar", "prod-7"]), app=st.sampled_from(["front", "api"]))
def test_a_renamed_incident_has_the_same_answer_by_its_new_name(kind, place, app) -> None:  # type: ignore[no-untyped-def]
    objects, asked = INCIDENTS[kind]
    names = {"shop": place, "web": app}
    before = think(objects, asked)
    labels = {key: renamed(value, names) for key, value in asked.labels.items()}
    after = think(renamed(objects, names), asked.model_copy(update={"labels": labels}))
    assert after.answer == before.answer
    if before.cause is None or after.cause is None:
        assert after.cause == before.cause
        return
    assert after.cause.code == before.cause.code
    expected = renamed(str(before.cause.object).split(" ")[1].split("/"), names)
    assert [after.cause.object.namespace, after.cause.object.name] == expected
    assert after.cause.score == before.cause.score


@settings(deadline=None, max_examples=20)
@given(kind=st.sampled_from(["config", "crash", "image", "quota"]), more=st.integers(1, 4))
def test_more_alerts_of_the_same_cause_are_one_cause(kind: str, more: int) -> None:
    objects, asked = INCIDENTS[kind]
    before = think(objects, asked)
    others = [alert(f"KubeDeployment{n}", namespace="shop", deployment="web") for n in range(more)]
    after = think(objects, asked, *others)
    assert before.cause is not None
    assert after.cause is not None
    assert (after.cause.code, after.cause.object) == (before.cause.code, before.cause.object)
    assert sum(key.startswith("alert ") for key in after.cause.explains) == more + 1
