"""From a URL to the resource it addresses."""

from __future__ import annotations

from dataclasses import dataclass

from evals.world.kubernetes.kinds import KINDS, Kind
from evals.world.kubernetes.rbac import Attributes

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a URL addresses; ``kind`` is None when the server has no such resource."""

    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    kind: Kind | None = None

    def asks(self, verb: str) -> Attributes:
        """The request as authorization sees it."""
        return Attributes(
            verb=verb,
            resource=self.resource,
            group=self.group,
            subresource=self.subresource,
            namespace=self.namespace,
            name=self.name,
        )


def parse_path(path: str) -> Target | None:
    """The resource a path addresses, or None when it is no resource path at all."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        return _target("", "v1", parts[2:])
    if parts[:1] == ["apis"] and len(parts) > 3:
        return _target(parts[1], parts[2], parts[3:])
    return None


def verb_of(method: str, target: Target, watch: bool) -> str:
    """The API verb of a request, for example ``deletecollection``."""
    if method in _VERBS:
        return _VERBS[method]
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    if watch and not target.subresource:
        return "watch"
    return "get" if target.name else "list"


def _target(group: str, version: str, rest: list[str]) -> Target | None:
    if not rest:
        return None
    namespace = ""
    # /namespaces/x/pods addresses pods; /namespaces/x and /namespaces/x/status address the namespace itself.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    kind = KINDS.get(resource)
    served = kind is not None and (kind.group, kind.version) == (group, version)
    # A Role in a namespace may grant access to that Namespace object itself.
    if resource == "namespaces":
        namespace = name
    return Target(
        group=group,
        resource=resource,
        namespace=namespace,
        name=name,
        subresource="/".join(rest[2:]),
        kind=kind if served else None,
    )
