"""One connection to one API server with one explicit credential, on the official client.

Raw JSON in and out: the client's typed models drop unknown fields, and one malformed pod would
fail a whole list. Retries and redirects are off and every call has a timeout, because whoever
calls must know whether something was sent once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
import yaml
from kubernetes import client as official
from kubernetes import config as official_config

from tools.kubernetes.errors import Unconfigured, Unreadable, error_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.once import READ_S, Bounds, Sending, send_once
from tools.kubernetes.pace import Pace
from tools.kubernetes.recent import Recent

MOST_BYTES = 128 * 2**20
"""The largest answer that is read: about twenty thousand pods in one list."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request to the API server; ``body`` is sent byte for byte."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def changes(self) -> bool:
        """Whether the server may do something for good: neither a read nor a rehearsal."""
        return self.method != "GET" and ("dryRun", "All") not in self.query


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A credential and the server it belongs to. Thread-safe; close it when done.

    ``timeout_s`` bounds the wait for each part of an answer and, checked between the parts, the
    whole of it, so a call returns within twice that. ``clock`` never goes back.
    """

    api: Any = field(repr=False)
    pool: urllib3.PoolManager = field(repr=False)
    server: str
    agent: str
    timeout_s: float = READ_S
    pace: Pace = field(default_factory=Pace, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    recent: Recent = field(default_factory=Recent, repr=False)

    def send(self, request: Request) -> JsonObject:
        """Send once and return the JSON answer. Raises the KubernetesError tree."""
        body = self.send_raw(request)
        answer = _json(body) if body else {}
        if answer is None:
            raise Unreadable(f"{self.server} answered {request.path} with something else than a JSON object")
        return answer

    def send_raw(self, request: Request) -> bytes:
        """Send once and return the body as bytes (logs are text)."""
        if request.method == "GET":
            self.pace.wait()
        bounds = Bounds(timeout_s=self.timeout_s, most_bytes=MOST_BYTES, clock=self.clock)
        status, body = send_once(self.pool, self._sending(request), bounds)
        if not 200 <= status < 300:
            raise error_for(status, _json(body) or {})
        return body

    def _sending(self, request: Request) -> Sending:
        headers: dict[str, str] = {"Accept": request.accept, "User-Agent": self.agent}
        query = list(request.query)
        # Our bytes go through the client's own pool, not its request(): that one silently sends a
        # serialized JSON Patch as a strategic merge patch, which would drop every precondition.
        self.api.update_params_for_auth(
            headers, query, ["BearerToken"], request.path, request.method, request.body
        )
        if request.body:
            headers["Content-Type"] = request.content_type
        return Sending(
            server=self.server,
            rest=f"{request.path}{_encoded(query)}",
            method=request.method,
            headers=headers,
            body=request.body,
            changes=request.changes,
        )

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


def context_namespace(kubeconfig: Path | None) -> str:
    """The namespace of the file's current context, as kubectl takes it; ``default`` when it names none."""
    try:
        contexts: Any = official_config.list_kube_config_contexts
        _, current = contexts(config_file=kubeconfig and str(kubeconfig))
    except (official_config.ConfigException, yaml.YAMLError, OSError, ValueError, LookupError):
        return "default"
    return str(current["context"].get("namespace") or "default")


def connect(kubeconfig: Path | None, agent: str) -> Connection:
    """A connection from an explicit kubeconfig file, or the Pod's own account when None.

    The file's current context is used, and no other file or variable. Raises Unconfigured.
    """
    configuration = official.Configuration()
    try:
        if kubeconfig is None:
            load_pod: Any = official_config.load_incluster_config
            load_pod(client_configuration=configuration)
        else:
            load_file: Any = official_config.load_kube_config
            load_file(config_file=str(kubeconfig), client_configuration=configuration, persist_config=False)
    # The loader lets through what YAML, base64 and a missing key raise beneath it.
    except (official_config.ConfigException, yaml.YAMLError, OSError, ValueError, LookupError) as problem:
        raise Unconfigured(f"the kubeconfig cannot be used: {problem}") from problem
    configuration.retries = False
    api = official.ApiClient(configuration)
    return Connection(
        api=api,
        # The client's own pool holds the CA and client certificate, so TLS is set up only once.
        pool=api.rest_client.pool_manager,
        server=str(configuration.host).rstrip("/"),
        agent=f"midwatch-{agent}/{_version()}",
    )


def _version() -> str:
    try:
        return version("midwatch")
    except PackageNotFoundError:
        # Run from a source tree that was never installed.
        return "0"


def _encoded(query: list[tuple[str, str]]) -> str:
    return f"?{urlencode(query)}" if query else ""


def _json(body: bytes) -> JsonObject | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None
