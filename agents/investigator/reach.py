"""How far a proposal may reach from what the alerts are about: along links that the cluster itself states.

A link is structural or it is none: owners, placement, mounts, selectors, addresses in a template, a quota of
the very namespace, a webhook whose rules ask for the pods that are refused and whose Service nobody answers.
What an event, a log, a label's text or an annotation says can make a cause likely; it never makes it one
that may be changed (threats T4 and T22): whoever writes text would choose the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agents.incident import Hypothesis
from agents.investigator.analyzers.creation import CREATORS
from agents.investigator.analyzers.fields import (
    count_of,
    dig,
    is_placeless,
    items,
    labels_of,
    template_labels,
)
from agents.investigator.analyzers.network_rules import NAMESPACE_NAME_LABEL
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.quota import QuotaCode
from agents.investigator.analyzers.room import RoomCode
from agents.investigator.analyzers.selectors import selects
from agents.investigator.analyzers.webhook import KINDS, WebhookCode, guards_pods
from agents.investigator.links import Links
from agents.investigator.reasoning_case import Case
from tools.kubernetes.actions.placement import fits
from tools.kubernetes.objects import JsonObject, ObjectRef

_CORDON = "node.kubernetes.io/unschedulable"
UNANSWERED = (WebhookCode.SERVICE_MISSING, WebhookCode.NO_PODS, WebhookCode.NOT_READY)
"""Of these the Services, pods and slices say that nobody answers; of a failed call only a text says it."""


def reaches(case: Case, cause: Hypothesis) -> bool:
    """Whether a change of the cause's object may be a repair of what the alerts are about."""
    if case.targets.holds(cause.object):
        return True
    bound = _BOUND.get(cause.object.kind, _joined)
    return bound(case, cause)


def _joined(case: Case, cause: Hypothesis) -> bool:
    """Whether it is felt by a target in its own namespace; what has none, or another, is never changed."""
    return _felt(case, cause.object, cause.object.namespace)


def _closes(case: Case, cause: Hypothesis) -> bool:
    """Whether a policy shuts out a target itself, or what a target calls; not merely some other caller."""
    kind, _, place = str(cause.facts.get("caller") or "").partition(" ")
    namespace, _, name = place.partition("/")
    if not name:
        return _joined(case, cause)
    return _felt(case, ObjectRef(kind=kind, namespace=namespace, name=name), cause.object.namespace)


def _felt(case: Case, ref: ObjectRef, home: str) -> bool:
    # Links of our own: those of the case also follow what logs complain of, and a log may not choose.
    felt = Links(case.snapshot, case.relations).felt(ref)
    return bool(home) and any(target.namespace == home and target.key in felt for target in case.targets.refs)


def _bounds(case: Case, cause: Hypothesis) -> bool:
    """Whether a quota is used up where a target's pods are missing."""
    full = cause.code == QuotaCode.USED_UP
    return full and any(one.namespace == cause.object.namespace for one in lacking(case))


def _guards(case: Case, cause: Hypothesis) -> bool:
    """Whether nobody answers a webhook that must be asked about pods which a target lacks."""
    name = cause.facts.get("webhook")
    if cause.code not in UNANSWERED or not name:
        return False
    hooks = [one for one in items(case.find(cause.object), "webhooks") if one.get("name") == name]
    return any(_asks(case, hook, ref) for hook in hooks for ref in lacking(case))


def _keeps_out(case: Case, cause: Hypothesis) -> bool:
    """Whether a closed node is one that pods of a target would go to."""
    return cause.code == NodeCode.CORDONED and bool(waiting_for(case, case.find(cause.object)))


def waiting_for(case: Case, node: JsonObject) -> tuple[ObjectRef, ...]:
    """The pods near the alert that no node takes, and that this one might take but for its cordon."""
    spec = dig(node, "spec") or {}
    taints = [one for one in items(node, "spec", "taints") if one.get("key") != _CORDON]
    opened = {**node, "spec": {**spec, "unschedulable": False, "taints": taints}}
    refs = sorted(case.targets.radius, key=lambda one: one.key)
    pods = ((ref, case.find(ref)) for ref in refs if ref.kind == "Pod") if node else ()
    return tuple(ref for ref, pod in pods if is_placeless(pod) and fits(pod["spec"], opened))


def lacking(case: Case) -> Iterator[ObjectRef]:
    """What makes pods, is about the alerts, and has fewer than it asks for."""
    for ref in sorted(case.targets.radius, key=lambda one: one.key):
        if ref.kind in CREATORS and missing(case.find(ref)):
            yield ref


def missing(owner: JsonObject) -> int:
    """How many pods a controller has still to make."""
    if owner.get("kind") == "DaemonSet":
        wanted, made = count_of(owner, "status", "desiredNumberScheduled"), "currentNumberScheduled"
    elif owner.get("kind") == "Job":
        over = count_of(owner, "status", "succeeded") >= (dig(owner, "spec", "completions") or 1)
        wanted, made = 0 if over else dig(owner, "spec", "parallelism") or 1, "active"
    else:
        asked = dig(owner, "spec", "replicas")
        wanted, made = 1 if asked is None else int(asked), "replicas"
    return max(0, wanted - count_of(owner, "status", made)) if owner else 0


def _asks(case: Case, hook: JsonObject, owner: ObjectRef) -> bool:
    """Whether the API server must ask this webhook before it makes a pod of this owner."""
    place = case.find(ObjectRef(kind="Namespace", name=owner.namespace))
    # Without the namespace's labels its selector cannot be judged, and then it is not.
    marks = {NAMESPACE_NAME_LABEL: owner.namespace, **labels_of(place)}
    chosen = hook.get("namespaceSelector") or {}
    return (
        (hook.get("failurePolicy") or "Fail") == "Fail"
        and guards_pods(hook)
        and (bool(place) or not chosen)
        and selects(chosen, marks)
        and selects(hook.get("objectSelector") or {}, template_labels(case.find(owner)))
    )


def _makes_room(case: Case, cause: Hypothesis) -> bool:
    """Whether pods near the alert wait, at this look, for what the pods of a Job hold."""
    waits = cause.facts.get("waits") or () if cause.code == RoomCode.TAKEN else ()
    near = (ref for ref in case.targets.radius if ref.kind == "Pod" and ref.name in waits)
    return any(ref.namespace == cause.object.namespace and is_placeless(case.find(ref)) for ref in near)


_BOUND: dict[str, Callable[[Case, Hypothesis], bool]] = {
    "Job": lambda case, cause: _makes_room(case, cause) or _joined(case, cause),
    "NetworkPolicy": _closes,
    "Node": _keeps_out,
    "ResourceQuota": _bounds,
    **dict.fromkeys(KINDS, _guards),
}
