"""One change of the cluster before the trouble began, and the time in which it counts.

That it came before is all that is said of it here; whether it is the cause is for the reasoning to weigh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.investigator.deployed_by import gitops_owner, helm_release
from tools.kubernetes.objects import JsonObject, ObjectRef


class ChangeKind(StrEnum):
    """What sort of thing was changed."""

    ROLLOUT = "rollout"
    CONFIG = "configuration"
    SECRET = "secret"  # noqa: S105  (a kind of object)
    SCALING = "scaling"
    QUOTA = "quota"
    AUTOSCALER = "autoscaler"
    DISRUPTION = "disruption budget"
    NETWORK_POLICY = "network policy"
    ROUTE = "route"
    SERVICE = "service"
    STORAGE = "storage"
    NODE = "node"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: when, of what, what it was, who wrote it and which tool keeps the object."""

    at: datetime
    kind: ChangeKind
    object: ObjectRef
    what: str
    who: str = ""
    owner: str = ""

    def __str__(self) -> str:
        """One line, as it is kept as evidence."""
        by = f", by {self.who}" if self.who else ""
        kept = f", kept by {self.owner}" if self.owner else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC {self.object}: {self.what}{by}{kept}"


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time before the trouble began in which a change counts."""

    since: datetime
    until: datetime

    def holds(self, at: datetime | None) -> bool:
        """Whether this moment is in it."""
        return at is not None and self.since <= at <= self.until


def owner_of(obj: JsonObject) -> str:
    """The tool that keeps an object as something else says: Argo CD, Flux or a Helm release; else empty."""
    if owner := gitops_owner(obj):
        return owner
    release = helm_release(obj)
    return f"Helm release {release}" if release else ""
