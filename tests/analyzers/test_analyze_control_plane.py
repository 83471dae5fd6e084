"""Leases that fell behind, and those that only belong to nobody any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.investigator.analyzers.control_plane import control_plane
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.judged import judged, said, thing
from tests.support.kube_objects import Json
from tools.kubernetes.inventory import Inventory


def lease(name: str, at: str = "02:09:00", namespace: str = "kube-system", seconds: int = 15) -> Json:
    renewed = f"2026-11-24T{at}.000000Z"
    spec = {"renewTime": renewed, "leaseDurationSeconds": seconds, "holderIdentity": "cp-1"}
    return thing("Lease", name, spec, namespace=namespace)


def node(ready: str = "True") -> Json:
    return thing("Node", "n1", namespace="", status={"conditions": [{"type": "Ready", "status": ready}]})


FRESH = lease("kube-controller-manager")
STOPPED = lease("n1", "02:00:00", "kube-node-lease", 40)
SICK = {
    "controlplane.leader_lost": (FRESH, lease("kube-scheduler", "02:00:00")),
    "node.heartbeat_stale": (FRESH, STOPPED, node()),
}
HEALTHY = {
    "all renewed": (FRESH, lease("kube-scheduler", "02:08:50"), node()),
    "all old, for the snapshot is": (
        lease("kube-scheduler", "00:00:00"),
        lease("kube-controller-manager", "00:00:05"),
    ),
    "a node that is known to be away": (FRESH, STOPPED, node("Unknown")),
    "a node that is gone": (FRESH, STOPPED),
    "the lease of somebody's operator": (FRESH, lease("some-operator", "00:00:00")),
    "a lease never taken": (FRESH, thing("Lease", "kube-scheduler", {}, namespace="kube-system")),
}


@pytest.mark.parametrize("code", SICK)
def test_a_lease_that_fell_behind_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(control_plane, *SICK[code])] == [code]


@pytest.mark.parametrize("case", HEALTHY)
def test_leases_that_are_renewed_or_nobodys_are_silent(case: str) -> None:
    assert judged(control_plane, *HEALTHY[case]) == []


def test_how_long_and_who_held_it_is_told() -> None:
    (finding,) = judged(control_plane, *SICK["controlplane.leader_lost"])
    assert (finding.fields["seconds"], finding.fields["holder"]) == (540, "cp-1")


def test_the_only_lease_there_is_is_compared_with_our_clock_in_a_look_of_now_and_in_no_other() -> None:
    inventory = Inventory.of_list({"kind": "List", "items": [lease("kube-scheduler", "02:00:00")]})
    soon, late = datetime(2026, 11, 24, 2, 10, 30, tzinfo=UTC), datetime(2026, 11, 24, 2, 12, tzinfo=UTC)
    old = Snapshot(inventory=inventory, taken_at=late)
    assert list(control_plane(old)) == []
    # Two clocks may differ by minutes.
    assert list(control_plane(replace(old, taken_at=soon, live=True))) == []
    assert [one.code for one in control_plane(replace(old, live=True))] == ["controlplane.leader_lost"]
