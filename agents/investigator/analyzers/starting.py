"""Pods that have a node and do not get to run: sandbox, volumes, configuration, creation, hooks.

Source: the kubelet's waiting reasons (``pkg/kubelet/container``) and the events FailedCreatePodSandBox,
FailedMount and FailedAttachVolume.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    container_statuses,
    dig,
    is_finished,
    moment,
    name_of,
    quotable,
)
from agents.investigator.analyzers.messages import recognise
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot, event_time
from agents.investigator.analyzers.starting_words import missing_config, mount_facts, sandbox_fault
from tools.kubernetes.objects import JsonObject

PROMPT = timedelta(minutes=5)
"""A kubelet that lives has reported on a pod by then."""

_GOT_ON = frozenset(("Pulling", "Pulled", "Created", "Started"))
"""Events that come only after sandbox and volumes are there."""


class StartingCode(Coded):
    """Why a pod that has a node does not run."""

    SANDBOX = (
        "pod.start.sandbox_failed",
        "The pod's sandbox cannot be made: mostly its network.",
        "FailedCreatePodSandBox events, also when a newer normal event hides them",
    )
    MOUNT = (
        "pod.start.mount_failed",
        "A volume of the pod cannot be mounted; with the volume, and what is missing.",
        "FailedMount and FailedMapVolume events",
    )
    ATTACH = (
        "pod.start.attach_failed",
        "A volume of the pod cannot be attached to its node, for one because another node holds it.",
        "FailedAttachVolume events",
    )
    NODE_SILENT = (
        "pod.start.node_silent",
        "The pod has a node, and its kubelet has said nothing about it.",
        "spec.nodeName, the absence of container states and events",
    )
    CONFIG = (
        "pod.container.config_error",
        "A container's configuration cannot be put together; with the object and key that is missing.",
        "the container's waiting reason CreateContainerConfigError",
    )
    CREATE = (
        "pod.container.create_error",
        "The container runtime cannot make a container.",
        "the container's waiting reason CreateContainerError and its like",
    )
    RUN = (
        "pod.container.run_error",
        "A container is made and cannot be started: mostly its command.",
        "the container's waiting reason RunContainerError",
    )
    HOOK = (
        "pod.container.hook_error",
        "A hook before or after a container's start failed.",
        "the container's waiting reason (PreCreateHookError, PreStartHookError, PostStartHookError)",
    )


_WAITS: dict[str, tuple[StartingCode, str]] = {
    "CreateContainerConfigError": (StartingCode.CONFIG, "its configuration cannot be put together"),
    "CreateContainerError": (StartingCode.CREATE, "it cannot be created"),
    "CreatePodSandboxError": (StartingCode.CREATE, "its sandbox cannot be created"),
    "RunContainerError": (StartingCode.RUN, "it cannot be started"),
    "PreCreateHookError": (StartingCode.HOOK, "the hook before its creation failed"),
    "PreStartHookError": (StartingCode.HOOK, "the hook before its start failed"),
    "PostStartHookError": (StartingCode.HOOK, "the hook after its start failed"),
}
_EVENTS: dict[str, tuple[StartingCode, str, frozenset[str]]] = {
    "FailedCreatePodSandBox": (StartingCode.SANDBOX, "The pod's sandbox cannot be made", _GOT_ON),
    "FailedMount": (StartingCode.MOUNT, "A volume cannot be mounted", _GOT_ON),
    "FailedMapVolume": (StartingCode.MOUNT, "A volume cannot be mapped", _GOT_ON),
    "FailedAttachVolume": (
        StartingCode.ATTACH,
        "A volume cannot be attached",
        _GOT_ON | {"SuccessfulAttachVolume"},
    ),
}


def starting(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for pods on their way up that do not get there; a pod that got on is silent."""
    for pod in snapshot.unwell:
        if is_finished(pod):
            continue
        said = list(_waiting(snapshot, pod))
        if _not_up(pod):
            said += [*_held_up(snapshot, pod), *_unheard(snapshot, pod)]
        for one in said:
            yield one.of(snapshot, pod)


def _not_up(pod: JsonObject) -> bool:
    """Whether the pod is still to start: no container of it has run yet."""
    states = [status.get("state") or {} for _, status in container_statuses(pod)]
    return dig(pod, "status", "phase") == "Pending" and (
        not states or any("waiting" in state for state in states)
    )


def _waiting(snapshot: Snapshot, pod: JsonObject) -> Iterator[Said]:
    for _, status in container_statuses(pod):
        waiting, name = dig(status, "state", "waiting") or {}, status.get("name") or ""
        reason = waiting.get("reason") or ""
        if reason not in _WAITS:
            continue
        code, words = _WAITS[reason]
        # The kubelet may leave the message empty, and say it in the container's Failed event.
        text = waiting.get("message") or _told(snapshot, pod, name)
        known = recognise(text) if code is not StartingCode.CONFIG else None
        facts = missing_config(text) if code is StartingCode.CONFIG else {}
        yield Said(
            code=code,
            severity=Severity.CRITICAL,
            message=f"Container {name} does not run, {words}: {quotable(text) or reason}.",
            fields={
                "container": name,
                "reason": reason,
                "message": quotable(text),
                "hint": known.hint.value if known else None,
                **facts,
            },
            since=moment(dig(pod, "metadata", "creationTimestamp")),
            reads=("Event",),
        )


def _told(snapshot: Snapshot, pod: JsonObject, container: str) -> str:
    place = f"{{{container}}}"
    told = [
        event.get("message") or ""
        for event in snapshot.events_of(pod)
        if event.get("reason") in ("Failed", "FailedPostStartHook", "FailedPreStartHook")
        and place in (dig(event, "involvedObject", "fieldPath") or place)
    ]
    return told[-1] if told else ""


def _held_up(snapshot: Snapshot, pod: JsonObject) -> Iterator[Said]:
    """What the events say that holds it up: the newest of each kind, unless the pod got on since."""
    events = snapshot.events_of(pod)
    for reason, (code, words, overcome) in _EVENTS.items():
        told = [event for event in events if event.get("reason") == reason]
        got_on = max((event_time(event) for event in events if event.get("reason") in overcome), default="")
        if not told or got_on > event_time(told[-1]):
            continue
        text = told[-1].get("message") or ""
        facts = {"cause": sandbox_fault(text)} if code is StartingCode.SANDBOX else mount_facts(text)
        yield Said(
            code=code,
            severity=Severity.CRITICAL,
            message=f"{words}: {quotable(text)}",
            fields={"reason": reason, "message": quotable(text), "count": told[-1].get("count"), **facts},
            since=moment(told[0].get("firstTimestamp")),
            reads=("Event",),
        )


def _unheard(snapshot: Snapshot, pod: JsonObject) -> Iterator[Said]:
    node, made = dig(pod, "spec", "nodeName"), moment(dig(pod, "metadata", "creationTimestamp"))
    heard = any(True for _ in container_statuses(pod)) or any(
        event.get("reason") != "Scheduled" for event in snapshot.events_of(pod)
    )
    if node and made and not heard and snapshot.taken_at - made >= PROMPT:
        yield Said(
            code=StartingCode.NODE_SILENT,
            severity=Severity.CRITICAL,
            message=f"Pod {name_of(pod)} was given to node {node}, whose kubelet has said nothing about it.",
            fields={"node": node},
            since=made,
            reads=("Event", "Node"),
        )
