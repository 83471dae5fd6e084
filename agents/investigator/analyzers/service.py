"""Services that lead nowhere: a selector that matches nothing, or pods of which none is ready.

How a Service is wired (ports, protocol, what else it selects) is judged in ``service_wiring``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import SequenceMatcher

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.endpoints import Addresses, directory_of
from agents.investigator.analyzers.fields import (
    count_of,
    dig,
    is_ready,
    items,
    last_writer,
    matches,
    moment,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

SELECTABLE = ("Deployment", "StatefulSet", "DaemonSet")
IDENTITY_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "k8s-app", "app")
"""Labels that say which application a pod is, as people write them."""

ALIKE = 0.75
"""How alike two names must be to be taken for one name misspelled (difflib ratio, 0 to 1)."""


def services(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding for every Service with a selector behind which nobody answers."""
    directory = directory_of(snapshot)
    for service in snapshot.objects("Service"):
        selector = dig(service, "spec", "selector") or {}
        # Without a selector the endpoints are somebody else's work, and an ExternalName is only a DNS entry.
        if not selector or dig(service, "spec", "type") == "ExternalName":
            continue
        known = directory.of(service)
        pods = list(snapshot.living(namespace_of(service), selector))
        if pods:
            yield from _none_ready(snapshot, service, (pods, known))
        elif owners := selected_workloads(snapshot, service):
            if not _has_pods(snapshot, owners):
                yield _no_pods(snapshot, service, owners[0])
        elif known.unready and not known.ready:
            yield _unready(snapshot, service, known)
        elif not (known.ready or known.elects or directory.overlooked(service) or _unseen(snapshot, service)):
            yield _matches_nothing(snapshot, service)


def _has_pods(snapshot: Snapshot, owners: tuple[JsonObject, ...]) -> bool:
    """Whether one of these says that it has pods that run, where the pods themselves were not read."""
    read = snapshot.looked_at(namespace_of(owners[0]), "Pod")
    told = ("availableReplicas", "numberAvailable")
    return not read and any(count_of(owner, "status", name) for owner in owners for name in told)


def _unseen(snapshot: Snapshot, service: JsonObject) -> bool:
    """Whether there may be pods here that were not read: then that none was found says nothing."""
    place = namespace_of(service)
    known = snapshot.looked_at(place, "Pod") or any(map(snapshot.objects, SELECTABLE))
    return not known or snapshot.inventory.unread("Pod", place)


def _workloads(snapshot: Snapshot, namespace: str) -> tuple[JsonObject, ...]:
    return tuple(obj for kind in SELECTABLE for obj in snapshot.within(namespace, kind))


def selected_workloads(snapshot: Snapshot, service: JsonObject) -> tuple[JsonObject, ...]:
    """The workloads whose pods a Service's selector takes in."""
    selector = service["spec"]["selector"]
    here = _workloads(snapshot, namespace_of(service))
    return tuple(obj for obj in here if matches(selector, template_labels(obj)))


def _none_ready(
    snapshot: Snapshot, service: JsonObject, behind: tuple[list[JsonObject], Addresses]
) -> Iterator[Finding]:
    pods, known = behind
    published = dig(service, "spec", "publishNotReadyAddresses")
    # publishNotReadyAddresses asks for exactly this; and slices may know a ready endpoint we did not see.
    if published or any(is_ready(pod) for pod in pods) or known.ready:
        return
    ref = ref_of(service)
    yield Finding(
        code=Code.ENDPOINTS_NONE_READY,
        severity=Severity.CRITICAL,
        object=ref,
        message=f"Service {ref.name} selects {len(pods)} pods and none of them is ready.",
        fields={"selector": dict(service["spec"]["selector"]), "pods": sorted(name_of(pod) for pod in pods)},
        evidence=snapshot.cites(ref.namespace, "Service", "Pod", "EndpointSlice"),
        since=_latest_unready(pods),
    )


def _latest_unready(pods: list[JsonObject]) -> datetime | None:
    """When the last pod stopped being ready: from then on the Service was empty."""
    times = (
        moment(entry.get("lastTransitionTime"))
        for pod in pods
        for entry in items(pod, "status", "conditions")
        if entry.get("type") == "Ready"
    )
    return max((at for at in times if at), default=None)


