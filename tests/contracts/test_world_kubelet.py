"""The kubelet under a clock moved by hand: outcomes follow from images, limits and probes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evals.world.kubernetes.kubelet.images import (
    Exit,
    ImageBehaviour,
    LogLine,
    MemoryCurve,
    Registry,
    image_id,
    split_reference,
)
from evals.world.kubernetes.kubelet.process import back_off
from tests.support.world_cluster import Bench, condition

MISSING = "registry.example/shop/web:9.9"
HUNGRY = ImageBehaviour(
    image="registry.example/hungry:1",
    port=8080,
    memory=MemoryCurve(start="100Mi", peak="300Mi", seconds=10),
    logs=(LogLine(text="warming up"), LogLine(at=3, text="loading catalogue")),
)
BROKEN = ImageBehaviour(
    image="registry.example/broken:1",
    exit=Exit(after=2, code=3),
    logs=(LogLine(text="starting"), LogLine(at=1.9, text="panic: no DATABASE_URL")),
)


def waiting_reasons(bench: Bench, seconds: int) -> Iterator[str]:
    for _ in range(seconds):
        bench.later(1)
        yield bench.state()["state"].get("waiting", {}).get("reason", "")


def test_a_tag_that_does_not_exist_is_said_in_containerds_words() -> None:
    bench = Bench()
    bench.deployment(container={"image": MISSING})
    bench.later(4)
    failed = next(each for each in bench.events("Failed") if "pull image" in each["message"])
    assert failed["message"] == (
        f'Failed to pull image "{MISSING}": rpc error: code = NotFound desc = failed to pull '
        f'and unpack image "{MISSING}": failed to resolve reference "{MISSING}": {MISSING}: not found'
    )


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        (Registry(state="unreachable"), "dial tcp: lookup registry.example on 10.96.0.10:53: no such host"),
        (Registry(state="unauthorized"), "401 Unauthorized"),
        (Registry(pull_secret="regcred"), "401 Unauthorized"),
    ],
)
def test_registry_errors_are_told_apart(registry: Registry, words: str) -> None:
    bench = Bench(registries={"registry.example": registry})
    bench.deployment()
    bench.later(4)
    assert bench.state()["state"]["waiting"]["reason"] == "ErrImagePull"
    assert words in bench.state()["state"]["waiting"]["message"]


def test_an_existing_pull_secret_that_the_pod_names_lets_it_in() -> None:
    bench = Bench(registries={"registry.example": Registry(pull_secret="regcred")})
    head = {"name": "regcred", "namespace": "shop"}
    bench.store.create("secrets", {"metadata": head, "type": "kubernetes.io/dockerconfigjson",
                                   "data": {".dockerconfigjson": "e30="}})  # fmt: skip
    bench.deployment(pod={"imagePullSecrets": [{"name": "regcred"}]})
    bench.later(5)
    assert bench.state()["ready"]
    assert bench.events("FailedToRetrieveImagePullSecret") == []


def test_a_pull_secret_that_is_not_there_is_said_in_an_event() -> None:
    bench = Bench(registries={"registry.example": Registry(pull_secret="regcred")})
    bench.deployment(pod={"imagePullSecrets": [{"name": "regcred"}]})
    bench.later(4)
    (said,) = bench.events("FailedToRetrieveImagePullSecret")
    assert said["message"] == (
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    )


def test_pull_error_and_back_off_alternate() -> None:
    bench = Bench()
    bench.deployment(container={"image": MISSING})
    reasons = list(waiting_reasons(bench, 60))
    changes = [one for one, before in zip(reasons, ["", *reasons], strict=False) if one != before]
    assert changes[:5] == [
        "ContainerCreating",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
    ]


def test_back_off_doubles_from_ten_seconds_to_five_minutes() -> None:
    assert [back_off(failures) for failures in range(1, 8)] == [10, 20, 40, 80, 160, 300, 300]


def test_memory_above_the_limit_is_killed_and_restarted() -> None:
    bench = Bench(HUNGRY)
    limits = {"limits": {"memory": "200Mi"}}
    bench.deployment(container={"image": HUNGRY.image, "resources": limits})
    bench.later(30)
    state = bench.state()
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert state["lastState"]["terminated"]["exitCode"] == 137
    assert bench.events("OOMKilling")[0]["involvedObject"]["kind"] == "Node"


def test_a_limit_that_suffices_ends_the_kills_and_one_that_does_not_changes_nothing() -> None:
    bench = Bench(HUNGRY)
    bench.deployment(container={"image": HUNGRY.image, "resources": {"limits": {"memory": "200Mi"}}})
    bench.later(30)

    def limit(text: str) -> None:
        bench.change(
            "deployments",
            "web",
            lambda obj: obj["spec"]["template"]["spec"]["containers"][0]["resources"].update(
                limits={"memory": text}, requests={"memory": text}
            ),
        )

    limit("250Mi")
    bench.later(60)
    assert bench.state()["restartCount"] >= 1
    limit("320Mi")
    bench.later(60)
    assert bench.state()["restartCount"] == 0
    assert bench.state()["ready"]


def test_usage_follows_the_curve_and_stops_at_the_limit() -> None:
    bench = Bench(HUNGRY)
    bench.deployment(container={"image": HUNGRY.image})
    bench.later(3)
    name = bench.pod()["metadata"]["name"]
    early = bench.kubelet.usage("shop", name, "web").memory_bytes
    bench.later(20)
    late = bench.kubelet.usage("shop", name, "web").memory_bytes
    assert early < late == 300 << 20
    assert bench.kubelet.usage("shop", "nobody", "web").memory_bytes == 0


def test_a_crash_loop_waits_longer_each_time_and_keeps_both_logs() -> None:
    bench = Bench(BROKEN)
    bench.deployment(container={"image": BROKEN.image, "readinessProbe": None})
    bench.later(90)
    state = bench.state()
    assert state["restartCount"] == 4
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert state["state"]["waiting"]["message"].startswith("back-off 1m20s restarting failed container=web")
    assert state["lastState"]["terminated"]["exitCode"] == 3
    name = bench.pod()["metadata"]["name"]
    log = bench.kubelet.read("shop", name, "web", True)
    assert log is not None
    assert log.splitlines()[-1].endswith(" panic: no DATABASE_URL")
    assert bench.kubelet.read("shop", name, "web", False) == log


def test_an_hour_of_back_off_in_one_step_equals_an_hour_in_small_ones() -> None:
    counts = []
    for step in (30.0, 1800.0):
        bench = Bench(BROKEN)
        bench.deployment(container={"image": BROKEN.image, "readinessProbe": None})
        bench.later(2)
        bench.later(3600, step=step)
        counts.append(bench.state()["restartCount"])
    assert counts[0] == counts[1]


def test_a_process_on_another_port_is_never_ready_and_the_probe_says_so() -> None:
    deaf = ImageBehaviour(image="registry.example/deaf:1", port=9090)
    bench = Bench(deaf)
    bench.deployment(container={"image": deaf.image})
    bench.later(20)
    assert not bench.state()["ready"]
    assert condition(bench.pod(), "Ready")["message"] == "containers with unready status: [web]"
    (unhealthy,) = bench.events("Unhealthy")
    assert unhealthy["message"].endswith(":8080: connect: connection refused")
    assert unhealthy["count"] >= 3


def test_a_failing_liveness_probe_restarts_the_container() -> None:
    deaf = ImageBehaviour(image="registry.example/deaf:1", port=8080)
    bench = Bench(deaf)
    probe = {"tcpSocket": {"port": 9999}, "periodSeconds": 5, "failureThreshold": 2}
    bench.deployment(container={"image": deaf.image, "livenessProbe": probe})
    bench.later(30)
    assert bench.state()["restartCount"] >= 1
    assert bench.events("Killing")[0]["message"] == "Container web failed liveness probe, will be restarted"


def test_the_environment_can_decide_what_an_image_does() -> None:
    fine = ImageBehaviour(image=BROKEN.image, env={"MODE": "safe"}, port=8080)
    bench = Bench(fine, BROKEN)
    bench.deployment(container={"image": BROKEN.image, "env": [{"name": "MODE", "value": "safe"}]})
    bench.later(30)
    assert bench.state()["ready"]
    assert bench.state()["restartCount"] == 0


def test_an_image_the_node_holds_is_not_pulled_again() -> None:
    bench = Bench()
    bench.deployment(replicas=1)
    bench.later(5)
    node = bench.pod()["spec"]["nodeName"]
    bench.store.delete("pods", "shop", bench.pod()["metadata"]["name"])
    bench.change("deployments", "web", lambda obj: obj["spec"]["template"]["spec"].update(nodeName=node))
    bench.later(5)
    assert any("already present on machine" in each["message"] for each in bench.events("Pulled"))


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("docker.io", "library/nginx", "latest")),
        ("team/app:2", ("docker.io", "team/app", "2")),
        ("registry.example:5000/a/b:1.2", ("registry.example:5000", "a/b", "1.2")),
    ],
)
def test_image_references_are_read_as_docker_reads_them(reference: str, parts: tuple[str, str, str]) -> None:
    assert split_reference(reference) == parts
    assert image_id(reference).startswith(f"{parts[0]}/{parts[1]}@sha256:")
