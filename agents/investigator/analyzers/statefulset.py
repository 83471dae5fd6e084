"""StatefulSets that lack replicas, with the one pod that holds up the rest, and what they name in vain.

Source: StatefulSetSpec (apps/v1): pods are numbered from spec.ordinals.start and, unless the policy is
Parallel, made one after the other, each after the one before it is ready.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.deployment import available, wanted
from agents.investigator.analyzers.fields import (
    condition,
    count_of,
    dig,
    items,
    last_writer,
    matches,
    moment,
    name_of,
    namespace_of,
    quotable,
    template_labels,
)
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

_PODS = "spec.replicas, status.availableReplicas, the pods by their number"


class StatefulSetCode(Coded):
    """What a StatefulSet can suffer from."""

    REPLICAS_SHORT = (
        "statefulset.replicas_short",
        "A StatefulSet has fewer available replicas than it asks for.",
        "spec.replicas, status.availableReplicas",
    )
    SCALED_TO_ZERO = (
        "statefulset.scaled_to_zero",
        "A StatefulSet is scaled to zero; with the manager that wrote it.",
        "spec.replicas, metadata.managedFields, the Services that select its pods",
    )
    POD_MISSING = ("statefulset.pod_missing", "The first pod in order that is amiss does not exist.", _PODS)
    POD_NOT_RUNNING = (
        "statefulset.pod_not_running",
        "The first pod in order that is amiss does not run.",
        _PODS,
    )
    POD_NOT_READY = (
        "statefulset.pod_not_ready",
        "The first pod in order that is amiss runs and is not ready.",
        f"{_PODS}, their condition Ready",
    )
    SERVICE_MISSING = (
        "statefulset.service_missing",
        "The Service that a StatefulSet names does not exist, so its pods have no names in DNS.",
        "spec.serviceName, Services",
    )
    SERVICE_UNNAMED = (
        "statefulset.service_unnamed",
        "A StatefulSet names no Service, so its pods have no names in DNS.",
        "spec.serviceName",
    )
    STORAGE_CLASS_MISSING = (
        "statefulset.storage_class_missing",
        "A volume claim template names a StorageClass that does not exist.",
        "spec.volumeClaimTemplates, StorageClasses",
    )


def statefulsets(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for StatefulSets; one with all its replicas and all it names is silent."""
    for statefulset in snapshot.objects("StatefulSet"):
        said = [*_service(snapshot, statefulset), *_storage(snapshot, statefulset)]
        if wanted(statefulset) == 0:
            said.append(_scaled_to_zero(snapshot, statefulset))
        if available(statefulset) < wanted(statefulset):
            said += [_short(statefulset), *_blocking(snapshot, statefulset)]
        for one in said:
            yield one.of(snapshot, statefulset)


def _service(snapshot: Snapshot, statefulset: JsonObject) -> Iterator[Said]:
    name = dig(statefulset, "spec", "serviceName") or ""
    if not name:
        yield Said(
            code=StatefulSetCode.SERVICE_UNNAMED,
            severity=Severity.INFO,
            message="The StatefulSet names no Service, so its pods have no names of their own in DNS.",
        )
    elif snapshot.lacks("Service", namespace_of(statefulset), name):
        yield Said(
            code=StatefulSetCode.SERVICE_MISSING,
            message=f"The StatefulSet's Service {name} does not exist, so its pods have no names in DNS.",
            fields={"service": name},
            reads=("Service",),
        )


def _storage(snapshot: Snapshot, statefulset: JsonObject) -> Iterator[Said]:
    for claim in items(statefulset, "spec", "volumeClaimTemplates"):
        name = dig(claim, "spec", "storageClassName") or ""
        if name and snapshot.lacks("StorageClass", "", name):
            yield Said(
                code=StatefulSetCode.STORAGE_CLASS_MISSING,
                message=f"Volume claim template {name_of(claim)} names StorageClass {name}, which does not "
                "exist.",
                fields={"storage_class": name, "claim": name_of(claim)},
                reads=("StorageClass",),
            )


def _scaled_to_zero(snapshot: Snapshot, statefulset: JsonObject) -> Said:
    manager, time = last_writer(statefulset, subresource="scale")
    labels = template_labels(statefulset)
    served = sorted(
        name_of(service)
        for service in snapshot.within(namespace_of(statefulset), "Service")
        if matches(dig(service, "spec", "selector") or {}, labels)
    )
    by = f", last written by {quotable(manager)}" if manager else ""
    return Said(
        code=StatefulSetCode.SCALED_TO_ZERO,
        # One that nobody calls may well be parked.
        severity=Severity.WARNING if served else Severity.INFO,
        message=f"StatefulSet {name_of(statefulset)} is scaled to zero{by}.",
        fields={"replicas": 0, "services": served, "manager": manager, "scaled_at": time},
        since=moment(time),
        reads=("Service",),
    )


def _short(statefulset: JsonObject) -> Said:
    serving, asked = available(statefulset), wanted(statefulset)
    return Said(
        code=StatefulSetCode.REPLICAS_SHORT,
        severity=Severity.WARNING if serving else Severity.CRITICAL,
        message=f"The StatefulSet has {serving} of {asked} replicas available.",
        fields={"replicas": asked, "available": serving},
    )


def _blocking(snapshot: Snapshot, statefulset: JsonObject) -> Iterator[Said]:
    """The first pod in order that lacks: without it a later one is not even made."""
    for name in _names(statefulset):
        pod = snapshot.find("Pod", namespace_of(statefulset), name)
        if pod is None:
            if snapshot.looked_at(namespace_of(statefulset), "Pod"):
                yield _blocked(StatefulSetCode.POD_MISSING, name, "does not exist")
            return
        phase, ready = dig(pod, "status", "phase"), condition(pod, "Ready")
        if phase != "Running":
            yield _blocked(StatefulSetCode.POD_NOT_RUNNING, name, f"does not run ({phase or 'no phase'})")
            return
        if ready.get("status") == "False":
            since = moment(ready.get("lastTransitionTime"))
            said = _blocked(StatefulSetCode.POD_NOT_READY, name, "runs and is not ready")
            yield Said(**{**vars(said), "since": since})
            return


def _names(statefulset: JsonObject) -> Iterator[str]:
    first = count_of(statefulset, "spec", "ordinals", "start")
    for number in range(first, first + wanted(statefulset)):
        yield f"{name_of(statefulset)}-{number}"


def _blocked(code: StatefulSetCode, pod: str, what: str) -> Said:
    return Said(
        code=code, message=f"Pod {pod} of the StatefulSet {what}.", fields={"pod": pod}, reads=("Pod",)
    )
