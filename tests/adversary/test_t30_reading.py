"""What a look costs the API server, by what is asked of it and what it answers (threat T30)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

import pytest

from evals.world.clock import RealClock
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from tests.support.kubernetes_world import config_map
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.kinds import READABLE, Depth
from tools.kubernetes.logs import LOG_BYTES, TAIL_LINES, read_log
from tools.kubernetes.pace import Pace
from tools.kubernetes.reading import PAGE, read_inventory

MANY = 1_100


class Endless:
    """A container that printed half a million lines, some of them very long."""

    def read(self, namespace: str, pod: str, container: str, previous: bool) -> str:
        del namespace, pod, container, previous
        return "".join(f"line {n} {'x' * (5_000 if n % 7 == 0 else 10)}\n" for n in range(20_000))


@dataclass(frozen=True, kw_only=True)
class Counted(Connection):
    """A real connection that keeps what it asked and how much came back."""

    asked: list[tuple[Request, int]] = field(default_factory=list)

    def send_raw(self, request: Request) -> bytes:
        body = super().send_raw(request)
        self.asked.append((request, len(body)))
        return body


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    store = Store(RealClock())
    for n in range(MANY):
        store.create("configmaps", config_map(f"many-{n}"))
    spec = {"nodeName": "n1", "containers": [{"name": "web", "image": "web:1"}]}
    store.create("pods", {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    options = ServerOptions(state_dir=tmp_path_factory.mktemp("kube"), logs=Endless())
    with KubernetesServer(store, options) as server:
        made = connect(server.kubeconfig("admin"), "reader")
        counted = Counted(**{one.name: getattr(made, one.name) for one in fields(made)})
        yield counted
        counted.close()


@pytest.fixture(scope="module")
def look(cluster: Counted) -> Inventory:
    return read_inventory(cluster, "default")


def query(request: Request) -> dict[str, str]:
    return dict(request.query)


def test_t30_every_list_is_asked_in_pages_and_from_the_cache(cluster: Counted, look: Inventory) -> None:
    lists = [request for request, _ in cluster.asked if "limit" in query(request)]
    assert lists, look.queries
    for request in lists:
        asked = query(request)
        assert request.method == "GET"
        assert int(asked["limit"]) == PAGE <= 500
        assert asked.get("continue") or asked["resourceVersion"] == "0"
        assert not asked.keys() & {"watch", "follow", "allowWatchBookmarks"}
    pages = [request for request in lists if request.path.endswith("/configmaps")]
    assert len(pages) == -(-MANY // PAGE)
    assert len(look.by_kind["ConfigMap"]) == MANY


def test_t30_a_look_asks_for_each_kind_once_and_for_nothing_without_a_limit(
    cluster: Counted, look: Inventory
) -> None:
    paths = [request.path for request, _ in cluster.asked if not request.path.endswith("/log")]
    first = [request.path for request, _ in cluster.asked if query(request).get("resourceVersion") == "0"]
    due = [kind for kind in READABLE if kind.depth <= Depth.INCIDENT and not kind.addon]
    assert len(first) == len(set(first)) == len(due)
    assert {*paths} == {*first, "/apis"}, "what is not installed is not asked for"
    assert paths.count("/apis") == 1
    assert {each.path for each in look.queries} == {*paths}
    assert all(urlsplit(path).path == path for path in paths), "and never across namespaces"
    assert cluster.agent.startswith("midwatch-reader/"), "the server's operator can tell who asks"


def test_t30_of_a_log_without_end_the_last_lines_are_read_within_a_cap(cluster: Counted) -> None:
    before = len(cluster.asked)
    log = read_log(cluster, ("default", "web"), "web", previous=False)
    assert log.ok, log.text
    assert len(log.text) <= LOG_BYTES <= 256 * 1024
    assert "line 19999" in log.text
    for request, size in cluster.asked[before:]:
        asked = query(request)
        assert int(asked["tailLines"]) <= TAIL_LINES <= 500
        assert int(asked["limitBytes"]) <= 256 * 1024
        assert size <= 256 * 1024
        assert "follow" not in asked
    assert len(cluster.asked) - before <= 4


def test_t30_a_storm_of_reads_goes_at_its_pace() -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(clock=lambda: now[0], sleep=sleep)
    for _ in range(1_100):
        pace.wait()
    assert now[0] >= 1_000 / pace.per_second * 0.99
    assert pace.per_second <= 25
    assert pace.burst <= 100
