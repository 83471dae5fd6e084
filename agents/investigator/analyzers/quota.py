"""Quotas that are used up, LimitRanges whose defaults or bounds break a workload, priority classes in doubt.

Source: ResourceQuota and LimitRange (core/v1), PriorityClass (scheduling.k8s.io/v1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding, Severity
from agents.investigator.analyzers.capacity import number
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    TEMPLATED,
    container_statuses,
    dig,
    items,
    name_of,
    namespace_of,
)
from agents.investigator.analyzers.limits import Bound, bounds_by_namespace
from agents.investigator.analyzers.oom import killed_for_memory
from agents.investigator.analyzers.references import pod_spec, pods_of
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

NEARLY = 0.9
"""The share of a quota from which on the next rollout, which needs room for a surge, may not fit."""


_STATED = {"max": "limits", "min": "requests"}


class QuotaCode(Coded):
    """What quotas, limit ranges and priority classes can do to workloads."""

    USED_UP = (
        "quota.used_up",
        "A quota of the namespace is used up: what needs more of that resource is refused.",
        "status.used and status.hard of the ResourceQuota",
    )
    NEARLY_USED_UP = (
        "quota.nearly_used_up",
        "A quota of the namespace is used to nine tenths or more.",
        "status.used and status.hard of the ResourceQuota",
    )
    DEFAULT_KILLS = (
        "limitrange.default_kills",
        "A container was killed for memory at a limit that it never asked for: a LimitRange's default.",
        "the default of the LimitRange, the pod's limits, the template's limits, OOMKilled states",
    )
    FORBIDS_TEMPLATE = (
        "limitrange.forbids_template",
        "A pod template asks for more or less than the LimitRange of its namespace lets a container have.",
        "max and min of the LimitRange, the resources of pod templates",
    )
    PRIORITY_CLASS_MISSING = (
        "priorityclass.missing",
        "A pod template names a priority class that does not exist, so its pods are refused.",
        "spec.template.spec.priorityClassName, PriorityClasses",
    )
    SEVERAL_DEFAULTS = (
        "priorityclass.several_defaults",
        "Several priority classes say that they are the default; the lowest one is taken.",
        "globalDefault of the PriorityClasses",
    )


def quotas(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for what bounds the resources of a namespace; a quota of nothing forbids on purpose."""
    for quota in snapshot.objects("ResourceQuota"):
        yield from (said.of(snapshot, quota) for said in _full(quota))
    bounds = bounds_by_namespace(snapshot)
    for root in snapshot.roots:
        if root["kind"] not in TEMPLATED:
            continue
        here = bounds.get(namespace_of(root), ())
        yield from (said.of(snapshot, root) for said in (*_forbidden(root, here), *_priority(snapshot, root)))
        yield from _kills(snapshot, root, here)
    yield from _defaults(snapshot)


def _defaults(snapshot: Snapshot) -> Iterator[Finding]:
    defaults = [one for one in snapshot.objects("PriorityClass") if one.get("globalDefault")]
    names = sorted(name_of(one) for one in defaults)
    for one in defaults if len(defaults) > 1 else []:
        yield Said(
            code=QuotaCode.SEVERAL_DEFAULTS,
            message=f"The priority classes {', '.join(names)} all say that they are the default.",
            fields={"classes": names},
        ).of(snapshot, one)


def _full(quota: JsonObject) -> Iterator[Said]:
    """One for what is used up and one for what nearly is, each with its resources."""
    used, hard = dig(quota, "status", "used") or {}, dig(quota, "status", "hard") or {}
    shares = {
        resource: number(used.get(resource) or "0") / number(limit)
        for resource, limit in hard.items()
        if number(limit) > 0
    }
    full = [name for name, share in shares.items() if share >= 1]
    nearly = [name for name, share in shares.items() if NEARLY <= share < 1]
    for code, resources, words in (
        (QuotaCode.USED_UP, full, "used up"),
        (QuotaCode.NEARLY_USED_UP, nearly, "nearly used up"),
    ):
        if resources:
            told = {name: {"used": used[name], "hard": hard[name]} for name in sorted(resources)}
            parts = [f"{name} {one['used']} of {one['hard']}" for name, one in told.items()]
            yield Said(
                code=code,
                severity=Severity.WARNING if code is QuotaCode.USED_UP else Severity.INFO,
                message=f"Quota {name_of(quota)} is {words}: {', '.join(parts)}.",
                fields={"resources": told},
            )


def _kills(snapshot: Snapshot, root: JsonObject, bounds: tuple[Bound, ...]) -> Iterator[Finding]:
    """Containers without a memory limit of their own that were killed at the one a LimitRange gave them."""
    given = {bound.value: bound for bound in bounds if bound.kind == "default" and bound.resource == "memory"}
    if not given:
        return
    unstated = {
        container.get("name")
        for container in items(pod_spec(root), "containers")
        if not dig(container, "resources", "limits", "memory")
    }
    for size, containers in _killed_at(snapshot, root).items():
        killed = sorted(containers & unstated)
        if killed and size in given:
            yield Said(
                code=QuotaCode.DEFAULT_KILLS,
                message=f"{', '.join(killed)} of {root['kind']} {name_of(root)} states no memory limit and "
                f"was killed at the default of {size} that this LimitRange gives.",
                fields={
                    "default_memory": size,
                    "containers": killed,
                    "workload_kind": root["kind"],
                    "workload_name": name_of(root),
                },
                reads=("Pod", root["kind"]),
            ).of(snapshot, given[size].limit_range)


def _killed_at(snapshot: Snapshot, root: JsonObject) -> dict[str, set[str]]:
    """The containers of this root's pods that were killed for memory, by their limit."""
    found: dict[str, set[str]] = defaultdict(set)
    for pod in pods_of(snapshot, root):
        for spec, status in container_statuses(pod):
            if killed_for_memory(status):
                found[dig(spec, "resources", "limits", "memory") or ""].add(status.get("name") or "")
    return found


def _forbidden(root: JsonObject, bounds: tuple[Bound, ...]) -> Iterator[Said]:
    """Where a container's limit is over a maximum, or its request under a minimum."""
    for container in items(pod_spec(root), "containers") if bounds else ():
        for bound in bounds:
            stated = _STATED.get(bound.kind)
            asked = dig(container, "resources", stated, bound.resource) if stated else None
            if asked and bound.broken_by(asked):
                name = container.get("name")
                yield Said(
                    code=QuotaCode.FORBIDS_TEMPLATE,
                    message=f"Container {name} of {root['kind']} {name_of(root)} states {asked} "
                    f"{bound.resource}, and LimitRange {name_of(bound.limit_range)} allows no "
                    f"{'more' if bound.kind == 'max' else 'less'} than {bound.value}.",
                    fields={
                        "container": name,
                        "resource": bound.resource,
                        "stated": asked,
                        bound.kind: bound.value,
                        "limit_range": name_of(bound.limit_range),
                    },
                    reads=("LimitRange",),
                )


def _priority(snapshot: Snapshot, root: JsonObject) -> Iterator[Said]:
    name = pod_spec(root).get("priorityClassName") or ""
    if name and not name.startswith("system-") and snapshot.lacks("PriorityClass", "", name):
        yield Said(
            code=QuotaCode.PRIORITY_CLASS_MISSING,
            message=f"{root['kind']} {name_of(root)} names priority class {name}, which does not exist.",
            fields={"priority_class": name},
            reads=("PriorityClass",),
        )
