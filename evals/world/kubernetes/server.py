"""The pretend API server as a thing to start and stop.

TLS and tokens although it is loopback: clients take another path through their code without them, and it
is the real path that is to be tried.
"""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from evals.world.kubernetes.api import KubernetesApp, Parts
from evals.world.kubernetes.certificates import issue
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.effects import Effects
from evals.world.kubernetes.errors import AlreadyExists
from evals.world.kubernetes.faults import Faults
from evals.world.kubernetes.kinds import KINDS
from evals.world.kubernetes.logs import LogSource, NoLogs
from evals.world.kubernetes.rbac import User
from evals.world.kubernetes.roles import documents_in
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.users import standard_users
from evals.world.wire import BackgroundServer, Listen


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How the server is set up; ``state_dir`` receives certificates and kubeconfigs."""

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    users: tuple[User, ...] = field(default_factory=standard_users)
    applied: tuple[Path, ...] = ()
    """Manifests that the administrator has applied before anybody comes."""
    logs: LogSource = field(default_factory=NoLogs)
    version: str = "v1.32.0"
    # A minute is what real servers do; tests of bookmarks ask for less.
    bookmark_seconds: float = 60.0
    """How often an idle watch tells its resourceVersion, in seconds."""


class KubernetesServer:
    """A Kubernetes API over TLS on loopback, in a thread of its own. Usable as a context manager."""

    def __init__(self, store: Store, options: ServerOptions) -> None:
        self.store = store
        self.options = options
        self.effects = Effects()
        self.faults = Faults()
        self._certificates = issue(options.state_dir, also=(options.host,))
        self._app = KubernetesApp(
            Parts(
                store=store,
                logs=options.logs,
                users=options.users,
                effects=self.effects,
                faults=self.faults,
                version=options.version,
                bookmark_seconds=options.bookmark_seconds,
            )
        )
        self._server = BackgroundServer(
            self._app,
            Listen(
                host=options.host,
                port=options.port,
                certificate=self._certificates.server_file,
                key=self._certificates.key_file,
            ),
        )

    @property
    def url(self) -> str:
        """The server's address, ``https://127.0.0.1:port``."""
        return f"https://{self.options.host}:{self._server.port}"

    @property
    def ca_file(self) -> Path:
        """The certificate authority that clients must trust."""
        return self._certificates.ca_file

    def start(self) -> KubernetesServer:
        """Listen and answer; returns itself. Raises OSError when the port is taken."""
        self.apply(*self.options.applied)
        self._server.start()
        return self

    def stop(self) -> None:
        """End every watch and connection and stop listening; harmless when it never started."""
        self._server.stop()

    def __enter__(self) -> KubernetesServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def apply(self, *manifests: Path) -> None:
        """Create what is in these files, as the administrator; what is there already stays as it is."""
        for document in documents_in(manifests):
            kind = next(each for each in KINDS.values() if each.kind == document["kind"])
            with contextlib.suppress(AlreadyExists):
                self.store.create(kind.resource, document, WriteOptions(manager="kubectl"))

    def user(self, name: str) -> User:
        """A user by full name or by its last part (``reader``); raises KeyError."""
        for each in self.options.users:
            if name in (each.name, each.name.rsplit(":", 1)[-1]):
                return each
        raise KeyError(name)

    def kubeconfig(self, user: str) -> Path:
        """A kubeconfig for one user, written readable by its owner only; the namespace is ``default``."""
        who = self.user(user)
        authority = base64.b64encode(self.ca_file.read_bytes()).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "world", "cluster": {"server": self.url, "certificate-authority-data": authority}}
            ],
            "users": [{"name": who.name, "user": {"token": who.token}}],
            "contexts": [
                {"name": "world", "context": {"cluster": "world", "user": who.name, "namespace": "default"}}
            ],
            "current-context": "world",
        }
        path = self.options.state_dir / f"{who.name.rsplit(':', 1)[-1]}.kubeconfig"
        # Created with its mode, not changed afterwards: no moment in which others could read the token.
        # Under another name first: whoever reads it while it is asked for again finds it whole.
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(descriptor, "w") as file:
            yaml.safe_dump(document, file, sort_keys=False)
        os.replace(draft, path)
        return path
