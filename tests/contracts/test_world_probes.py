"""Probes and configuration under a clock moved by hand: what asks wrongly fails, what misses one waits."""

from __future__ import annotations

from typing import Any

import pytest

from evals.world.kubernetes.kubelet.images import ImageBehaviour
from tests.support.world_cluster import Bench

WEB = ImageBehaviour(image="registry.example/pages:1", port=8080, paths=("/healthz",), start_seconds=2)
TLS = ImageBehaviour(image="registry.example/tls:1", port=8080, scheme="HTTPS")
SLOW = ImageBehaviour(image="registry.example/slow:1", port=8080, start_seconds=60)
LEANING = ImageBehaviour(image="registry.example/leaning:1", port=8080, leans_on_config=True)


def http(path: str = "/healthz", **more: Any) -> dict[str, Any]:
    action = {"path": path, "port": 8080, **more.pop("action", {})}
    return {"httpGet": action, "periodSeconds": 5, **more}


def container(image: ImageBehaviour, **more: Any) -> dict[str, Any]:
    return {"image": image.image, "readinessProbe": None, **more}


def unhealthy(bench: Bench) -> str:
    return str(bench.events("Unhealthy")[0]["message"])


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "data": data}


def waiting(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.state()["state"].get("waiting", {})
    return found


@pytest.mark.parametrize(
    ("image", "probe", "words"),
    [
        (WEB, http("/ready"), "HTTP probe failed with statuscode: 404"),
        (TLS, http(), "HTTP probe failed with statuscode: 400"),
        (WEB, http(action={"scheme": "HTTPS"}), "server gave HTTP response to HTTPS client"),
        (WEB, http(action={"port": 9090}), ":9090: connect: connection refused"),
    ],
)
def test_a_readiness_probe_that_asks_wrongly_keeps_the_pod_unready(
    image: ImageBehaviour, probe: dict[str, Any], words: str
) -> None:
    bench = Bench(image)
    bench.deployment(container=container(image, readinessProbe=probe))
    bench.later(20)
    assert not bench.state()["ready"]
    assert bench.state()["restartCount"] == 0
    assert words in unhealthy(bench)


@pytest.mark.parametrize(
    ("image", "probe"),
    [
        (WEB, http("/healthz?full=1")),
        (TLS, http(action={"scheme": "HTTPS"})),
        (WEB, {"tcpSocket": {"port": 8080}}),
    ],
)
def test_a_probe_that_asks_rightly_passes(image: ImageBehaviour, probe: dict[str, Any]) -> None:
    bench = Bench(image)
    bench.deployment(container=container(image, readinessProbe=probe))
    bench.later(10)
    assert bench.state()["ready"]


def test_a_liveness_probe_too_tight_for_the_start_kills_and_a_patient_one_does_not() -> None:
    tight, patient = Bench(SLOW), Bench(SLOW)
    tight.deployment(container=container(SLOW, livenessProbe=http(failureThreshold=3)))
    patient.deployment(
        container=container(SLOW, livenessProbe=http(failureThreshold=3, initialDelaySeconds=60))
    )
    tight.later(120, step=5)
    patient.later(120, step=5)
    assert tight.state()["restartCount"] >= 2
    assert patient.state()["restartCount"] == 0


def test_a_startup_probe_holds_the_liveness_probe_back_and_kills_by_itself() -> None:
    held, short = Bench(SLOW), Bench(SLOW)
    held.deployment(container=container(SLOW, livenessProbe=http(), startupProbe=http(failureThreshold=20)))
    short.deployment(container=container(SLOW, livenessProbe=http(), startupProbe=http(failureThreshold=4)))
    held.later(90, step=5)
    short.later(90, step=5)
    assert held.state()["restartCount"] == 0
    assert held.state()["ready"]
    assert short.state()["restartCount"] >= 1
    assert short.events("Killing")[0]["message"] == "Container web failed startup probe, will be restarted"


REF = {"configMapKeyRef": {"name": "flags", "key": "url"}}


@pytest.mark.parametrize(
    ("asked", "there", "words"),
    [
        ({"envFrom": [{"configMapRef": {"name": "flags"}}]}, None, 'configmap "flags" not found'),
        ({"envFrom": [{"secretRef": {"name": "pay"}}]}, None, 'secret "pay" not found'),
        ({"env": [{"name": "URL", "valueFrom": REF}]}, None, 'configmap "flags" not found'),
        (
            {"env": [{"name": "URL", "valueFrom": REF}]},
            config_map("flags", other="1"),
            "couldn't find key url in ConfigMap shop/flags",
        ),
    ],
)
def test_a_container_waits_for_configuration_that_is_missing_until_it_comes(
    asked: dict[str, Any], there: dict[str, Any] | None, words: str
) -> None:
    bench = Bench(WEB)
    if there:
        bench.store.create("configmaps", there)
    bench.deployment(container=container(WEB, **asked))
    bench.later(10)
    assert waiting(bench) == {"reason": "CreateContainerConfigError", "message": words}
    assert any(each["message"] == f"Error: {words}" for each in bench.events("Failed"))
    if there:
        bench.change("configmaps", "flags", lambda obj: obj["data"].update(url="http://flags"))
    elif "secret" in words:
        bench.store.create(
            "secrets", {"metadata": {"name": "pay", "namespace": "shop"}, "stringData": {"a": "b"}}
        )
    else:
        bench.store.create("configmaps", config_map("flags", url="http://flags"))
    bench.later(20)
    assert bench.state()["ready"]


def test_what_is_optional_is_not_waited_for() -> None:
    bench = Bench(WEB)
    bench.deployment(
        container=container(WEB, envFrom=[{"configMapRef": {"name": "flags", "optional": True}}])
    )
    bench.later(10)
    assert bench.state()["ready"]


@pytest.mark.parametrize("items", [[], [{"key": "rules", "path": "rules"}]])
def test_a_volume_that_cannot_be_mounted_keeps_the_containers_from_starting(
    items: list[dict[str, str]],
) -> None:
    bench = Bench(WEB)
    if items:
        bench.store.create("configmaps", config_map("rules", other="1"))
    source = {"name": "rules", **({"items": items} if items else {})}
    mounts = [{"name": "rules", "mountPath": "/rules"}]
    volumes = [{"name": "rules", "configMap": source}]
    bench.deployment(container=container(WEB, volumeMounts=mounts), pod={"volumes": volumes})
    bench.later(10)
    assert waiting(bench)["reason"] == "ContainerCreating"
    said = bench.events("FailedMount")[0]["message"]
    assert said.endswith(
        "references non-existent config key: rules" if items else 'configmap "rules" not found'
    )
    if items:
        bench.change("configmaps", "rules", lambda obj: obj["data"].update(rules="1"))
    else:
        bench.store.create("configmaps", config_map("rules", rules="1"))
    bench.later(20)
    assert bench.state()["ready"]


def test_the_environment_of_a_config_map_can_decide_what_an_image_does() -> None:
    chosen = ImageBehaviour(image=WEB.image, env={"MODE": "mute"}, port=None)
    bench = Bench(chosen, WEB)
    bench.store.create("configmaps", config_map("flags", MODE="mute"))
    sources = [{"configMapRef": {"name": "flags"}}]
    bench.deployment(container=container(WEB, envFrom=sources, readinessProbe=http()))
    bench.later(10)
    assert not bench.state()["ready"]


def test_a_process_that_leans_on_what_it_read_fails_when_that_changes_and_is_well_after_a_restart() -> None:
    bench = Bench(LEANING)
    bench.store.create("configmaps", config_map("flags", ACCOUNT="a"))
    sources = [{"configMapRef": {"name": "flags"}}]
    bench.deployment(container=container(LEANING, envFrom=sources, readinessProbe=http("/")))
    bench.later(300, step=20)
    assert bench.state()["ready"]
    bench.change("configmaps", "flags", lambda obj: obj["data"].update(ACCOUNT="b"))
    bench.later(10)
    assert not bench.state()["ready"]
    assert unhealthy(bench).endswith("statuscode: 503")
    assert bench.events("Unhealthy")[0]["count"] <= 3
    bench.store.delete("pods", "shop", bench.pod()["metadata"]["name"])
    bench.later(10)
    assert bench.state()["ready"]
