"""Trouble on request: delays, error answers and cut connections for the requests a rule matches."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from evals.world.kubernetes.objects import JsonObject

Reset = Literal["", "before", "after"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One rule. Empty strings and None match everything; ``times`` None means for ever.

    A delay is waited for first. ``status`` answers so instead of acting, or, with ``after_commit``,
    acts and then answers so. ``reset`` cuts the connection before the request is acted on, or after.
    """

    user: str = ""
    verb: str = ""
    resource: str = ""
    subresource: str | None = None
    namespace: str = ""
    name: str = ""
    dry_run: bool | None = None
    delay: float = 0.0
    status: int | None = None
    after_commit: bool = False
    reset: Reset = ""
    times: int | None = 1

    def matches(self, asked: Asked) -> bool:
        """Whether this rule is meant for a request."""
        wanted = ((self.user, asked.user), (self.verb, asked.verb), (self.resource, asked.resource))
        place = ((self.namespace, asked.namespace), (self.name, asked.name))
        return (
            all(mine in ("", theirs) for mine, theirs in (*wanted, *place))
            and self.subresource in (None, asked.subresource)
            and self.dry_run in (None, asked.dry_run)
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The facts of a request that a fault may match."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    dry_run: bool


@dataclass
class Faults:
    """The rules in force, oldest first; safe to change from any thread."""

    _rules: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Put a rule into force."""
        with self._lock:
            self._rules.append(fault)

    def take(self, asked: Asked) -> Fault | None:
        """The first rule that matches, used up once, or None."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                if not rule.matches(asked):
                    continue
                if rule.times is not None:
                    # Used up while the lock is held, so that two requests never share the last turn.
                    if rule.times <= 1:
                        del self._rules[index]
                    else:
                        self._rules[index] = replace(rule, times=rule.times - 1)
                return rule
        return None

    def clear(self) -> None:
        """Take every rule out of force."""
        with self._lock:
            self._rules.clear()

    def as_json(self) -> list[JsonObject]:
        """The rules in force, for other processes."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]


def fault_from_json(body: JsonObject) -> Fault:
    """A rule from its JSON form; raises ValueError on unknown keys."""
    known = {each.name for each in fields(Fault)}
    if unknown := set(body) - known:
        raise ValueError(f"unknown fault fields: {', '.join(sorted(unknown))}")
    return Fault(**body)
