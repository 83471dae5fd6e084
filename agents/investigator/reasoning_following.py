"""Which findings follow from which: by effect, along the links, and never backwards in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.config import ConfigCode
from agents.investigator.analyzers.control_plane import ControlPlaneCode
from agents.investigator.analyzers.cronjob import CronJobCode
from agents.investigator.analyzers.dependency import DependencyCode
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_rules import OUTSIDE
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.rollout import RolloutCode
from agents.investigator.analyzers.scheduling import SchedulingCode
from agents.investigator.effects import (
    FELT,
    FOLLOWS,
    MAY_FOLLOW,
    STOPS_SERVICE,
    Effect,
)
from agents.investigator.links import CALLER, Key, Touch
from agents.investigator.reasoning_case import DNS_SERVICES, Case
from agents.investigator.reasoning_doors import closed_by, is_by_its_node
from agents.investigator.rules import effect_of
from agents.investigator.rules_roles import CIRCUMSTANCES

SLACK = timedelta(minutes=5)
"""Clocks differ and probes take their time: what began this much later may still be the cause."""
SOON = timedelta(hours=1)
"""A change that is felt at all is felt within this time: what fails later has another reason."""

_DATED = frozenset(
    (
        Effect.CONTROL, Effect.NODE, Effect.STRAIN, Effect.CLOSED, Effect.VOLUME, Effect.QUOTA, Effect.HOOK,
        Effect.CHANGED, Effect.IDLE, Effect.WIRING,
    )
)  # fmt: skip
_CONTAINERS = frozenset((Effect.MEMORY, Effect.KILLED, Effect.CRASH))
_NO_ROOM = frozenset(("taint", "cordoned", "pod_cap", "gpu"))
_FULL = frozenset(("cpu", "memory"))
_TAINTS: dict[str, str] = {
    NodeCode.UNREACHABLE: "node.kubernetes.io/unreachable",
    NodeCode.NOT_READY: "node.kubernetes.io/not-ready",
    NodeCode.RUNTIME_DOWN: "node.kubernetes.io/not-ready",
    NodeCode.NETWORK_PLUGIN: "node.kubernetes.io/not-ready",
    NodeCode.NETWORK_UNAVAILABLE: "node.kubernetes.io/network-unavailable",
    NodeCode.MEMORY_PRESSURE: "node.kubernetes.io/memory-pressure",
    NodeCode.DISK_PRESSURE: "node.kubernetes.io/disk-pressure",
    NodeCode.PID_PRESSURE: "node.kubernetes.io/pid-pressure",
}
"""The taint by which the control plane keeps pods off a node in such a state."""


@dataclass(frozen=True, kw_only=True)
class Root:
    """The signs of one cause, with where it is felt, and what it keeps the API server from asking."""

    direct: tuple[Finding, ...]
    effect: Effect
    felt: dict[Key, Touch]
    doors: tuple[Root, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Followed:
    """One finding that follows from a root: for certain or likely, here or by way of a call."""

    finding: Finding
    certain: bool
    far: bool


def rooted(case: Case, direct: tuple[Finding, ...]) -> Root:
    """These signs, with everything they are felt by."""
    effect = effect_of(direct[0])
    felt: dict[Key, Touch] = {}
    for finding in direct:
        _join(felt, _felt(case, effect, finding))
    for finding in direct:
        for caller in _named(case, finding):
            _join(felt, caller)
    for broad in _broadly(case, effect, direct):
        _join(felt, case.links.felt(broad.object))
    doors = tuple(rooted(case, (door,)) for door in closed_by(case, direct, effect, felt.items()))
    for door in doors:
        _join(felt, door.felt)
    return Root(direct=direct, effect=effect, felt=felt, doors=doors)


def _felt(case: Case, effect: Effect, finding: Finding) -> dict[Key, Touch]:
    if effect is Effect.CLOSED and finding.object.kind == "Node":
        # What runs there runs on: a node that takes no new pods is felt by those that find no place.
        return {finding.object.key: Touch(1.0, far=False)}
    felt = case.links.felt(finding.object)
    if finding.code == DependencyCode.NO_SERVICE:
        # Nothing joins a Service that is not there to anything: it is known by its name alone.
        place, name = finding.fields.get("service_namespace"), finding.fields.get("service")
        felt = {**felt, ("Service", str(place), str(name)): Touch(CALLER, far=False)}
    return felt


def _join(felt: dict[Key, Touch], more: dict[Key, Touch]) -> None:
    for key, touch in more.items():
        known = felt.get(key)
        if known is None or (known.sure, not known.far) < (touch.sure, not touch.far):
            felt[key] = touch


def _named(case: Case, finding: Finding) -> Iterator[dict[Key, Touch]]:
    """Where a policy that keeps a workload from calling is felt: at that workload."""
    kind, _, place = str(finding.fields.get("caller") or "").partition(" ")
    namespace, _, name = place.partition("/")
    if name:
        yield case.links.felt(finding.object.model_copy(
            update={"kind": kind, "namespace": namespace, "name": name, "uid": ""}
        ))  # fmt: skip


def _broadly(case: Case, effect: Effect, direct: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What follows from something that no object is joined to: only what names it itself."""
    joined = _BROAD.get(effect)
    if joined is None:
        return ()
    near = (one for kind in _BROADLY[effect] for one in case.broad.get(kind, ()))
    found = (one for one in near if any(joined(cause, one) for cause in direct))
    return tuple(sorted(found, key=case.place))


