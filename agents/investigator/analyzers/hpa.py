"""Autoscalers that cannot scale, may not scale further, or watch the wrong thing.

Source: HorizontalPodAutoscaler (autoscaling/v2), its conditions AbleToScale, ScalingActive, ScalingLimited.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    condition,
    count_of,
    dig,
    moment,
    name_of,
    namespace_of,
    quotable,
)
from agents.investigator.analyzers.hpa_metrics import above_target, without_request
from agents.investigator.analyzers.limits import GIVEN, bounds_by_namespace
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

SCALABLE = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
_OWN_GROUPS = ("", "v1", "apps", "batch", "autoscaling")
"""API groups whose scalable kinds are known; any other may have a scale subresource."""

_METRICS_API = re.compile(r"\b(resource|custom|external) metrics API")


class HpaCode(Coded):
    """What an autoscaler can suffer from."""

    UNABLE = ("hpa.unable_to_scale", "An autoscaler may not set the replicas.", "the condition AbleToScale")
    INACTIVE = (
        "hpa.metrics_unavailable",
        "An autoscaler cannot work out how many replicas are needed, mostly for want of metrics.",
        "the condition ScalingActive",
    )
    LIMITED = (
        "hpa.limited",
        "An autoscaler wants another number of replicas than its bounds allow.",
        "the condition ScalingLimited, spec.minReplicas, status.currentReplicas",
    )
    MAXED_OUT = (
        "hpa.maxed_out",
        "An autoscaler is at its maximum while a metric is still above its target.",
        "spec.maxReplicas, status.currentReplicas, spec.metrics, status.currentMetrics",
    )
    TARGET_MISSING = (
        "hpa.target_missing",
        "What an autoscaler is meant to scale does not exist.",
        "spec.scaleTargetRef",
    )
    TARGET_UNSUPPORTED = (
        "hpa.target_unsupported",
        "An autoscaler names something that cannot be scaled.",
        "spec.scaleTargetRef",
    )
    TARGET_SHARED = (
        "hpa.target_shared",
        "Several autoscalers scale the same workload and work against each other.",
        "spec.scaleTargetRef of the autoscalers",
    )
    NO_REQUEST = (
        "hpa.no_request",
        "An autoscaler goes by the use of a resource of which a container requests nothing.",
        "spec.metrics, the requests of the target's containers, LimitRanges",
    )


def autoscalers(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for autoscalers; one at its floor without load is silent."""
    sharing: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for hpa in snapshot.objects("HorizontalPodAutoscaler"):
        sharing[_target(hpa)].append(name_of(hpa))
    given = {
        namespace: frozenset(bound.resource for bound in bounds if bound.kind in GIVEN)
        for namespace, bounds in bounds_by_namespace(snapshot).items()
    }
    for hpa in snapshot.objects("HorizontalPodAutoscaler"):
        requests = _requests(snapshot, hpa, given.get(namespace_of(hpa), frozenset()))
        said = [*_conditions(hpa), *_wrong_target(snapshot, hpa), *requests]
        others = sorted(set(sharing[_target(hpa)]) - {name_of(hpa)})
        if others and _target(hpa)[2]:
            said.append(_shared(hpa, others))
        for one in said:
            yield one.of(snapshot, hpa)


def _target(hpa: JsonObject) -> tuple[str, str, str]:
    ref = dig(hpa, "spec", "scaleTargetRef") or {}
    return ref.get("kind") or "", namespace_of(hpa), ref.get("name") or ""


def _conditions(hpa: JsonObject) -> Iterator[Said]:
    for kind, code, what in (
        ("AbleToScale", HpaCode.UNABLE, "may not scale"),
        ("ScalingActive", HpaCode.INACTIVE, "does not know how many replicas are needed"),
    ):
        told = condition(hpa, kind)
        # A target at zero switches the autoscaler off on purpose.
        if told.get("status") == "False" and told.get("reason") != "ScalingDisabled":
            yield _told(hpa, code, told, f"The autoscaler {what}")
    limited = condition(hpa, "ScalingLimited")
    high = above_target(hpa) if _at_most(hpa) else {}
    if high:
        yield _maxed_out(hpa, limited, high)
    elif limited.get("status") == "True" and not _rests_at_floor(hpa, limited):
        yield _told(hpa, HpaCode.LIMITED, limited, "The autoscaler may not have the replicas it wants")


