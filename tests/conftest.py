"""What is real here: databases, sockets on loopback, clients, processes. What is pretended: the
data centre of ``evals/world``, which speaks the real wire protocols. What is forbidden: any other
address (but a real cluster's, when somebody named one for the contracts), the developer's
environment, and sleeping until something is over. More in docs/testing.md.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.patience import PATIENCE_S
from tests.support.way_out import allowed
from tools.kubernetes import once

# How long examples take to draw is the machine's business: its tables are made at the first run of a clone.
# A failing example is printed to be run again; nothing is kept of one between runs.
settings.register_profile(
    "every run",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    print_blob=True,
)
settings.load_profile("every run")

_real_connect = socket.socket.connect
# Resolved before the guard is up: a cluster may be named by a host name.
_ALLOWED = allowed()


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _ALLOWED:
        raise RuntimeError(f"a test tried to reach {address[0]}")
    _real_connect(self, address)


# The tests that last longest come first: at the end nobody waits for one that began late.
_FIRST = tuple(
    f"tests/{name}" for name in ("stories/test_killed_inv", "stories", "proofs", "adversary", "con")
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three processes for two processors: a third of the time a test waits for somebody else's."""
    return math.ceil(1.5 * (os.cpu_count() or 1))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In order of ``_FIRST``; a file's tests stay together, and so does what they share."""
    ordered = (*_FIRST, "")
    items.sort(key=lambda item: next(n for n, one in enumerate(ordered) if item.nodeid.startswith(one)))


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not walk all of it again and again."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_way_out() -> Iterator[None]:
    socket.socket.connect = _loopback_only  # type: ignore[method-assign]
    yield
    socket.socket.connect = _real_connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command run in this process logs to a stream that pytest takes away again."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    if root.level != level:
        root.setLevel(level)


@pytest.fixture(autouse=True, scope="session")
def _handshakes_take_their_time() -> Iterator[None]:
    """No API server counts as away because this machine stood still between hello and hello."""
    with pytest.MonkeyPatch.context() as patient:
        patient.setattr(once, "CONNECT_S", PATIENCE_S)
        yield


@pytest.fixture(autouse=True, scope="session")
def _clean_environment() -> Iterator[None]:
    """No setting, credential or proxy of whoever runs the tests leaks into them."""
    ours = ("MIDWATCH_", "OPENAI_", "SLACK_", "KUBE", "LANGSMITH_", "LANGCHAIN_")
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            kept = name.startswith("MIDWATCH_CONTRACT_")
            if not kept and (name.startswith(ours) or "proxy" in name.lower()):
                environment.delenv(name)
        yield