def _stands_still(cause: Finding, finding: Finding) -> bool:
    if cause.code != ControlPlaneCode.LEADER_LOST:
        group = cause.object.name.partition(".")[2]
        waits_on = finding.fields.get("apis") or ()
        named = finding.fields.get("api") or (group if group in str(finding.fields.get("message")) else None)
        scales = effect_of(finding) is Effect.SCALER and bool(group) and named == group
        return scales or cause.object.name in waits_on
    waits = {
        "kube-scheduler": (SchedulingCode.NO_SCHEDULER,),
        "kube-controller-manager": (RolloutCode.NOT_OBSERVED, CronJobCode.RUNS_MISSED),
    }
    return finding.code in waits.get(cause.object.name, ())


def _bounded(cause: Finding, finding: Finding) -> bool:
    same = effect_of(finding) is Effect.REFUSED and cause.object.namespace == finding.object.namespace
    return same and cause.object.name in (finding.fields.get("quota"), finding.fields.get("priority_class"))


def _asked(cause: Finding, finding: Finding) -> bool:
    hook = cause.fields.get("webhook")
    return effect_of(finding) is Effect.REFUSED and bool(hook) and hook == finding.fields.get("webhook")


def _closed(cause: Finding, finding: Finding) -> bool:
    # Nodes are cordoned every day: it matters where every node says no for this reason, or where most are
    # closed and the few that are left are full.
    why = finding.fields.get("reasons") or {}
    if finding.code != SchedulingCode.UNSCHEDULABLE or not why:
        return False
    if why.keys() <= _NO_ROOM:
        return True
    mostly = 2 * why.get("cordoned", 0) > (finding.fields.get("nodes") or 0)
    full = why.keys() <= _NO_ROOM | _FULL and not finding.fields.get("fits_no_node")
    return cause.code == NodeCode.CORDONED and mostly and full


def _keeps_off(cause: Finding, finding: Finding) -> bool:
    # Where cpu or memory is short elsewhere, that node alone does not decide.
    why, key = finding.fields.get("reasons") or {}, _TAINTS.get(cause.code)
    named = any(f"{{{key}:" in taint for taint in finding.fields.get("taints") or ())
    return finding.code == SchedulingCode.UNSCHEDULABLE and named and not why.keys() & _FULL


def _waits_for(cause: Finding, finding: Finding) -> bool:
    same = finding.code == SchedulingCode.UNSCHEDULABLE and cause.object.namespace == finding.object.namespace
    return same and finding.object.name in (cause.fields.get("waits") or ())


_BROAD: dict[Effect, Callable[[Finding, Finding], bool]] = {
    Effect.CONTROL: _stands_still,
    Effect.NODE: _keeps_off,
    Effect.STRAIN: _keeps_off,
    Effect.QUOTA: _bounded,
    Effect.HOOK: _asked,
    Effect.CLOSED: _closed,
    Effect.TAKEN: _waits_for,
}
_BROADLY: dict[Effect, tuple[Effect, ...]] = {
    Effect.CONTROL: (Effect.PLACE, Effect.GONE, Effect.HELD, Effect.RUN, Effect.SCALER),
    Effect.NODE: (Effect.PLACE,),
    Effect.STRAIN: (Effect.PLACE,),
    Effect.QUOTA: (Effect.REFUSED,),
    Effect.HOOK: (Effect.REFUSED,),
    Effect.CLOSED: (Effect.PLACE,),
    Effect.TAKEN: (Effect.PLACE,),
}
"""The effects among which such a thing is looked for: a large cluster has thousands of findings."""


