"""A pod's status as the kubelet reports it, rendered from its containers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from evals.world.clock import rfc3339
from evals.world.kubernetes.controllers.conditions import find_condition, set_condition
from evals.world.kubernetes.kubelet.images import image_id
from evals.world.kubernetes.kubelet.process import Container, Phase, Termination
from evals.world.kubernetes.objects import JsonObject, copied


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One container and whether it counts as ready at this moment, since when."""

    container: Container
    ready: bool
    since: datetime


def pod_status(pod: JsonObject, observed: list[Observed], now: datetime) -> JsonObject:
    """The new `status` of a pod, keeping what the kubelet does not own (addresses, PodScheduled)."""
    status = copied(pod.get("status") or {})
    status["containerStatuses"] = [_container_status(pod, each) for each in observed]
    status["phase"] = _phase(observed)
    waiting = [each.container.spec.name for each in observed if not each.ready]
    # A pod became ready when its last container did, not when somebody looked.
    since = rfc3339(max((each.since for each in observed), default=now))
    done = status["phase"] == "Succeeded"
    for kind in ("PodReadyToStartContainers", "Initialized"):
        if find_condition(status, kind) is None:
            set_condition(status, _condition(kind, True), status["startTime"])
    for kind in ("Ready", "ContainersReady"):
        condition = _condition(kind, not waiting)
        if waiting:
            condition["reason"] = "PodCompleted" if done else "ContainersNotReady"
            if not done:
                condition["message"] = f"containers with unready status: [{' '.join(waiting)}]"
        set_condition(status, condition, since)
    return status


def container_id(pod: JsonObject, name: str, run: int) -> str:
    """The runtime's id of one run of a container."""
    seed = f"{pod['metadata']['uid']}/{name}/{run}"
    return "containerd://" + hashlib.sha256(seed.encode()).hexdigest()


def _condition(kind: str, holds: bool) -> JsonObject:
    return {"type": kind, "status": "True" if holds else "False", "lastProbeTime": None}


def _phase(observed: list[Observed]) -> str:
    containers = [each.container for each in observed]
    if all(each.phase is Phase.EXITED and each.until is None for each in containers):
        failed = any(each.last is not None and each.last.exit_code != 0 for each in containers)
        return "Failed" if failed else "Succeeded"
    return "Running" if all(each.run for each in containers) else "Pending"


def _container_status(pod: JsonObject, observed: Observed) -> JsonObject:
    container = observed.container
    started = container.run > 0
    status: JsonObject = {
        "name": container.spec.name,
        "image": container.spec.image,
        "imageID": image_id(container.spec.image) if started else "",
        "ready": observed.ready,
        "restartCount": container.restarts,
        "started": container.phase is Phase.RUNNING,
        "state": _state(pod, container),
        "lastState": {},
    }
    if started:
        status["containerID"] = container_id(pod, container.spec.name, container.run)
    before = container.previous_run
    if before is not None:
        status["lastState"] = {"terminated": _terminated(pod, container, before)}
    return status


def _state(pod: JsonObject, container: Container) -> JsonObject:
    match container.phase:
        case Phase.RUNNING:
            return {"running": {"startedAt": rfc3339(container.started_at)}}
        case Phase.EXITED if container.last is not None:
            return {"terminated": _terminated(pod, container, container.last)}
        case _:
            return {"waiting": _waiting(container)}


def _waiting(container: Container) -> JsonObject:
    match container.phase:
        case Phase.CRASH_BACK_OFF:
            return {"reason": "CrashLoopBackOff", "message": container.crash_message()}
        case Phase.CONFIG_ERROR:
            return {"reason": "CreateContainerConfigError", "message": container.config_error}
        case Phase.PULL_FAILED:
            return {"reason": "ErrImagePull", "message": container.pull_error}
        case _ if container.failed_pulls:
            # While it pulls again the kubelet goes on showing the back-off.
            text = f'Back-off pulling image "{container.spec.image}"'
            return {"reason": "ImagePullBackOff", "message": text}
        case _:
            return {"reason": "ContainerCreating"}


def _terminated(pod: JsonObject, container: Container, end: Termination) -> JsonObject:
    return {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": rfc3339(end.started_at),
        "finishedAt": rfc3339(end.finished_at),
        "containerID": container_id(pod, container.spec.name, end.run),
    }
