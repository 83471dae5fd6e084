"""How a Service is wired to its pods: ports, protocol, what else it takes in, where it may be reached from.

Source: ServiceSpec and ServicePort (core/v1), the rules of the EndpointSlice controller.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.containers import Port, names, owner_of, ports, probed
from agents.investigator.analyzers.fields import (
    dig,
    is_ready,
    items,
    labels_of,
    moment,
    namespace_of,
    quotable,
)
from agents.investigator.analyzers.service import selected_workloads
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_NAMES_THE_APP = ("app.kubernetes.io/name", "k8s-app", "app")
_IN_CLUSTER = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc(\..*)?")
_AN_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_GRAVE = re.compile(r"LoadBalancer(Failed)?$|NotAllocated$|OutOfRange$|AlreadyAllocated$")
_PASSES = "the object has been modified"
_SHOWN = 5
Offer = tuple[tuple[Port, ...], list[Port]]
"""The ports that pods declare, and those of them that a Service means."""

PROVISIONING = timedelta(minutes=5)
"""Within this time a cloud's load balancer is usually there."""


class WiringCode(Coded):
    """Conditions of a Service's wiring."""

    NAME_UNKNOWN = (
        "service.target_port.name_unknown",
        "A Service leads to a port by a name that no container of its pods has.",
        "spec.ports, the container ports of the selected pods or of the workload's template",
    )
    NOT_DECLARED = (
        "service.target_port.not_declared",
        "A Service leads to a port number that its pods neither declare nor answer a probe on.",
        "spec.ports, container ports and probes of the selected pods or of the workload's template",
    )
    PROTOCOL = (
        "service.target_port.protocol_mismatch",
        "The port is there, but with another protocol than the Service asks for.",
        "spec.ports, the container ports of the selected pods or of the workload's template",
    )
    TOO_WIDE = (
        "service.selector.too_wide",
        "A Service's selector takes in pods of another application, of a Job, or without its port.",
        "the Service's selector, the owners, labels and container ports of the selected pods",
    )
    EXTERNAL_NAME = (
        "service.external_name.unresolvable",
        "An ExternalName leads to an address instead of a name, or to a Service that does not exist.",
        "spec.externalName, the Services of the namespace that it names",
    )
    NO_LOCAL_POD = (
        "service.traffic_policy.no_local_pod",
        "A Service answers only on nodes with one of its ready pods (internalTrafficPolicy Local), and one "
        "node has none.",
        "spec.internalTrafficPolicy, spec.nodeName and the readiness of pods",
    )
    NO_LOAD_BALANCER = (
        "service.load_balancer.pending",
        "A Service of type LoadBalancer has had no address for some minutes.",
        "spec.type, status.loadBalancer, the time of creation",
    )
    WARNED = (
        "service.events.warning",
        "There are warning events about a Service.",
        "Warning events about the Service",
    )