def _told(hpa: JsonObject, code: HpaCode, told: JsonObject, text: str) -> Said:
    said = quotable(told.get("message") or told.get("reason") or "")
    return Said(
        code=code,
        message=f"{text}: {said}." if said else f"{text}.",
        fields={
            "reason": told.get("reason"),
            "message": said,
            "api": metrics_api(told.get("message") or ""),
            **_bounds(hpa),
        },
        since=moment(told.get("lastTransitionTime")),
    )


def metrics_api(message: str) -> str | None:
    """The group whose metrics did not come; its name may stand where we quote the sentence no more."""
    known = _METRICS_API.search(message)
    return f"{known[1]}.metrics.k8s.io".removeprefix("resource.") if known else None


def _bounds(hpa: JsonObject) -> JsonObject:
    return {
        "min_replicas": dig(hpa, "spec", "minReplicas"),
        "max_replicas": dig(hpa, "spec", "maxReplicas"),
        "current_replicas": dig(hpa, "status", "currentReplicas"),
        "desired_replicas": dig(hpa, "status", "desiredReplicas"),
    }


def _at_most(hpa: JsonObject) -> bool:
    most = count_of(hpa, "spec", "maxReplicas")
    return most > 0 and count_of(hpa, "status", "currentReplicas") >= most


def _rests_at_floor(hpa: JsonObject, limited: JsonObject) -> bool:
    floor = dig(hpa, "spec", "minReplicas")
    at_floor = count_of(hpa, "status", "currentReplicas") <= (1 if floor is None else floor)
    return limited.get("reason") == "TooFewReplicas" and at_floor


def _maxed_out(hpa: JsonObject, limited: JsonObject, high: dict[str, JsonObject]) -> Said:
    name, seen = next(iter(sorted(high.items())))
    return Said(
        code=HpaCode.MAXED_OUT,
        message=f"The autoscaler is at its maximum of {dig(hpa, 'spec', 'maxReplicas')} replicas, and {name} "
        f"is {seen['current']} where {seen['target']} is its target.",
        fields={"metrics": high, "message": quotable(limited.get("message") or ""), **_bounds(hpa)},
        since=moment(limited.get("lastTransitionTime")),
    )


def _wrong_target(snapshot: Snapshot, hpa: JsonObject) -> Iterator[Said]:
    kind, namespace, name = _target(hpa)
    group = (dig(hpa, "spec", "scaleTargetRef", "apiVersion") or "").partition("/")[0]
    fields = {"target_kind": kind, "target_name": name}
    if kind not in SCALABLE and group in _OWN_GROUPS:
        yield Said(
            code=HpaCode.TARGET_UNSUPPORTED,
            message=f"The autoscaler's target is a {quotable(kind) or 'thing without a kind'}, which cannot "
            "be scaled.",
            fields=fields,
        )
    elif name and snapshot.lacks(kind, namespace, name):
        yield Said(
            code=HpaCode.TARGET_MISSING,
            message=f"The autoscaler's target {kind} {name} does not exist.",
            fields=fields,
            reads=(kind,),
        )


def _shared(hpa: JsonObject, others: list[str]) -> Said:
    kind, _, name = _target(hpa)
    return Said(
        code=HpaCode.TARGET_SHARED,
        message=f"{kind} {name} is scaled by {', '.join(others)} too.",
        fields={"target_kind": kind, "target_name": name, "autoscalers": others},
    )


def _requests(snapshot: Snapshot, hpa: JsonObject, given: frozenset[str]) -> Iterator[Said]:
    target = snapshot.find(*_target(hpa))
    lacking = without_request(hpa, target, given) if target else {}
    for resource, containers in sorted(lacking.items()):
        yield Said(
            code=HpaCode.NO_REQUEST,
            message=f"The autoscaler goes by the use of {resource}, and {', '.join(containers)} of "
            f"{_target(hpa)[0]} {_target(hpa)[2]} requests none.",
            fields={"resource": resource, "containers": containers, "target_kind": _target(hpa)[0]},
            reads=(_target(hpa)[0],),
        )