def _unready(snapshot: Snapshot, service: JsonObject, known: Addresses) -> Finding:
    """The pods were not read, but the endpoints name them."""
    ref, waiting = ref_of(service), sorted(known.unready)
    return Finding(
        code=Code.ENDPOINTS_NONE_READY,
        severity=Severity.CRITICAL,
        object=ref,
        message=f"Service {ref.name} has {len(waiting)} endpoints and none of them is ready.",
        fields={
            "selector": dict(service["spec"]["selector"]),
            "pods": [one.removeprefix("Pod ") for one in waiting],
            "addresses": waiting,
        },
        evidence=snapshot.cites(ref.namespace, "Service", "EndpointSlice", "Endpoints"),
    )


def _no_pods(snapshot: Snapshot, service: JsonObject, workload: JsonObject) -> Finding:
    ref, owner = ref_of(service), ref_of(workload)
    return Finding(
        code=Code.ENDPOINTS_NONE_READY,
        # Somebody may have scaled it down on purpose: what the workload says about itself weighs more.
        severity=Severity.WARNING,
        object=ref,
        message=f"Service {ref.name} selects the pods of {owner}, which has none.",
        fields={"selector": dict(service["spec"]["selector"]), "pods": [], "workload": str(owner)},
        evidence=snapshot.cites(ref.namespace, "Service", "Pod", owner.kind),
    )


def _matches_nothing(snapshot: Snapshot, service: JsonObject) -> Finding:
    ref, selector = ref_of(service), dict(service["spec"]["selector"])
    manager, time = last_writer(service)
    fields: JsonObject = {"selector": selector}
    if manager:
        fields |= {"manager": manager, "written_at": time}
    spelled = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    text = f"The selector {spelled} of Service {ref.name} matches no pod and no workload"
    meant = nearest(service, _workloads(snapshot, ref.namespace))
    cited = ["Service", "Pod"]
    if meant is not None:
        owner, labels = ref_of(meant), template_labels(meant)
        wrong = {key: value for key, value in selector.items() if labels.get(key) != value}
        fields |= {
            "workload_kind": owner.kind,
            "workload_name": owner.name,
            "workload_labels": labels,
            "differs": {
                key: {"service": wanted, "workload": labels.get(key)} for key, wanted in wrong.items()
            },
        }
        # One example in the sentence; all of them are among the fields.
        key = sorted(wrong)[0]
        text += (
            f"; {owner} is meant, but has {key}={labels.get(key, '(nothing)')} where it asks for {wrong[key]}"
        )
        cited.append(owner.kind)
    return Finding(
        code=Code.SELECTOR_MATCHES_NOTHING,
        severity=Severity.CRITICAL,
        object=ref,
        message=text + ".",
        fields=fields,
        evidence=snapshot.cites(ref.namespace, *cited),
        since=moment(time),
    )


def nearest(service: JsonObject, workloads: tuple[JsonObject, ...]) -> JsonObject | None:
    """The one workload a selector was probably meant for, or None when no or several fit equally well."""
    rated = [
        (_kinship(service, workload), index)
        for index, workload in enumerate(workloads)
        if _is_kin(service, workload)
    ]
    best = max(rated, default=None)
    # Two that fit equally well are no answer: traffic sent to the wrong one is worse than none.
    if best is None or sum(rating == best[0] for rating, _ in rated) > 1:
        return None
    return workloads[best[1]]


def _is_kin(service: JsonObject, workload: JsonObject) -> bool:
    """Whether name or identity says that they belong together; sharing ``team=shop`` does not."""
    selector, labels = service["spec"]["selector"], template_labels(workload)
    same_app = any(key in selector and labels.get(key) == selector[key] for key in IDENTITY_LABELS)
    return same_app or name_of(service) == name_of(workload) or _likeness(selector, labels) >= ALIKE


def _kinship(service: JsonObject, workload: JsonObject) -> tuple[int, bool, float]:
    """How near a workload is: label pairs that agree, same name, likeness of the pairs that differ."""
    selector, labels = service["spec"]["selector"], template_labels(workload)
    agree = sum(labels.get(key) == value for key, value in selector.items())
    return agree, name_of(service) == name_of(workload), _likeness(selector, labels)


def _likeness(selector: Mapping[str, str], labels: Mapping[str, str]) -> float:
    wrong = [(value, labels.get(key, "")) for key, value in selector.items() if labels.get(key) != value]
    return min((SequenceMatcher(None, a, b).ratio() for a, b in wrong), default=1.0)
