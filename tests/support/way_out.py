"""Where tests may connect to: loopback, and the real cluster when somebody named one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import yaml

CONTRACT = "MIDWATCH_CONTRACT_KUBECONFIG"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def allowed() -> frozenset[str]:
    """Every address that a test may connect to."""
    named = os.environ.get(CONTRACT)
    return LOOPBACK | addresses_of(Path(named)) if named else LOOPBACK


def addresses_of(kubeconfig: Path) -> frozenset[str]:
    """The addresses of every API server in a kubeconfig."""
    clusters = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["clusters"]
    servers = {urlsplit(each["cluster"]["server"]).hostname for each in clusters}
    return frozenset(str(found[4][0]) for host in servers for found in socket.getaddrinfo(host, None))
