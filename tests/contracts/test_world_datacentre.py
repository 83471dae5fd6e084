"""The assembled data centre over its real protocols, and as a process of its own."""

from __future__ import annotations

import json
import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes import client, config

from evals.world.datacentre import DataCentre
from tests.support.datacentre import TOKEN, Receiver, data_centre, wait_until, world_process
from tests.support.patience import PATIENCE_S


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Hands:
    """The official client with one user's kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.api = config.new_client_from_config(kubeconfig)
        self.apps = client.AppsV1Api(self.api)
        self.core = client.CoreV1Api(self.api)

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.rest_client.pool_manager.clear()
        self.api.close()


def hands(addresses: dict[str, Any], user: str) -> Hands:
    return Hands(addresses["kubernetes"]["kubeconfigs"][user])


def repair(centre: DataCentre, kind: str, name: str, operations: list[dict[str, Any]]) -> None:
    """Send a JSON Patch over HTTPS as a person with every right."""
    with hands(centre.addresses(), "admin") as person:
        patch = {
            "Deployment": person.apps.patch_namespaced_deployment,
            "Service": person.core.patch_namespaced_service,
        }[kind]
        patch(name, "shop", operations, _request_timeout=PATIENCE_S)


IMAGE = "/spec/template/spec/containers/0/image"
MEMORY = "/spec/template/spec/containers/0/resources/limits/memory"
REPAIRS: dict[str, tuple[str, str, str, Any]] = {
    "bad-image": ("Deployment", "checkout", IMAGE, "registry.shop.example/shop/checkout:2.8.1"),
    "oom": ("Deployment", "cart", MEMORY, "256Mi"),
    "scaled-to-zero": ("Deployment", "catalog", "/spec/replicas", 2),
    "selector-mismatch": ("Service", "checkout", "/spec/selector/app", "checkout"),
}


@pytest.mark.parametrize("name", sorted(REPAIRS))
def test_a_fault_raises_its_alert_and_a_repair_over_the_api_resolves_it(
    name: str, tmp_path: Path, receiver: Receiver
) -> None:
    kind, target, path, value = REPAIRS[name]
    with data_centre(name, tmp_path, receiver.url) as centre:
        assert centre.state()["oracle"]["met"]
        centre.break_it()
        wait_until(lambda: receiver.statuses() == ["firing"])
        assert receiver.headers[0]["Authorization"] == f"Bearer {TOKEN}"
        alert = receiver.bodies[0]["alerts"][0]
        assert alert["labels"]["alertname"] == centre.scenario.alert.name
        assert alert["labels"]["namespace"] == "shop"
        assert not centre.state()["oracle"]["met"]
        repair(centre, kind, target, [{"op": "replace", "path": path, "value": value}])
        wait_until(lambda: centre.state()["oracle"]["met"])
        wait_until(lambda: receiver.statuses()[-1] == "resolved")
        effects = [(one.resource, one.name) for one in centre.kubernetes.effects.all()]
    assert effects == [(kind.lower() + "s", target)]


def test_the_watchdog_fires_and_everything_is_well(tmp_path: Path, receiver: Receiver) -> None:
    with data_centre("watchdog", tmp_path, receiver.url) as centre:
        centre.break_it()
        wait_until(lambda: receiver.statuses() == ["firing"])
        assert receiver.bodies[0]["groupLabels"] == {"alertname": "Watchdog"}
        assert centre.state()["oracle"]["met"]


def test_what_the_official_client_reads_is_complete(tmp_path: Path) -> None:
    with data_centre("bad-image", tmp_path) as centre:
        centre.break_it()
        wait_until(lambda: centre.state()["endpoints"]["shop/checkout"] == 2)
        with hands(centre.addresses(), "reader") as reader:

            def checkout() -> list[client.V1Pod]:
                found: list[client.V1Pod] = reader.core.list_namespaced_pod(
                    "shop", label_selector="app=checkout"
                ).items
                return found

            wait_until(
                lambda: len(checkout()) == 4 and all(pod.status.container_statuses for pod in checkout())
            )
            pods = checkout()
            ready = next(pod for pod in pods if all(one.ready for one in pod.status.container_statuses))
            log = reader.core.read_namespaced_pod_log(ready.metadata.name, "shop", tail_lines=20)
            nodes = reader.core.list_node().items
            wait_until(
                lambda: any(
                    "not found" in (event.message or "")
                    for event in reader.core.list_namespaced_event("shop").items
                )
            )
            sets = reader.apps.list_namespaced_replica_set("shop", label_selector="app=checkout").items
            deployment = reader.apps.read_namespaced_deployment("checkout", "shop")
    assert len(pods) == 4
    assert '"msg":"listening"' in log or '"msg":"order placed"' in log
    assert [node.metadata.name for node in nodes] == ["worker-1", "worker-2", "worker-3"]
    revisions = {one.metadata.annotations["deployment.kubernetes.io/revision"] for one in sets}
    assert revisions == {"1", "2", "3", "4"}
    assert deployment.metadata.annotations["deployment.kubernetes.io/revision"] == "4"


def test_metrics_know_a_calm_past_and_the_fault(tmp_path: Path) -> None:
    with (
        data_centre("selector-mismatch", tmp_path) as centre,
        httpx.Client(trust_env=False, timeout=PATIENCE_S) as web,
    ):
        base = centre.addresses()["prometheus"]["url"]
        before = {"query": 'probe_success{service="checkout"} offset 20m'}
        (calm,) = web.get(f"{base}/api/v1/query", params=before).json()["data"]["result"]
        assert calm["value"][1] == "1"
        centre.break_it()
        now = {"query": 'probe_success{service="checkout"}'}

        def probed() -> str:
            (found,) = web.get(f"{base}/api/v1/query", params=now).json()["data"]["result"]
            return str(found["value"][1])

        wait_until(lambda: probed() == "0")


def test_it_stops_without_leaving_a_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with data_centre("watchdog", tmp_path) as centre:
        centre.break_it()
        assert set(threading.enumerate()) > before
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_data_centre_breaks_once(tmp_path: Path) -> None:
    with data_centre("watchdog", tmp_path) as centre:
        url = centre.addresses()["control"]["url"]
        with httpx.Client(trust_env=False, timeout=PATIENCE_S) as web:
            assert web.get(f"{url}/control/state").json()["broken"] is False
            assert web.post(f"{url}/control/break").json() == {"broken": True}
            assert web.post(f"{url}/control/break").status_code == 409
            assert web.get(f"{url}/control/state").json()["broken"] is True


def test_the_process_prints_one_line_of_addresses_and_ends_on_a_signal(tmp_path: Path) -> None:
    with (
        world_process("bad-image", tmp_path) as world,
        httpx.Client(trust_env=False, timeout=PATIENCE_S) as web,
    ):
        addresses = world.addresses
        for part in ("kubernetes", "prometheus", "alertmanager", "slack", "model", "control"):
            assert addresses[part]
        for path in addresses["kubernetes"]["kubeconfigs"].values():
            assert Path(path).stat().st_mode & 0o077 == 0
        control = addresses["control"]["url"]
        assert web.get(f"{control}/control/addresses").json() == addresses
        world.say("break")
        wait_until(lambda: web.get(f"{control}/control/state").json()["broken"])
        world.process.send_signal(signal.SIGTERM)
        assert world.process.wait(PATIENCE_S) == 0
        assert world.process.stdout is not None
        assert world.process.stdout.read() == ""


def test_the_process_ends_with_its_standard_input(tmp_path: Path) -> None:
    with world_process("watchdog", tmp_path, "--break-now") as world:
        assert json.dumps(world.addresses)
        assert world.process.stdin is not None
        world.process.stdin.close()
        assert world.process.wait(PATIENCE_S) == 0
