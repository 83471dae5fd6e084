"""Pods that do not get to run, by what holds them up; one that got on since is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.starting import starting
from tests.support.kube_objects import CREATED, Json, event, pod, waiting
from tests.support.scenes import scene

CREATING = waiting("ContainerCreating")


def coming(state: Json = CREATING, **more: object) -> Json:
    return pod("web-r2-a", state=state, ready=False, phase="Pending", **more)


def found(*objects: Json) -> list[Finding]:
    return list(starting(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("reason", "message", "code", "fields"),
    [
        (
            "FailedCreatePodSandBox",
            'failed to setup network for sandbox "x": plugin type="calico" failed (add)',
            "sandbox_failed",
            {"cause": "network_plugin"},
        ),
        (
            "FailedCreatePodSandBox",
            "failed to assign an IP address to container",
            "sandbox_failed",
            {"cause": "no_addresses"},
        ),
        (
            "FailedCreatePodSandBox",
            "failed to get sandbox image",
            "sandbox_failed",
            {"cause": "sandbox_image"},
        ),
        ("FailedCreatePodSandBox", "the runc shim is gone", "sandbox_failed", {"cause": "runtime"}),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "conf" : configmap "app" not found',
            "mount_failed",
            {"volume": "conf", "missing_kind": "ConfigMap", "missing_name": "app"},
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "conf" : references non-existent config key: a.ini',
            "mount_failed",
            {"volume": "conf", "missing_key": "a.ini"},
        ),
        (
            "FailedMount",
            "Unable to attach or mount volumes: unmounted volumes=[data]: timed out waiting",
            "mount_failed",
            {"unmounted": "data", "timed_out": True},
        ),
        (
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-r1-z',
            "attach_failed",
            {"volume": "pvc-1", "multi_attach": True, "held_by": ["web-r1-z"]},
        ),
    ],
)
def test_what_the_events_say_is_found_also_behind_a_newer_normal_event(
    reason: str, message: str, code: str, fields: Json
) -> None:
    sick = coming()
    hides = event(sick, "Scheduled", "assigned", type="Normal", lastTimestamp="2026-11-24T02:09:00Z")
    (finding,) = found(sick, event(sick, reason, message), hides)
    assert finding.code == f"pod.start.{code}"
    assert fields.items() <= finding.fields.items()
    assert finding.fields["message"] == message
    assert finding.since is not None


@pytest.mark.parametrize(
    ("reason", "message", "code", "fields"),
    [
        (
            "CreateContainerConfigError",
            'configmap "app" not found',
            "config_error",
            {"missing_kind": "ConfigMap", "missing_name": "app"},
        ),
        (
            "CreateContainerConfigError",
            "couldn't find key token in Secret shop/login",
            "config_error",
            {"missing_kind": "Secret", "missing_name": "login", "missing_key": "token"},
        ),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            "config_error",
            {"rule": "run_as_non_root"},
        ),
        (
            "CreateContainerConfigError",
            'failed to prepare subPath for volumeMount "x"',
            "config_error",
            {"rule": "sub_path"},
        ),
        ("CreateContainerError", "name is reserved", "create_error", {}),
        (
            "RunContainerError",
            'exec: "serve": executable file not found in $PATH',
            "run_error",
            {"hint": "command_missing"},
        ),
        ("PreStartHookError", "hook said no", "hook_error", {}),
        ("PostStartHookError", "hook said no", "hook_error", {}),
    ],
)
def test_what_a_container_waits_for_is_found(reason: str, message: str, code: str, fields: Json) -> None:
    (finding,) = found(coming(waiting(reason, message)))
    assert finding.code == f"pod.container.{code}"
    assert finding.fields == {"container": "web", "reason": reason, "message": message, **fields}


def test_an_empty_message_is_made_up_for_by_the_container_s_event() -> None:
    sick = coming(waiting("CreateContainerConfigError"))
    (silent,) = found(sick)
    assert "CreateContainerConfigError" in silent.message
    (told,) = found(sick, event(sick, "Failed", 'Error: secret "login" not found'))
    assert told.fields["missing_name"] == "login"


def test_a_node_that_says_nothing_is_found() -> None:
    lost = coming(spec={"nodeName": "n1"})
    lost["status"] = {"phase": "Pending"}
    (finding,) = found(lost, event(lost, "Scheduled", "assigned", type="Normal"))
    assert (finding.code, finding.fields) == ("pod.start.node_silent", {"node": "n1"})


NEW = "2026-11-24T02:09:00Z"
MOUNT = "MountVolume.SetUp failed"


@pytest.mark.parametrize(
    "healthy",
    [
        [
            coming(),
            event(coming(), "FailedMount", MOUNT),
            event(coming(), "Pulled", "done", lastTimestamp=NEW),
        ],
        [
            coming(),
            event(coming(), "FailedAttachVolume", "timed out"),
            event(coming(), "SuccessfulAttachVolume", "done", lastTimestamp=NEW),
        ],
        [pod(), event(pod(), "FailedMount", MOUNT)],
        [coming()],
        [coming(spec={"nodeName": "n1"})],
        [coming(waiting("PodInitializing", "wait"))],
        [coming(spec={"nodeName": "n1"}, creationTimestamp="2026-11-24T02:09:30Z")],
        [coming(waiting("CreateContainerError", "no"), deletionTimestamp=CREATED)],
    ],
    ids=[
        "pulled since",
        "attached since",
        "runs",
        "creating",
        "reported",
        "initialising",
        "just bound",
        "leaving",
    ],
)
def test_a_pod_that_gets_on_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []


def test_of_a_mount_only_what_its_sentence_says_is_stated() -> None:
    sick = coming()
    (finding,) = found(
        sick, event(sick, "FailedMount", 'MountVolume.SetUp failed for volume "conf"', count=7)
    )
    assert finding.fields == {
        "reason": "FailedMount",
        "message": 'MountVolume.SetUp failed for volume "conf"',
        "count": 7,
        "volume": "conf",
    }
