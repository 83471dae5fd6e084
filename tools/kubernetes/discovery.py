"""Which kinds of add-ons a cluster has: asked once, so that nothing is asked of what is not there.

The aggregated form names every resource; an older server answers with groups and versions alone, and then
each list says itself, by a 404, that there is no such kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tools.kubernetes.client import Connection, Request
from tools.kubernetes.kinds import Readable
from tools.kubernetes.objects import JsonObject

PATH = "/apis"
_FORM = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
_ACCEPT = ",".join([*(_FORM.format(version) for version in ("v2", "v2beta1")), "application/json"])

Resources = frozenset[str] | None
"""The resources of one version of a group; None: not told."""


class UnknownVersion(Exception):
    """The kind is there, in no version whose fields are known here."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What an API server has, by group and version."""

    groups: Mapping[str, Mapping[str, Resources]] = field(default_factory=dict)

    def versions(self, wanted: Readable) -> tuple[str, ...]:
        """The versions in which this kind may be listed, the best first; none when it is not there.

        Raises UnknownVersion.
        """
        there = {
            version: resources
            for version, resources in self.groups.get(wanted.group, {}).items()
            if resources is None or wanted.resource in resources
        }
        known = tuple(version for version in wanted.versions if version in there)
        if there and not known:
            raise UnknownVersion(f"it is served as {', '.join(sorted(there))}, which is not known here")
        return known


def served(cluster: Connection) -> Served:
    """What this API server has. Raises the KubernetesError tree."""
    answer = cluster.send(Request(method="GET", path=PATH, accept=_ACCEPT))
    if "groups" in answer:
        plain = {
            group["name"]: {version["version"]: None for version in group.get("versions") or ()}
            for group in answer["groups"] or ()
        }
        return Served(groups=plain)
    return Served(groups=dict(_aggregated(item) for item in answer.get("items") or ()))


def _aggregated(item: JsonObject) -> tuple[str, dict[str, Resources]]:
    versions: dict[str, Resources] = {
        version["version"]: frozenset(each["resource"] for each in version.get("resources") or ())
        for version in item.get("versions") or ()
    }
    return (item.get("metadata") or {}).get("name") or "", versions
