"""One look at a cluster: every kind there is, nothing asked for twice, and no gap taken for emptiness."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import Snapshot
from evals.world.clock import RealClock
from evals.world.kubernetes.faults import Fault
from evals.world.kubernetes.kinds import KINDS
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from tests.support.definitions import definition
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.discovery import UnknownVersion, served
from tools.kubernetes.inventory import WITHHELD, Inventory
from tools.kubernetes.kinds import READABLE, Depth
from tools.kubernetes.reading import AT_ONCE, SILENCES, read_everything, read_inventory
from tools.kubernetes.recent import Recent

ADDONS = [kind.kind for kind in READABLE if kind.addon]
ROW = {row.kind: row for row in KINDS.values()}


@dataclass(frozen=True, kw_only=True)
class Counted(Connection):
    """A real connection that keeps what it asked; ``old`` asks as a client from before aggregation."""

    asked: list[str] = field(default_factory=list)
    old: bool = False

    def send_raw(self, request: Request) -> bytes:
        self.asked.append(request.path)
        return super().send_raw(replace(request, accept="application/json") if self.old else request)


@dataclass(frozen=True, kw_only=True)
class Noted(Inventory):
    """An empty inventory that keeps which kinds it was asked for."""

    kinds: set[str] = field(default_factory=set)

    def objects(self, kind: str) -> tuple[dict[str, object], ...]:
        self.kinds.add(kind)
        return super().objects(kind)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KubernetesServer]:
    with KubernetesServer(Store(RealClock()), ServerOptions(state_dir=tmp_path)) as found:
        found.store.create("namespaces", {"metadata": {"name": "shop"}})
        yield found


@pytest.fixture
def cluster(server: KubernetesServer) -> Iterator[Counted]:
    found = counted(server, "reader")
    yield found
    found.close()


def counted(server: KubernetesServer, user: str, **more: object) -> Counted:
    made = connect(server.kubeconfig(user), "reader")
    known = {one.name: getattr(made, one.name) for one in fields(made)}
    return Counted(**(known | more))


def define(server: KubernetesServer, *kinds: str) -> None:
    for kind in kinds:
        server.store.create("customresourcedefinitions", definition(kind))


def place(server: KubernetesServer, kind: str, namespace: str = "shop") -> None:
    meta = {"name": "one", **({"namespace": namespace} if ROW[kind].namespaced else {})}
    server.store.create(ROW[kind].resource, {"metadata": meta})


def test_every_kind_that_an_analyzer_looks_at_is_read() -> None:
    noted = Noted()
    analyze(Snapshot(inventory=noted, taken_at=datetime.now(UTC)))
    # Their slices say the same; both are found in a saved list.
    assert noted.kinds - {"Endpoints"} == {*noted.kinds} & {kind.kind for kind in READABLE}
    assert len(noted.kinds) > 40


@pytest.mark.parametrize("depth", Depth)
def test_a_look_with_the_readers_rights_leaves_nothing_unchecked(
    server: KubernetesServer, cluster: Counted, depth: Depth
) -> None:
    define(server, *ADDONS)
    look = read_inventory(cluster, "shop", depth)
    due = {kind.kind for kind in READABLE if kind.depth <= depth}
    assert {query.kind for query in look.queries} == due
    assert look.not_checked == ()
    assert {query.kind for query in look.queries if not query.ok} == due & WITHHELD
    assert all(look.looked_at(kind, "shop") for kind in due - WITHHELD - {"Lease"})


def test_addons_are_found_in_the_namespace_and_in_the_cluster(
    server: KubernetesServer, cluster: Counted
) -> None:
    define(server, *ADDONS)
    for kind in ADDONS:
        place(server, kind)
    look = read_inventory(cluster, "shop", Depth.WHOLE)
    assert {kind: len(look.objects(kind)) for kind in ADDONS} == dict.fromkeys(ADDONS, 1)
    every = read_everything(cluster)
    assert {kind: len(every.objects(kind)) for kind in ADDONS} == dict.fromkeys(ADDONS, 1)


@pytest.mark.parametrize("old", [False, True])
def test_what_is_not_installed_is_none_there_and_is_not_asked_for(
    server: KubernetesServer, old: bool
) -> None:
    define(server, "Gateway", "TLSRoute")
    place(server, "TLSRoute")
    cluster = counted(server, "reader", old=old)
    look = read_inventory(cluster, "shop")
    assert look.not_checked == ()
    assert len(look.objects("TLSRoute")) == 1, "in the version in which it is served"
    for kind in ("ScaledObject", "Gateway", "HTTPRoute"):
        assert look.looked_at(kind, "shop")
        assert look.objects(kind) == ()
    asked = [path for path in cluster.asked if "/apis/keda.sh" in path or path.endswith("/httproutes")]
    # Told by its group alone, the kind itself has to be asked for.
    assert asked == (["/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"] if old else [])
    cluster.close()


def test_a_version_that_is_not_known_here_is_not_checked(server: KubernetesServer, cluster: Counted) -> None:
    define(server, "ScaledObject")
    future = replace(next(kind for kind in READABLE if kind.kind == "ScaledObject"), versions=("v9",))
    with pytest.raises(UnknownVersion, match="served as v1alpha1, which is not known here"):
        served(cluster).versions(future)


def test_a_discovery_that_fails_is_not_checked_once(server: KubernetesServer, cluster: Counted) -> None:
    look = read_inventory(replace(cluster, server="https://127.0.0.1:1", recent=Recent()), "shop")
    told = [gap for gap in look.not_checked if gap.startswith("APIGroup")]
    assert len(told) == 1
    assert not look.looked_at("Gateway", "shop"), "not known to be absent"


def test_a_refused_kind_is_not_checked_and_a_withheld_one_is_told_apart(
    server: KubernetesServer, cluster: Counted
) -> None:
    reader = server.user("reader").name
    server.faults.add(Fault(user=reader, resource="limitranges", status=403, times=None))
    look = read_inventory(cluster, "shop")
    assert [gap.partition(":")[0] for gap in look.not_checked] == ["LimitRange in shop"]
    assert look.left_out == ("Secret: the reader's account may not list them",)
    assert look.withheld("Secret", "shop")
    assert not look.looked_at("Secret", "shop")


def test_a_read_of_secrets_that_fails_otherwise_is_not_checked(server: KubernetesServer) -> None:
    server.faults.add(Fault(resource="secrets", status=503, times=None))
    cluster = counted(server, "admin")
    look = read_inventory(cluster, "shop")
    assert [gap.partition(":")[0] for gap in look.not_checked] == ["Secret in shop"], "that is no refusal"
    assert look.left_out == ()
    cluster.close()


def test_who_may_list_secrets_reads_their_names_and_never_a_value(server: KubernetesServer) -> None:
    body = {"metadata": {"name": "one", "namespace": "shop"}, "stringData": {"password": "hunter2"}}
    server.store.create("secrets", body)
    cluster = counted(server, "admin")
    look = read_inventory(cluster, "shop")
    (secret,) = look.objects("Secret")
    assert secret["metadata"]["name"] == "one"
    assert "hunter2" not in str(secret)
    assert "data" not in secret
    cluster.close()


def test_what_every_namespace_shares_is_asked_once_for_the_looks_of_a_moment(
    server: KubernetesServer, cluster: Counted
) -> None:
    with ThreadPoolExecutor(3) as pool:
        looks = list(pool.map(lambda name: read_inventory(cluster, name), ("shop", "default", "kube-public")))
    shared = [kind.path(kind.place) for kind in READABLE if kind.shared and kind.depth <= Depth.INCIDENT]
    own = [path for path in shared if path in cluster.asked]
    assert own
    assert {path: cluster.asked.count(path) for path in ("/apis", *own)} == dict.fromkeys(("/apis", *own), 1)
    assert cluster.asked.count("/api/v1/nodes") == 3, "what changes by itself is looked at each time"
    assert all(look.looked_at("StorageClass", "") for look in looks)


def test_a_server_that_hangs_costs_a_few_timeouts_and_not_one_for_each_kind(
    server: KubernetesServer, cluster: Counted
) -> None:
    server.faults.add(Fault(verb="list", delay=30.0, times=None))
    look = read_inventory(replace(cluster, timeout_s=0.3), "shop", Depth.STATE)
    assert look.silent
    assert len(cluster.asked) <= SILENCES + AT_ONCE
    assert {query.kind for query in look.queries if query.ok} == set()
    server.faults.clear()


def test_leases_are_read_where_the_control_plane_keeps_them(
    server: KubernetesServer, cluster: Counted
) -> None:
    for namespace in ("kube-system", "kube-node-lease", "shop"):
        place(server, "Lease", namespace)
    near, far = (read_inventory(cluster, "shop", depth) for depth in (Depth.INCIDENT, Depth.WHOLE))
    assert [one["metadata"]["namespace"] for one in near.objects("Lease")] == ["kube-system"]
    assert {one["metadata"]["namespace"] for one in far.objects("Lease")} == {
        "kube-system",
        "kube-node-lease",
    }
