"""``/openapi/v3``: just enough of the document that kubectl sees which writes validate fields on the
server.
"""

from __future__ import annotations

from collections.abc import Iterable

from evals.world.kubernetes.kinds import Kind, versions
from evals.world.kubernetes.objects import JsonObject

_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


def openapi(path: str, git_version: str, kinds: Iterable[Kind]) -> JsonObject | None:
    """The document at a path below ``/openapi/v3``, or None. There are no schemas: explain does not work."""
    inner = path.removeprefix("/openapi/v3").strip("/")
    known = list(kinds)
    served = {
        "api/v1": ("", "v1"),
        **{f"apis/{group}/{each}": (group, each) for group, some in versions(known).items() for each in some},
    }
    if not inner:
        return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in served}}
    if inner not in served:
        return None
    paths: JsonObject = {}
    for kind in known:
        if (kind.group, kind.version) == served[inner]:
            paths |= _paths(f"/{inner}", kind)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": git_version},
        "paths": paths,
        "components": {"schemas": {}},
    }


def _paths(prefix: str, kind: Kind) -> JsonObject:
    many = (
        f"{prefix}/namespaces/{{namespace}}/{kind.resource}"
        if kind.namespaced
        else f"{prefix}/{kind.resource}"
    )
    found: JsonObject = {many: {"post": _operation(kind, "post")}}
    if "patch" in kind.verbs:
        found[f"{many}/{{name}}"] = {"put": _operation(kind, "put"), "patch": _operation(kind, "patch")}
    return found


def _operation(kind: Kind, action: str) -> JsonObject:
    return {
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": kind.group, "kind": kind.kind, "version": kind.version},
    }
