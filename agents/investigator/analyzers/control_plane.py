"""Leases that are no longer renewed: of the parts of the control plane, and of kubelets.

Source: LeaseSpec (coordination/v1). A lease is compared with the newest one that was read: clocks differ, and
a snapshot may be a day old. Of a look that is made now our clock counts too, beyond what clocks differ by: a
control plane of one part has no other lease to be compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import condition, dig, moment, name_of, namespace_of
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_LEADERS = frozenset(("kube-scheduler", "kube-controller-manager", "cloud-controller-manager"))
_LEADERS_PLACE, _NODES_PLACE = "kube-system", "kube-node-lease"
_DEFAULT_SECONDS = 15
MISSED = 4
"""Lease durations without a renewal after which its holder counts as gone; one or two are a slow server."""
DRIFT = timedelta(minutes=10)
"""No two clocks of a cluster that works differ by that much: its certificates and tokens would fail."""


class ControlPlaneCode(Coded):
    """What leases tell."""

    LEADER_LOST = (
        "controlplane.leader_lost",
        "A part of the control plane no longer renews its lease: scheduling or reconciling stands still.",
        "spec.renewTime of the leases in kube-system, against the newest lease that was read",
    )
    HEARTBEAT = (
        "node.heartbeat_stale",
        "A node counts as ready, but its kubelet has stopped renewing its lease.",
        "spec.renewTime of the leases in kube-node-lease, the condition Ready of the node",
    )


def control_plane(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for leases that fell behind the others."""
    beats = [(lease, _renewed(lease)) for lease in snapshot.objects("Lease")]
    times = [at for _, at in beats if at]
    now = [snapshot.taken_at - DRIFT] if snapshot.live and times else []
    newest = max((*times, *now), default=None)
    for lease, at in beats:
        if newest and at and newest - at > MISSED * _duration(lease):
            yield from _stale(snapshot, lease, (at, newest))


def _renewed(lease: JsonObject) -> datetime | None:
    return moment(dig(lease, "spec", "renewTime"))


def _duration(lease: JsonObject) -> timedelta:
    return timedelta(seconds=dig(lease, "spec", "leaseDurationSeconds") or _DEFAULT_SECONDS)


def _stale(snapshot: Snapshot, lease: JsonObject, times: tuple[datetime, datetime]) -> Iterator[Finding]:
    since, newest = times
    seconds = int((newest - since).total_seconds())
    told: JsonObject = {"seconds": seconds, "renewed": since.isoformat()}
    if namespace_of(lease) == _LEADERS_PLACE and name_of(lease) in _LEADERS:
        on = Subject(snapshot=snapshot, obj=lease)
        holder = dig(lease, "spec", "holderIdentity")
        text = f"{name_of(lease)} has not renewed its lease for {seconds} s."
        yield on.critical(ControlPlaneCode.LEADER_LOST, text, since, holder=holder, **told)
    node = snapshot.find("Node", "", name_of(lease)) if namespace_of(lease) == _NODES_PLACE else None
    # Once the node counts as away, that is told by its condition.
    if node is not None and condition(node, "Ready").get("status") == "True":
        on = Subject(snapshot=snapshot, obj=node, also=("Lease",))
        text = f"The kubelet of {on.ref} has not renewed its lease for {seconds} s."
        yield on.warning(ControlPlaneCode.HEARTBEAT, text, since, **told)
