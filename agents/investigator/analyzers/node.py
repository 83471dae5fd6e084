"""Nodes that are down, under pressure, closed, or not able to run what they should.

Source: NodeStatus and its conditions (core/v1), taints that the node controllers set, events of the
kubelet and of the node problem detector. A condition of the detector is a problem when it is True.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, is_finished, items, labels_of, moment, quotable
from agents.investigator.analyzers.node_codes import EVENTS, NodeCode
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Condition, Subject, conditions
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount

_PRESSURES = {
    "MemoryPressure": NodeCode.MEMORY_PRESSURE,
    "DiskPressure": NodeCode.DISK_PRESSURE,
    "PIDPressure": NodeCode.PID_PRESSURE,
    "NetworkUnavailable": NodeCode.NETWORK_UNAVAILABLE,
}
# Of a node that is not ready the kubelet says why, in words that have been the same for years.
_WHY = (
    (
        NodeCode.NETWORK_PLUGIN,
        re.compile(r"cni|network plugin|NetworkReady=false|NetworkPluginNotReady", re.I),
    ),
    (NodeCode.RUNTIME_DOWN, re.compile(r"container runtime|PLEG is not healthy|RuntimeReady=false", re.I)),
)
_CLOCK = re.compile(r"ntp|clock|chrony|time(sync|drift)", re.IGNORECASE)
_CONNTRACK = re.compile(r"conntrack", re.IGNORECASE)
_GOOD_WHEN_TRUE = re.compile(r"(Ready|Healthy|Available|Voter|Ok)$", re.IGNORECASE)

# Set by the control plane for what a condition says already, or for a role.
_EXPECTED_TAINTS = re.compile(r"^node(-role)?\.kubernetes\.io/|^ToBeDeleted|^DeletionCandidate")
_UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
_NATIVE = frozenset(("cpu", "memory", "pods", "ephemeral-storage"))
_GPU_MARKS = {"nvidia.com/gpu.present": "nvidia.com/gpu", "amd.com/gpu.present": "amd.com/gpu"}
AHEAD = timedelta(seconds=60)
"""A heartbeat this far in the future is not our own delay."""

_OWN_LIMIT = "Memory cgroup out of memory"
_NEARLY_FULL = 0.95


def nodes(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for nodes; the pods on one are counted only where pods of all namespaces were read."""
    crowd = _crowd(snapshot)
    for node in snapshot.objects("Node"):
        on = Subject(snapshot=snapshot, obj=node, also=("Event",))
        for said in conditions(node):
            yield from _condition(on, said)
        yield from _closed(on)
        yield from _clock(on)
        yield from _devices(on)
        yield from _room(on, crowd.get(on.ref.name, 0))
        yield from _events(on)


def _condition(on: Subject, said: Condition) -> Iterator[Finding]:
    if said.type == "Ready":
        yield from _not_ready(on, said)
    elif said.type in _PRESSURES and said.status == "True":
        yield on.warning(_PRESSURES[said.type], f"{on.ref}: {said.words}.", said.since, **said.fields)
    elif said.type not in _PRESSURES and said.status in ("True", "False"):
        yield from _problem(on, said)
    elif said.type not in _PRESSURES:
        yield on.info(NodeCode.CONDITION_UNKNOWN, f"{on.ref}: {said.words}.", said.since, **said.fields)


def _not_ready(on: Subject, said: Condition) -> Iterator[Finding]:
    if said.status == "True":
        return
    if said.status == "Unknown":
        text = f"{on.ref} stopped reporting: {said.words}."
        yield on.critical(NodeCode.UNREACHABLE, text, said.since, **said.fields)
        return
    why = next((code for code, pattern in _WHY if pattern.search(said.message)), NodeCode.NOT_READY)
    yield on.critical(why, f"{on.ref} is not ready: {said.words}.", said.since, **said.fields)


def _problem(on: Subject, said: Condition) -> Iterator[Finding]:
    """A condition that somebody else defined: the problem detector, a cloud, an add-on."""
    bad = "False" if _GOOD_WHEN_TRUE.search(said.type) else "True"
    if said.status != bad:
        return
    words = f"{said.type} {said.reason}"
    code = NodeCode.PROBLEM
    if _CLOCK.search(words):
        code = NodeCode.CLOCK
    elif _CONNTRACK.search(words):
        code = NodeCode.CONNTRACK
    yield on.warning(code, f"{on.ref}: {said.words}.", said.since, **said.fields)


