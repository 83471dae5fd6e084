"""What really happened: every committed change made over HTTP, by whom, to what, with which body."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from evals.world.kubernetes.objects import JsonObject

Target = tuple[str, str, str, str]
"""(user, resource, namespace or empty, name)."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One request that changed the cluster. Dry runs, refusals and writes that changed nothing are not
    effects.
    """

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    body: object
    resource_version: int
    at: float = field(default_factory=time.time)
    """Unix seconds right after the commit."""

    @property
    def target(self) -> Target:
        """Whom to count it for."""
        return (self.user, self.resource, self.namespace, self.name)

    def as_json(self) -> JsonObject:
        """The effect for other processes."""
        return asdict(self)


class Effects:
    """The record of effects, safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Effect] = []
        self._asked: list[bytes] = []

    def record(self, effect: Effect) -> None:
        """Add one effect; called by the server right after its commit."""
        with self._lock:
            self._all.append(effect)

    def ask(self, body: bytes) -> None:
        """Note that somebody asked for a change in earnest; called before anything is made of it."""
        with self._lock:
            self._asked.append(body)

    def asked(self, words: bytes) -> int:
        """How many requests for a change, whatever became of them, had a body with these words."""
        with self._lock:
            return sum(words in body for body in self._asked)

    def all(self) -> list[Effect]:
        """Every effect in commit order."""
        with self._lock:
            return list(self._all)

    def counts(self) -> Counter[Target]:
        """How many effects each (user, resource, namespace, name) has had."""
        return Counter(effect.target for effect in self.all())

    def count(self, user: str, resource: str, namespace: str, name: str) -> int:
        """How many effects one user has had on one object."""
        return self.counts()[(user, resource, namespace, name)]

    def clear(self) -> None:
        """Forget everything recorded."""
        with self._lock:
            self._all.clear()
            self._asked.clear()
