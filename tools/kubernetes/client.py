"""One connection to one API server with one explicit credential, on the official client.

Raw JSON in and out: the client's typed models drop unknown fields, and one malformed pod would
fail a whole list. Retries and redirects are off and every call has a timeout, because whoever
calls must know whether something was sent once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes import client as official
from kubernetes import config as official_config

from tools.kubernetes.errors import Interrupted, KubernetesError, Unreachable, error_for
from tools.kubernetes.objects import JsonObject

CONNECT_S = 3.0
READ_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request to the API server; ``body`` is sent byte for byte."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A credential and the server it belongs to. Thread-safe; close it when done."""

    api: Any = field(repr=False)
    pool: urllib3.PoolManager = field(repr=False)
    server: str
    agent: str
    timeout_s: float = READ_S

    def send(self, request: Request) -> JsonObject:
        """Send once and return the JSON answer. Raises the KubernetesError tree."""
        answer: JsonObject = orjson.loads(self.send_raw(request) or b"{}")
        return answer

    def send_raw(self, request: Request) -> bytes:
        """Send once and return the body as bytes (logs are text)."""
        headers: dict[str, str] = {"Accept": request.accept, "User-Agent": self.agent}
        query = list(request.query)
        # Our bytes go through the client's own pool, not its request(): that one silently sends a
        # serialized JSON Patch as a strategic merge patch, which would drop every precondition.
        self.api.update_params_for_auth(
            headers, query, ["BearerToken"], request.path, request.method, request.body
        )
        if request.body:
            headers["Content-Type"] = request.content_type
        timeout = urllib3.Timeout(connect=CONNECT_S, read=self.timeout_s)
        try:
            answer = self.pool.request(
                request.method,
                f"{self.server}{request.path}{_encoded(query)}",
                headers=headers,
                body=request.body or None,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as problem:
            raise Unreachable(f"{self.server} cannot be reached: {problem}") from problem
        except urllib3.exceptions.HTTPError as problem:
            raise Interrupted(f"{self.server} gave no answer: {problem}") from problem
        if not 200 <= answer.status < 300:
            raise error_for(answer.status, _message(answer.data, answer.status))
        return bytes(answer.data)

    def get(self, path: str, *query: tuple[str, str]) -> JsonObject:
        """GET one object or list."""
        return self.send(Request(method="GET", path=path, query=query))

    def cluster_uid(self) -> str:
        """The uid of the kube-system namespace, read now on this very connection (P24)."""
        uid: str = self.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        return uid

    def close(self) -> None:
        """Give the sockets back."""
        self.pool.clear()
        self.api.close()


def connect(kubeconfig: Path | None, agent: str) -> Connection:
    """A connection from an explicit kubeconfig file, or the Pod's own account when None."""
    configuration = official.Configuration()
    try:
        if kubeconfig is None:
            load_pod: Any = official_config.load_incluster_config
            load_pod(client_configuration=configuration)
        else:
            load_file: Any = official_config.load_kube_config
            load_file(config_file=str(kubeconfig), client_configuration=configuration, persist_config=False)
    except (official_config.ConfigException, OSError) as problem:
        raise KubernetesError(f"the kubeconfig cannot be used: {problem}") from problem
    configuration.retries = False
    api = official.ApiClient(configuration)
    return Connection(
        api=api,
        # The client's own pool holds the CA and client certificate, so TLS is set up only once.
        pool=api.rest_client.pool_manager,
        server=str(configuration.host).rstrip("/"),
        agent=f"midwatch-{agent}",
    )


def _encoded(query: list[tuple[str, str]]) -> str:
    return f"?{urlencode(query)}" if query else ""


def _message(body: bytes, status: int) -> str:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = {}
    message = said.get("message") if isinstance(said, dict) else None
    return str(message or f"the API server answered {status}")