def wiring(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Services whose wiring does not fit what they select."""
    for service in snapshot.objects("Service"):
        on = Subject(snapshot=snapshot, obj=service, also=("Pod",))
        yield from _warned(on)
        yield from _load_balancer(on)
        if dig(service, "spec", "type") == "ExternalName":
            yield from _external_name(on)
            continue
        selector = dig(service, "spec", "selector") or {}
        pods = snapshot.living(namespace_of(service), selector)
        yield from _ports(on, pods)
        yield from _too_wide(on, pods)
        if dig(service, "spec", "internalTrafficPolicy") == "Local" and pods:
            yield from _local(on, pods)


def _headless(service: JsonObject) -> bool:
    return bool(dig(service, "spec", "clusterIP") == "None")


def _ports(on: Subject, pods: tuple[JsonObject, ...]) -> Iterator[Finding]:
    specs = [pod.get("spec") or {} for pod in pods]
    # Before there are pods, the template tells what they will offer.
    if not specs and (dig(on.obj, "spec", "selector") or {}):
        owners = selected_workloads(on.snapshot, on.obj)
        specs = [dig(owner, "spec", "template", "spec") or {} for owner in owners]
    if not specs:
        return
    for port in items(on.obj, "spec", "ports"):
        target, protocol = _target(port), port.get("protocol") or "TCP"
        # Nearly every port of a cluster fits the first pod: the others are looked at where it does not.
        there = (one for spec in specs for one in ports(spec))
        if any(one.protocol == protocol and target in (one.number, one.name) for one in there):
            continue
        offered = tuple(one for spec in specs for one in ports(spec))
        same = [one for one in offered if target in (one.number, one.name)]
        if same or _is_strange(on, target, specs):
            yield from _amiss(on, port, (offered, same))


def _is_strange(on: Subject, target: int | str, specs: list[JsonObject]) -> bool:
    """Whether a port that nobody declares is one that nobody is known to listen at either."""
    if isinstance(target, str):
        return True
    return not _headless(on.obj) and not any(target in probed(spec) for spec in specs)


def _amiss(on: Subject, port: JsonObject, there: Offer) -> Iterator[Finding]:
    offered, same = there
    target, protocol = _target(port), port.get("protocol") or "TCP"
    told: JsonObject = {
        "port": port.get("port"),
        "target_port": target,
        "protocol": protocol,
        "offered": names(offered),
    }
    listed = ", ".join(names(offered)) or "none"
    if same:
        other = same[0].protocol
        text = f"{on.ref} sends {protocol} to port {target}, which its pods declare for {other}."
        yield on.warning(WiringCode.PROTOCOL, text, container_protocol=other, **told)
    elif isinstance(target, str):
        text = f"{on.ref} leads to a port named {target}, and its pods have none of that name ({listed})."
        yield on.critical(WiringCode.NAME_UNKNOWN, text, **told)
    # Declaring ports is optional: only pods that declare some, and not this one, give reason to doubt.
    elif offered:
        text = f"{on.ref} leads to port {target}, which its pods do not declare ({listed})."
        yield on.warning(WiringCode.NOT_DECLARED, text, **told)


def _target(port: JsonObject) -> int | str:
    target = port.get("targetPort") or port.get("port") or 0
    return int(target) if str(target).isdigit() else str(target)


def _too_wide(on: Subject, pods: tuple[JsonObject, ...]) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[JsonObject]] = defaultdict(list)
    for pod in pods:
        groups[owner_of(pod)].append(pod)
    if len(groups) < 2 or _headless(on.obj):
        return
    jobs = {owner for owner in groups if owner[0] == "Job"}
    strangers = {owner for owner, own in groups.items() if _lacks_port(on.obj, own[0])}
    wrong = (jobs | strangers) if jobs | strangers < groups.keys() else set()
    apps = {_app(own[0]) for own in groups.values()} - {""}
    owners = sorted(f"{kind} {name}" for kind, name in groups)
    told: JsonObject = {"selector": dict(dig(on.obj, "spec", "selector")), "workloads": owners}
    if wrong:
        named = sorted(f"{kind} {name}" for kind, name in wrong)
        text = f"The selector of {on.ref} also takes in {', '.join(named[:_SHOWN])}."
        yield on.warning(WiringCode.TOO_WIDE, text, strangers=named, **told)
    elif len(apps) > 1:
        text = f"The selector of {on.ref} takes in several applications: {', '.join(sorted(apps))}."
        yield on.info(WiringCode.TOO_WIDE, text, applications=sorted(apps), **told)


def _lacks_port(service: JsonObject, pod: JsonObject) -> bool:
    """Whether the pod declares ports and none of those that the Service leads to."""
    spec = pod.get("spec") or {}
    offered = {one for port in ports(spec) for one in (port.number, port.name)} | probed(spec)
    targets = {_target(port) for port in items(service, "spec", "ports")}
    return bool(offered and targets) and not targets & offered


def _app(pod: JsonObject) -> str:
    labels = labels_of(pod)
    return next((labels[key] for key in _NAMES_THE_APP if key in labels), "")


def _external_name(on: Subject) -> Iterator[Finding]:
    target = str(dig(on.obj, "spec", "externalName") or "").rstrip(".")
    inside = _IN_CLUSTER.fullmatch(target)
    if not target or _AN_ADDRESS.fullmatch(target):
        text = f"{on.ref} leads to {target or 'nothing'}, and an ExternalName must be a DNS name."
        yield on.critical(WiringCode.EXTERNAL_NAME, text, external_name=target)
    elif inside and on.snapshot.lacks("Service", inside[2], inside[1]):
        text = f"{on.ref} leads to Service {inside[1]} in namespace {inside[2]}, which does not exist."
        yield on.critical(WiringCode.EXTERNAL_NAME, text, external_name=target)


def _local(on: Subject, pods: tuple[JsonObject, ...]) -> Iterator[Finding]:
    serving = {dig(pod, "spec", "nodeName") for pod in pods if is_ready(pod)}
    callers = {
        dig(pod, "spec", "nodeName")
        for pod in on.snapshot.objects("Pod")
        # The pods of every node call nobody's Service in particular.
        if owner_of(pod)[0] not in ("DaemonSet", "Node") and is_ready(pod)
    }
    without = sorted(str(node) for node in callers - serving - {None})
    if without:
        shown = ", ".join(without[:_SHOWN])
        text = f"{on.ref} answers only where a ready pod of it runs; {len(without)} nodes have none: {shown}."
        yield on.warning(WiringCode.NO_LOCAL_POD, text, nodes=without)


def _load_balancer(on: Subject) -> Iterator[Finding]:
    if dig(on.obj, "spec", "type") != "LoadBalancer" or items(on.obj, "status", "loadBalancer", "ingress"):
        return
    since = moment(dig(on.obj, "metadata", "creationTimestamp"))
    if since and on.snapshot.taken_at - since > PROVISIONING:
        text = f"{on.ref} of type LoadBalancer has no address from outside."
        yield on.warning(WiringCode.NO_LOAD_BALANCER, text, since, type="LoadBalancer")


def _warned(on: Subject) -> Iterator[Finding]:
    events = [
        event
        for event in on.snapshot.events(on.ref)
        # Two writers that met: the controller tries again at once.
        if event.get("type") == "Warning" and _PASSES not in (event.get("message") or "")
    ]
    if not events:
        return
    reasons = sorted({event.get("reason") or "" for event in events})
    said = list(dict.fromkeys(quotable(event.get("message") or "") for event in events))[-_SHOWN:]
    grave = any(_GRAVE.search(reason) for reason in reasons)
    tell = on.warning if grave else on.info
    text = f"Warnings about {on.ref}: {', '.join(reasons)}: {said[-1]}"
    yield tell(
        WiringCode.WARNED, text, moment(events[0].get("firstTimestamp")), reasons=reasons, messages=said
    )
