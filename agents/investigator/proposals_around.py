"""Changes to what stands around a workload: a webhook that nobody answers, a full quota, a policy, a cordon.

None is for one person alone to sign in a hurry: somebody set them on purpose. What they are set to is
counted from objects alone (pods that are missing, labels, ports), never from what an event says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from agents.investigator.analyzers.capacity import number
from agents.investigator.analyzers.creation import CREATORS
from agents.investigator.analyzers.fields import dig, items, labels_of, name_of, namespace_of
from agents.investigator.analyzers.network_calls import CallCode
from agents.investigator.analyzers.network_policy import PolicyCode
from agents.investigator.analyzers.network_rules import DNS_PLACE, DNS_PORT, NAMESPACE_NAME_LABEL, port_number
from agents.investigator.proposals_desk import Desk, Wish
from agents.investigator.reach import missing, waiting_for
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.objects import JsonObject

_DNS_LABELS = {"k8s-app": "kube-dns"}
"""What the cluster's DNS is labelled with whoever provides it: its Service has always been chosen so."""


def unanswered(desk: Desk) -> Iterator[Wish]:
    """Without its answer for the time being: it decides again as soon as somebody answers."""
    service = str(desk.facts.get("service") or "its Service")
    yield Wish(
        verb="webhook",
        params={"webhook": desk.facts.get("webhook"), "ignore": True},
        why=f"nobody answers for {service}, so whatever it guards is refused; with Ignore that is admitted "
        "as long as nobody answers, and checked again once somebody does",
        context=Context(),
    )


def opened(desk: Desk) -> Iterator[Wish]:
    """The node takes pods again, where pods near the alert would go to it and wait."""
    pods = waiting_for(desk.case, desk.target)
    if pods:
        count = f"{len(pods)} pods find" if len(pods) > 1 else f"{pods[0]} finds"
        yield Wish(
            verb="uncordon",
            params={},
            why=f"{count} no node and would be let onto this one; sign only if the work that it was "
            "cordoned for is over",
            context=Context(),
        )


def room(desk: Desk) -> Iterator[Wish]:
    """Room for the pods that are missing, and no more; only where one limit is all that stands in the way."""
    hard, used = (dig(desk.target, "status", name) or {} for name in ("hard", "used"))
    owners = [
        (obj, gap)
        for kind in CREATORS
        for obj in desk.case.snapshot.within(desk.cause.object.namespace, kind)
        if (gap := missing(obj))
    ]
    short = {}
    for resource, limit in hard.items():
        need = sum(gap * _each(obj, resource) for obj, gap in owners)
        if number(used.get(resource) or "0") + need > number(limit):
            short[resource] = number(used.get(resource) or "0") + need
    if len(short) == 1:
        ((resource, wanted),) = short.items()
        count = sum(gap for _, gap in owners)
        yield Wish(
            verb="quota",
            params={"resource": resource, "value": _written(resource, wanted)},
            why=f"{count} pod{'s are' if count > 1 else ' is'} missing in its namespace, "
            "and this is what they and those that run need together",
            context=Context(limit_factor=desk.limits.limit_factor),
        )


def _each(owner: JsonObject, resource: str) -> float:
    """How much of this resource of a quota one pod of the owner takes."""
    if resource in ("pods", "count/pods"):
        return 1.0
    group, _, name = resource.rpartition(".")
    total = 0.0
    for container in items(owner, "spec", "template", "spec", "containers"):
        stated = dig(container, "resources") or {}
        limit = dig(stated, "limits", name)
        # What asks for nothing is given its limit (core/v1, ResourceRequirements).
        asked = limit if group == "limits" else dig(stated, "requests", name) or limit
        total += number(asked or "0")
    return total


def _written(resource: str, wanted: float) -> str:
    if resource.endswith("cpu"):
        return f"{math.ceil(round(wanted * 1000, 3))}m"
    return f"{math.ceil(wanted / 2**20)}Mi" if resource.endswith("memory") else f"{math.ceil(wanted)}"


def opening(desk: Desk) -> Iterator[Wish]:
    """One rule for the call that is needed: from these pods, to those, on that port."""
    found = _names_again(desk) if desk.cause.code == PolicyCode.NO_DNS else _call(desk)
    if found is not None:
        direction, rule, why = found
        yield Wish(
            verb="network_policy",
            params={"direction": direction, "rule": rule},
            why=why,
            context=Context(seen=desk.seen),
        )


def _names_again(desk: Desk) -> tuple[str, JsonObject, str] | None:
    inside = desk.case.snapshot.within(DNS_PLACE, "Pod")
    if inside and not any(_DNS_LABELS.items() <= labels_of(pod).items() for pod in inside):
        return None
    peer = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: DNS_PLACE}},
        "podSelector": {"matchLabels": dict(_DNS_LABELS)},
    }
    ports = [{"port": DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")]
    return (
        "egress",
        {"to": [peer], "ports": ports},
        "its pods may ask nobody for names, and need to for any call",
    )


def _call(desk: Desk) -> tuple[str, JsonObject, str] | None:
    facts, home = desk.facts, desk.cause.object.namespace
    kind, _, place = str(facts.get("caller") or "").partition(" ")
    namespace, _, name = place.partition("/")
    caller = desk.case.snapshot.find(kind, namespace, name) or {}
    service = (
        desk.case.snapshot.find("Service", str(facts.get("service_namespace")), str(facts.get("service")))
        or {}
    )
    chosen = dig(service, "spec", "selector") or {}
    pod = next(iter(desk.case.snapshot.living(namespace_of(service), chosen)), None)
    number = port_number(pod, facts.get("port")) if pod else None
    ours = dig(caller, "spec", "selector", "matchLabels") or {}
    # A peer without a namespace is one of the policy's own.
    if number is None or not ours or {namespace, namespace_of(service)} != {home}:
        return None
    comes_in = desk.cause.code == CallCode.NOT_LET_IN
    peer = [{"podSelector": {"matchLabels": dict(ours if comes_in else chosen)}}]
    rule = {
        "from" if comes_in else "to": peer,
        "ports": [{"port": number, "protocol": _protocol(service, facts)}],
    }
    why = f"{kind} {name} is told to call Service {name_of(service)}, and no policy lets it"
    return ("ingress" if comes_in else "egress"), rule, why


def _protocol(service: JsonObject, facts: JsonObject) -> str:
    asked = facts.get("port")
    ports = (
        one for one in items(service, "spec", "ports") if asked in (one.get("targetPort"), one.get("port"))
    )
    return str(next(ports, {}).get("protocol") or "TCP")