def _closed(on: Subject) -> Iterator[Finding]:
    if dig(on.obj, "spec", "unschedulable"):
        text = f"{on.ref} is cordoned: no new pods are put there."
        yield on.info(NodeCode.CORDONED, text, unschedulable=True)
    for taint in items(on.obj, "spec", "taints"):
        key, effect = taint.get("key") or "", taint.get("effect") or ""
        spelled = f"{key}={taint.get('value')}:{effect}" if taint.get("value") else f"{key}:{effect}"
        since = moment(taint.get("timeAdded"))
        if key == _UNINITIALIZED:
            text = f"{on.ref} still waits for its cloud provider to set it up."
            yield on.warning(NodeCode.UNINITIALIZED, text, since, taint=spelled)
        elif effect in ("NoSchedule", "NoExecute") and not _EXPECTED_TAINTS.match(key):
            text = f"{on.ref} takes only pods that tolerate {spelled}."
            yield on.info(NodeCode.TAINTED, text, since, taint=spelled)


def _clock(on: Subject) -> Iterator[Finding]:
    """The kubelet stamps its heartbeats by the node's own clock."""
    beats = [moment(entry.get("lastHeartbeatTime")) for entry in items(on.obj, "status", "conditions")]
    latest = max((beat for beat in beats if beat), default=None)
    if latest and latest - on.snapshot.taken_at > AHEAD:
        seconds = int((latest - on.snapshot.taken_at).total_seconds())
        text = f"The clock of {on.ref} is {seconds} s ahead."
        yield on.warning(NodeCode.CLOCK, text, seconds_ahead=seconds, heartbeat=latest.isoformat())


def _devices(on: Subject) -> Iterator[Finding]:
    has, offers = dig(on.obj, "status", "capacity") or {}, dig(on.obj, "status", "allocatable") or {}
    for name, total in sorted(has.items()):
        if name in _NATIVE or name.startswith("hugepages-") or "/" not in name:
            continue
        usable = _number(offers.get(name, total))
        if usable < _number(total):
            text = f"{on.ref} offers {int(usable)} of its {total} {name}."
            yield on.warning(
                NodeCode.DEVICES, text, resource=name, capacity=total, allocatable=offers.get(name)
            )
    for mark, name in _GPU_MARKS.items():
        if labels_of(on.obj).get(mark) == "true" and _number(has.get(name, "0")) == 0:
            text = f"{on.ref} has a GPU and offers no {name}: its device plugin is missing or down."
            yield on.warning(NodeCode.NO_DEVICE_PLUGIN, text, resource=name, label=mark)


def _number(quantity: object) -> float:
    try:
        return amount(str(quantity))
    except QuantityError:
        return 0.0


def _crowd(snapshot: Snapshot) -> dict[str, int]:
    count: dict[str, int] = {}
    for pod in snapshot.objects("Pod"):
        place = dig(pod, "spec", "nodeName")
        if place and not is_finished(pod):
            count[place] = count.get(place, 0) + 1
    return count


def _room(on: Subject, pods: int) -> Iterator[Finding]:
    most = int(_number(dig(on.obj, "status", "allocatable", "pods") or 0))
    if not most or pods < most * _NEARLY_FULL:
        return
    tell = on.warning if pods >= most else on.info
    yield tell(NodeCode.FULL, f"{on.ref} runs {pods} of at most {most} pods.", pods=pods, allocatable=most)


def _events(on: Subject) -> Iterator[Finding]:
    """One finding a code, from the newest event that tells of it."""
    newest: dict[Coded, JsonObject] = {}
    for event in on.snapshot.events(on.ref):
        code = EVENTS.get(event.get("reason") or "")
        # A container that hit its own limit is no matter of the node.
        if code and _OWN_LIMIT not in (event.get("message") or ""):
            newest[code] = event
    for code, event in newest.items():
        count, message = event.get("count") or 1, event.get("message") or ""
        tell = on.info if code is NodeCode.REBOOTED else on.warning
        told: JsonObject = {"reason": event.get("reason"), "message": quotable(message), "count": count}
        text = f"{on.ref}: {event.get('reason')}: {message}"
        yield tell(code, text, moment(event.get("firstTimestamp")), **told)
