"""What tests trust the pretend API server for: counted effects, faults on request, and its speed."""

from __future__ import annotations

import socket
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evals.world.clock import RealClock
from evals.world.kubernetes.faults import Fault
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from tests.support.kubernetes_world import MERGE_PATCH, config_map
from tests.support.patience import PATIENCE_S

_ONE = "/api/v1/namespaces/default/configmaps/one"
_BLUE = {"data": {"color": "blue"}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KubernetesServer]:
    store = Store(RealClock())
    store.create("configmaps", config_map("one"))
    with KubernetesServer(store, ServerOptions(state_dir=tmp_path)) as found:
        yield found


@pytest.fixture
def http(server: KubernetesServer) -> Iterator[httpx.Client]:
    token = server.user("admin").token
    with httpx.Client(
        base_url=server.url,
        verify=ssl.create_default_context(cafile=str(server.ca_file)),
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=PATIENCE_S,
    ) as found:
        yield found


def paint(http: httpx.Client, **params: str) -> httpx.Response:
    return http.patch(_ONE, json=_BLUE, headers={"Content-Type": MERGE_PATCH}, params=params)


def color(server: KubernetesServer) -> str:
    return str(server.store.get("configmaps", "default", "one")["data"]["color"])


def count(server: KubernetesServer) -> int:
    return server.effects.count("admin", "configmaps", "default", "one")


def test_an_effect_is_a_committed_change_and_nothing_else(
    server: KubernetesServer, http: httpx.Client
) -> None:
    paint(http, dryRun="All")
    assert count(server) == 0
    assert paint(http).status_code == 200
    assert paint(http).status_code == 200
    (effect,) = server.effects.all()
    assert (effect.verb, effect.body, count(server)) == ("patch", _BLUE, 1)


def test_a_request_can_be_refused_before_it_acts(server: KubernetesServer, http: httpx.Client) -> None:
    server.faults.add(Fault(user="admin", verb="patch", resource="configmaps", status=503))
    assert paint(http).status_code == 503
    assert (color(server), count(server)) == ("red", 0)
    assert paint(http).status_code == 200


def test_a_gateway_timeout_can_hide_a_change_that_happened(
    server: KubernetesServer, http: httpx.Client
) -> None:
    server.faults.add(Fault(verb="patch", status=504, after_commit=True))
    assert paint(http).json()["reason"] == "Timeout"
    assert (color(server), count(server)) == ("blue", 1)


@pytest.mark.parametrize(("when", "after"), [("before", "red"), ("after", "blue")])
def test_a_connection_can_be_cut_before_or_after_the_commit(
    server: KubernetesServer, http: httpx.Client, when: str, after: str
) -> None:
    server.faults.add(Fault(verb="patch", reset="before" if when == "before" else "after"))
    with pytest.raises(httpx.TransportError):
        paint(http)
    assert color(server) == after


def test_a_slow_answer_still_acts_when_the_client_has_gone(
    server: KubernetesServer, http: httpx.Client
) -> None:
    server.faults.add(Fault(verb="patch", delay=0.1))
    with pytest.raises(httpx.ReadTimeout):
        http.patch(_ONE, json=_BLUE, headers={"Content-Type": MERGE_PATCH}, timeout=0.03)
    deadline = time.monotonic() + 5
    while color(server) != "blue" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (color(server), count(server)) == ("blue", 1)


def test_a_fault_can_spare_dry_runs_and_lasts_as_often_as_said(
    server: KubernetesServer, http: httpx.Client
) -> None:
    server.faults.add(Fault(verb="patch", dry_run=False, status=429, times=2))
    assert paint(http, dryRun="All").status_code == 200
    refused = paint(http)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert [paint(http).status_code for _ in range(2)] == [429, 200]


def test_other_processes_reach_effects_and_faults_over_http(
    server: KubernetesServer, http: httpx.Client
) -> None:
    made = http.post("/__world__/faults", json={"verb": "patch", "status": 500})
    assert made.json()["faults"][0]["status"] == 500
    assert http.post("/__world__/faults", json={"verbs": "patch"}).status_code == 400
    assert paint(http).status_code == 500
    paint(http)
    assert http.get("/__world__/effects").json()["effects"][0]["name"] == "one"
    reader = {"Authorization": f"Bearer {server.user('reader').token}"}
    assert http.get("/__world__/effects", headers=reader).status_code == 403


def test_a_kubeconfig_is_for_its_owner_only(server: KubernetesServer) -> None:
    assert stat.S_IMODE(server.kubeconfig("actor").stat().st_mode) == 0o600


def test_a_server_that_stops_ends_its_watches_and_frees_its_port(
    server: KubernetesServer, http: httpx.Client
) -> None:
    params = {"watch": "true", "resourceVersion": "1"}
    with http.stream("GET", "/api/v1/namespaces/default/configmaps", params=params) as watch:
        lines = watch.iter_lines()
        assert '"ADDED"' in next(lines)
        server.stop()
        with pytest.raises((httpx.TransportError, StopIteration)):
            next(lines)
    server.store.create("configmaps", config_map("two"))
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(server.url.rpartition(":")[2])))


def test_a_protobuf_body_is_refused_in_words(http: httpx.Client) -> None:
    reply = http.post(
        "/api/v1/namespaces/default/configmaps",
        content=b"k8s\x00\x0a\x00",
        headers={"Content-Type": "application/vnd.kubernetes.protobuf"},
    )
    assert (reply.status_code, reply.json()["reason"]) == (415, "UnsupportedMediaType")


def test_a_thousand_pods_are_listed_whole(server: KubernetesServer, http: httpx.Client) -> None:
    container = {"name": "main", "image": "web:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    for number in range(1000):
        server.store.create("pods", {"metadata": {"name": f"p{number}"}, "spec": {"containers": [container]}})
    listed = http.get("/api/v1/pods").json()
    assert {pod["metadata"]["name"] for pod in listed["items"]} == {f"p{number}" for number in range(1000)}
    assert "continue" not in listed["metadata"]
