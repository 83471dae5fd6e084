"""One cluster for the Kubernetes contracts: the pretend one, or the one MIDWATCH_CONTRACT_KUBECONFIG names.

The pretend one runs with its controllers and kubelet, in real time but hurried, so that tests meet the same
moving objects as on a real cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes import client, config

from evals.world.clock import RealClock, rfc3339
from evals.world.kubernetes.controllers.manager import ControllerManager
from evals.world.kubernetes.controllers.nodes import registered
from evals.world.kubernetes.kubelet.images import ImageBehaviour, Library, LogLine
from evals.world.kubernetes.kubelet.kubelet import Kubelet, KubeletOptions
from evals.world.kubernetes.rbac import User
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.users import standard_users
from tests.support.patience import PATIENCE_S

Json = dict[str, Any]
OLD, NEW = "registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.10"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_REAL = "MIDWATCH_CONTRACT_KUBECONFIG"
_SPEED = 20.0


@dataclass
class Reply:
    """A raw answer of the API."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def message(self) -> str:
        return str(self.body["message"])


class ContractCluster:
    """A cluster under contract. `world` is None when it is a real one."""

    def __init__(self, kubeconfig: Path, world: KubernetesServer | None, accounts: Path) -> None:
        self.kubeconfig = kubeconfig
        self.world = world
        # Where tests put the kubeconfigs of the accounts that they made in a real cluster.
        self.accounts = accounts
        self._http: dict[Path, httpx.Client] = {}
        self._clients: list[client.ApiClient] = []

    def config_of(self, user: str) -> Path:
        if user == "admin":
            return self.kubeconfig
        if self.world is None:
            own = self.accounts / f"{user}.kubeconfig"
            if not own.exists():
                pytest.skip(f"a real cluster has no user {user}")
            return own
        return self.world.kubeconfig(user)

    def api(self, user: str = "admin") -> client.ApiClient:
        """The official client; closed with the cluster."""
        settings = client.Configuration()
        config.load_kube_config(str(self.config_of(user)), client_configuration=settings)
        settings.retries = 0
        made = client.ApiClient(settings)
        self._clients.append(made)
        return made

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """One raw request; a watch is answered with its lines.

        Keywords: `user`, `type` (of the body), `params`, `accept`.
        """
        headers = {"Accept": more.get("accept", "application/json")}
        content = None
        if body is not None:
            headers["Content-Type"] = more.get("type", "application/json")
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        http = self._connection(self.config_of(more.get("user", "admin")))
        answer = http.request(method, path, content=content, headers=headers, params=more.get("params"))
        if "watch" in (more.get("params") or {}):
            return Reply(
                answer.status_code, [json.loads(line) for line in answer.text.splitlines()], answer.headers
            )
        is_json = answer.headers["content-type"].startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else answer.text, answer.headers)

    def kubectl(self, *words: str, user: str = "admin", stdin: str = "") -> str:
        """What kubectl prints; its failure is the test's."""
        done = self.try_kubectl(*words, user=user, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_kubectl(
        self, *words: str, user: str = "admin", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        path = self.config_of(user)
        environment = {"PATH": os.environ["PATH"], "HOME": str(path.parent), "KUBECONFIG": str(path)}
        return subprocess.run(
            ["kubectl", *words],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=PATIENCE_S,
            check=False,
            env=environment,
        )

    def namespace(self) -> str:
        """A fresh namespace."""
        name = f"contract-{uuid.uuid4().hex[:8]}"
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def forget(self, namespace: str) -> None:
        """Delete a namespace of a real cluster; the pretend one is thrown away as a whole."""
        if self.world is None:
            self.call("DELETE", f"/api/v1/namespaces/{namespace}")

    def close(self) -> None:
        for each in self._http.values():
            each.close()
        for api in self._clients:
            api.close()

    def _connection(self, kubeconfig: Path) -> httpx.Client:
        if kubeconfig not in self._http:
            found = client.Configuration()
            config.load_kube_config(str(kubeconfig), client_configuration=found)
            context = ssl.create_default_context(cafile=found.ssl_ca_cert)
            if found.cert_file:
                context.load_cert_chain(found.cert_file, found.key_file)
            token = next(iter(found.api_key.values()), None)
            headers = {"Authorization": token} if token else {}
            self._http[kubeconfig] = httpx.Client(
                base_url=found.host, verify=context, headers=headers, trust_env=False, timeout=PATIENCE_S
            )
        return self._http[kubeconfig]


def need_world(cluster: ContractCluster, why: str) -> KubernetesServer:
    """The pretend server, or a skip with the reason why a real cluster cannot take this test."""
    if cluster.world is None:
        pytest.skip(why)
    return cluster.world


@contextlib.contextmanager
def contract_cluster(
    directory: Path, users: tuple[User, ...] = (), applied: tuple[Path, ...] = ()
) -> Iterator[ContractCluster]:
    """The cluster the environment asks for, up for the duration of the block.

    ``users`` of the pretend one, if not the standard ones, and manifests that were ``applied`` to it.
    """
    if named := os.environ.get(_REAL):
        cluster = ContractCluster(Path(named), None, directory)
        try:
            yield cluster
        finally:
            cluster.close()
        return
    with _pretend(directory, users or standard_users(), applied) as server:
        cluster = ContractCluster(server.kubeconfig("admin"), server, directory)
        try:
            yield cluster
        finally:
            cluster.close()


@contextlib.contextmanager
def _pretend(
    directory: Path, users: tuple[User, ...], applied: tuple[Path, ...]
) -> Iterator[KubernetesServer]:
    store = Store(RealClock())
    talks = ImageBehaviour(
        image="talks:*",
        logs=(LogLine(text="one"), LogLine(text="two", at=0.1), LogLine(text="three", at=0.2)),
    )
    quiet = ImageBehaviour(image="registry.k8s.io/pause:*")
    kubelet = Kubelet(store, Library(behaviours=(quiet, talks), registries={}), KubeletOptions(speed=_SPEED))
    manager = ControllerManager(store, kubelet.tick, _SPEED)
    capacity = {"cpu": "8", "memory": "16Gi", "pods": "250"}
    for name in ("worker-1", "worker-2"):
        labels = {"kubernetes.io/hostname": name}
        node = {
            "metadata": {"name": name, "labels": labels},
            "status": {"capacity": capacity, "allocatable": capacity},
        }
        store.create("nodes", registered(node, rfc3339(store.clock.now())))
    stopped = threading.Event()

    def live() -> None:
        while not stopped.wait(0.02):
            manager.tick()

    life = threading.Thread(target=live, daemon=True)
    options = ServerOptions(
        state_dir=directory, logs=kubelet, bookmark_seconds=0.2, users=users, applied=applied
    )
    server = KubernetesServer(store, options)
    with server:
        life.start()
        yield server
        stopped.set()
        life.join(PATIENCE_S)


def deployment(name: str, **spec: Any) -> Json:
    """A Deployment without pods unless `replicas` says otherwise; `labels` go on template and selector."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": OLD,
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def config_map(name: str, **more: Any) -> Json:
    """A ConfigMap; keywords go into its metadata."""
    return {"metadata": {"name": name, **more}, "data": {"color": "red"}}


def eventually(condition: Callable[[], Any]) -> Any:
    """The first true value of a condition; fails when it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
