"""Containers of one pod that want the same port: they share one network, so the second cannot have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import container_statuses, dig, is_finished, items
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject


class PortsCode(Coded):
    """What can be wrong between the ports of a pod's containers."""

    CONFLICT = (
        "pod.ports.conflict",
        "Two containers of a pod declare the same port, and one of them does not run well.",
        "the ports of the containers, their states",
    )


def ports(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for pods with a port twice; where all containers run well, the declaration is only a habit."""
    for pod in snapshot.unwell:
        if is_finished(pod):
            continue
        unwell = {status.get("name") or "" for _, status in container_statuses(pod) if _unwell(status)}
        for port, names in _shared(pod).items():
            if unwell & set(names):
                yield Said(
                    code=PortsCode.CONFLICT,
                    message=f"Containers {' and '.join(names)} of the pod both declare port {port}, and "
                    f"{', '.join(sorted(unwell & set(names)))} does not run well.",
                    fields={"port": port, "containers": names, "unwell": sorted(unwell & set(names))},
                ).of(snapshot, pod)


def _shared(pod: JsonObject) -> dict[str, list[str]]:
    """The ports that several containers declare, as ``8080/TCP``, with the containers in order."""
    # An init container is gone by the time the others start, unless it is a sidecar.
    lasting = [one for one in items(pod, "spec", "initContainers") if one.get("restartPolicy") == "Always"]
    users: dict[str, list[str]] = defaultdict(list)
    for container in (*lasting, *items(pod, "spec", "containers")):
        declared = (
            f"{port.get('containerPort')}/{port.get('protocol') or 'TCP'}"
            for port in items(container, "ports")
        )
        for port in dict.fromkeys(declared):
            users[port].append(container.get("name") or "")
    return {port: names for port, names in users.items() if len(names) > 1}


def _unwell(status: JsonObject) -> bool:
    """Whether this container crashes or fails: one that only starts up is left alone."""
    waiting = dig(status, "state", "waiting", "reason") == "CrashLoopBackOff"
    return waiting or bool(dig(status, "state", "terminated", "exitCode"))
