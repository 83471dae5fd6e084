"""Which groups, versions and resources there are, in the plain and the aggregated form.

The official Python client asks for the plain form, a newer kubectl for the aggregated one; both must lead
to the same resources.
"""

from __future__ import annotations

from collections.abc import Iterable

from evals.world.kubernetes.kinds import Kind, versions
from evals.world.kubernetes.objects import JsonObject

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_SUBRESOURCE_VERBS = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "log": ("get",),
    "eviction": ("create",),
}
_SUBRESOURCE_KINDS = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction")}


def version_info(git_version: str) -> JsonObject:
    """The answer of ``/version``."""
    major, minor = git_version.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.23.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def discovery(path: str, accept: str, address: str, kinds: Iterable[Kind]) -> tuple[JsonObject, str] | None:
    """The document at a discovery path and its content type, or None when the path is not one.

    ``kinds`` are those that are served now.
    """
    parts = [part for part in path.split("/") if part]
    served = list(kinds)
    # Only v2 is served: a client that asks for v2beta1 alone gets the plain form, which it reads too.
    if "as=APIGroupDiscoveryList" in accept and "v=v2," in f"{accept.replace(';', ',')}," and len(parts) == 1:
        groups = {"api": [""], "apis": list(versions(served))}.get(parts[0])
        return None if groups is None else (_aggregated(groups, served), AGGREGATED)
    # kubectl asks for the aggregated form first: two requests instead of twenty.
    document = _plain(parts, address, served)
    return None if document is None else (document, "application/json")


def _plain(parts: list[str], address: str, served: list[Kind]) -> JsonObject | None:
    groups = versions(served)
    if parts == ["api"]:
        where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}
    if parts == ["apis"]:
        listed = [_group(*each) for each in groups.items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in groups:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])}
    if parts == ["api", "v1"]:
        return _resources("v1", _kinds_of("", "v1", served))
    if len(parts) == 3 and parts[0] == "apis" and parts[2] in groups.get(parts[1], ()):
        return _resources("/".join(parts[1:]), _kinds_of(parts[1], parts[2], served))
    return None


def _group(name: str, known: list[str]) -> JsonObject:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in known]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _kinds_of(group: str, version: str, served: list[Kind]) -> list[Kind]:
    return [kind for kind in served if (kind.group, kind.version) == (group, version)]


def _subresources(kind: Kind) -> list[str]:
    return [*(["status"] if kind.status else []), *(["scale"] if kind.scale else []), *kind.subresources]


def _resources(where: str, kinds: list[Kind]) -> JsonObject:
    rows: list[JsonObject] = []
    for kind in kinds:
        row: JsonObject = {
            "name": kind.resource,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        if kind.short:
            row["shortNames"] = list(kind.short)
        if kind.categories:
            row["categories"] = list(kind.categories)
        rows.append(row)
        for name in _subresources(kind):
            rows.append(_subresource(kind, name))
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": where, "resources": rows}


def _subresource(kind: Kind, name: str) -> JsonObject:
    row: JsonObject = {
        "name": f"{kind.resource}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(_SUBRESOURCE_VERBS[name]),
    }
    if name in _SUBRESOURCE_KINDS:
        row["group"], row["version"], row["kind"] = _SUBRESOURCE_KINDS[name]
    return row


def _aggregated(groups: list[str], served: list[Kind]) -> JsonObject:
    known = versions(served)
    items = []
    for group in groups:
        # The core group has no name, and kubectl tells it by just that.
        metadata: JsonObject = {"creationTimestamp": None, **({"name": group} if group else {})}
        listed = [
            {
                "version": version,
                "freshness": "Current",
                "resources": [_aggregated_resource(kind) for kind in _kinds_of(group, version, served)],
            }
            for version in known.get(group, ["v1"])
        ]
        items.append({"metadata": metadata, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(kind: Kind) -> JsonObject:
    subresources = []
    for name in _subresources(kind):
        group, version, word = _SUBRESOURCE_KINDS.get(name, (kind.group, kind.version, kind.kind))
        subresources.append(
            {
                "subresource": name,
                "responseKind": {"group": group, "version": version, "kind": word},
                "verbs": list(_SUBRESOURCE_VERBS[name]),
            }
        )
    found: JsonObject = {
        "resource": kind.resource,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        found["shortNames"] = list(kind.short)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if subresources:
        found["subresources"] = subresources
    return found