def following(case: Case, root: Root) -> tuple[Followed, ...]:
    """Every finding that follows from this root, its own signs left out."""
    behind = (replace(one, certain=False) for door in root.doors for one in _by_door(case, door))
    found = tuple({one.finding.key: one for one in (*behind, *_all_followed(case, root))}.values())
    # A write is suspected for its time alone: where nothing that follows has one, nothing follows.
    undated = root.effect is Effect.CHANGED and not any(one.finding.since for one in found)
    return () if undated else found


def _by_door(case: Case, door: Root) -> Iterator[Followed]:
    yield from (Followed(finding=one, certain=False, far=False) for one in door.direct)
    yield from following(case, door)


def _all_followed(case: Case, root: Root) -> Iterator[Followed]:
    own = {finding.key for finding in root.direct}
    for key, touch in root.felt.items():
        for finding in case.by_object.get(key, ()):
            given = finding.key in own or is_by_its_node(case, root.direct[0], finding)
            if not given and (one := _followed(root, finding, far=touch.far)):
                yield one


def _followed(root: Root, finding: Finding, *, far: bool) -> Followed | None:
    effect = effect_of(finding)
    if far:
        likely, certain = root.effect in STOPS_SERVICE and effect in FELT and _points_outside(finding), False
    else:
        certain = root.effect in FOLLOWS.get(effect, ())
        likely = certain or root.effect in MAY_FOLLOW.get(effect, ())
    if is_circumstance(root.direct[0]) and effect is not Effect.SIGNAL:
        return None
    if effect is Effect.HEARD and not _is_meant(root, finding):
        return None
    if root.effect is Effect.POLICY and effect is Effect.CRASH and not _points_outside(finding, untold=False):
        # A policy lets processes run: only one that misses somebody can end because of it.
        return None
    if not likely or not _in_time(root, finding, far=far) or not _same_container(root, finding):
        return None
    return Followed(finding=finding, certain=certain, far=far)


def _is_meant(root: Root, finding: Finding) -> bool:
    """Whether a log complains of something that this is felt at, and not of somebody else."""
    kind, _, place = str(finding.fields.get("to") or "").partition("/")
    namespace, _, name = place.partition("/")
    asked_dns = finding.code == LogCode.NAME_UNRESOLVED and any(key in root.felt for key in DNS_SERVICES)
    return asked_dns or (kind, namespace, name) in root.felt


def _points_outside(finding: Finding, *, untold: bool = True) -> bool:
    """Whether it can be another's doing: a process that tells its own fault is believed.

    ``untold``: what is thought of one whose log was not read.
    """
    if finding.code != Code.CRASH_LOOP:
        return True
    return finding.fields.get("hint") in OUTSIDE or (untold and "log" not in finding.fields)


def _in_time(root: Root, finding: Finding, *, far: bool) -> bool:
    times = [one.since for one in root.direct]
    begun = min((at for at in times if at), default=None)
    if root.effect is Effect.CHANGED:
        pods = {name for one in root.direct for name in one.fields.get("pods") or ()}
        if finding.object.kind == "Pod" and finding.object.name not in pods:
            return False
        # Of a finding without a date nothing is known; the pods' own have one.
        if begun is None or finding.since is None:
            return True
        return begun - SLACK <= finding.since <= begun + SOON
    if effect_of(finding) is Effect.SIGNAL and begun and finding.since:
        # Without an order in time any pair of them would explain the other.
        soon = not is_circumstance(root.direct[0]) or finding.since <= begun + SOON
        return begun <= finding.since + SLACK and soon
    if begun is None or finding.since is None or not (far or root.effect in _DATED):
        return True
    return begun <= finding.since + SLACK


def _same_container(root: Root, finding: Finding) -> bool:
    """Two containers of one pod have troubles of their own."""
    if root.effect not in _CONTAINERS or effect_of(finding) is not Effect.CRASH:
        return True
    names = {one.fields.get("container") for one in root.direct if one.object.key == finding.object.key}
    return "container" not in finding.fields or not names or finding.fields["container"] in names


def is_change(finding: Finding) -> bool:
    """Whether the finding is only that something was written: a cause if anything follows from it."""
    return finding.code == ConfigCode.CHANGED_SINCE_START or is_circumstance(finding)


def is_circumstance(finding: Finding) -> bool:
    """Whether it is suspected for its time alone."""
    return finding.severity is Severity.INFO and finding.code in CIRCUMSTANCES
