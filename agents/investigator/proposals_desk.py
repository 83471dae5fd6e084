"""The desk at which a change is thought of: the case, the cause, the object, and what policy allows.

A wish is not a plan yet: the catalogue refuses what it cannot do safely, the runbook and the policy
narrow it, and what earlier incidents say chooses among the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agents.incident import Hypothesis
from agents.investigator.analyzers.fields import moment
from agents.investigator.experience import Experience
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_rollouts import revisions
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.history import Revision
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject

RECENT = timedelta(hours=24)
"""A rollout that is older when the trouble begins is not what brought it."""

_SEEN = ("Deployment", "StatefulSet", "DaemonSet", "Pod", "Node", "ConfigMap", "Secret")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What policy allows a proposal (verbs, how far a limit may be raised), and what it is for."""

    limit_factor: float = 2.0
    allowed: frozenset[str] | None = None
    """Verbs that the runbook allows; None when no runbook narrows them."""
    incident: str = ""
    """The incident that the change is for: a restart is marked with it."""
    experience: Experience = field(default_factory=Experience)
    """What earlier incidents say of a change; it chooses among those that may be proposed."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A verb with its parameters, before the catalogue has had its say."""

    verb: str
    params: JsonObject
    why: str
    context: Context
    target: JsonObject | None = None
    """What is changed, where that is not the object at fault itself."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """All that a wish is made from."""

    case: Case
    cause: Hypothesis
    target: JsonObject
    limits: Limits

    @property
    def facts(self) -> JsonObject:
        """What is known of the cause."""
        return self.cause.facts

    @property
    def seen(self) -> Inventory:
        """The other objects that a verb looks at before it drafts anything."""
        return Inventory(by_kind={kind: self.case.snapshot.objects(kind) for kind in _SEEN})

    @property
    def earlier(self) -> Revision | None:
        """The revision before the newest, if a rollout made one."""
        return self.history[1] if len(self.history) > 1 else None

    @property
    def lately(self) -> bool:
        """Whether the last rollout came shortly before the trouble: one that ran well for long did not."""
        at = moment(self.history[0].created_at) if self.history else None
        return at is not None and self.came_lately(at)

    def came_lately(self, at: datetime) -> bool:
        """Whether this was shortly before the trouble, or after it began."""
        return at >= (self.case.began or self.case.snapshot.taken_at) - RECENT

    @property
    def history(self) -> tuple[Revision, ...]:
        """Every revision of the object at fault, newest first; empty for what has none."""
        return revisions(self.cause.object, self.case.relations)


def roll_back(desk: Desk, earlier: Revision, why: str) -> Iterator[Wish]:
    """The template of an earlier revision, whole."""
    params = {"template": earlier.template, "revision": earlier.number}
    said = f"{why} (revision {earlier.number})"
    yield Wish(verb="roll_back", params=params, why=said, context=Context(seen=desk.seen))
