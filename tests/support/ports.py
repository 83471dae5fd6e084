"""A port for a server that somebody else starts a moment later."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """A loopback port that is free and likely stays so: below those that outgoing connections get."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
