"""Where a probed address is answered for: found over the API server's real protocol, in all namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.incident import Alert, Incident, IncidentState
from agents.investigator.places_of_hosts import addresses, places_of
from agents.investigator.stages.triage import places_left_out
from evals.world.clock import RealClock
from evals.world.kubernetes.faults import Fault
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from tests.support.scenes import alert
from tests.support.world_cluster import START
from tools.kubernetes.client import Connection, connect


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KubernetesServer]:
    with KubernetesServer(Store(RealClock()), ServerOptions(state_dir=tmp_path)) as found:
        for namespace in ("shop", "old"):
            found.store.create("namespaces", {"metadata": {"name": namespace}})
        for namespace, host in (("shop", "shop.example"), ("old", "*.old.example")):
            backend = {"service": {"name": "web", "port": {"number": 80}}}
            path = {"path": "/", "pathType": "Prefix", "backend": backend}
            spec = {"rules": [{"host": host, "http": {"paths": [path]}}]}
            found.store.create(
                "ingresses", {"metadata": {"name": "front", "namespace": namespace}, "spec": spec}
            )
        yield found


@pytest.fixture
def cluster(server: KubernetesServer) -> Iterator[Connection]:
    found = connect(server.kubeconfig("reader"), "reader")
    yield found
    found.close()


def probe(**labels: str) -> list[Alert]:
    """The alert of a blackbox probe, whose namespace is the prober's."""
    return [alert("ProbeFailed", job="blackbox", namespace="monitoring", **labels)]


def incident_of(told: Alert) -> Incident:
    return Incident(
        number=1,
        cluster="demo",
        group_key="g",
        title="t",
        severity="critical",
        state=IncidentState.OPEN,
        phase="",
        opened_at=START,
        alerts=(told,),
    )


@pytest.mark.parametrize(
    ("instance", "places"),
    [
        ("https://shop.example/cart", ["shop"]),
        ("https://a.old.example", ["old"]),
        ("https://elsewhere.example", []),
        ("http://web.shop.svc.cluster.local:8080", ["shop"]),
    ],
)
def test_a_probed_address_leads_to_the_namespace_that_answers_for_it(
    cluster: Connection, instance: str, places: list[str]
) -> None:
    assert places_of(cluster, addresses(probe(instance=instance))) == places


@pytest.mark.parametrize(
    "labels",
    [
        {"instance": "10.0.0.7:9100"},
        {"instance": "kube-state-metrics:8080"},
        # Who names an object needs no address.
        {"instance": "https://shop.example", "service": "web"},
        {"instance": "https://shop.example", "pod": "web-1"},
    ],
)
def test_a_scrapes_own_address_and_what_stands_beside_a_name_is_not_looked_for(
    labels: dict[str, str],
) -> None:
    assert addresses(probe(**labels)) == ()


def test_a_server_that_does_not_let_us_look_everywhere_leads_nowhere(
    server: KubernetesServer, cluster: Connection
) -> None:
    server.faults.add(Fault(status=403, verb="list", times=2))
    assert places_of(cluster, addresses(probe(instance="https://shop.example"))) == []


def test_where_an_address_led_somewhere_it_is_not_said_that_only_nodes_were_looked_at() -> None:
    lost = incident_of(alert("ProbeFailed", instance="https://shop.example"))
    assert places_left_out(lost, []) == ["ProbeFailed names no namespace: only nodes were looked at for it"]
    assert places_left_out(lost, ["shop"]) == []
