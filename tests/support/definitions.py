"""CustomResourceDefinitions of the kinds that add-ons bring, as small as a server takes them."""

from __future__ import annotations

from typing import Any

from evals.world.kubernetes.kinds import KINDS


def definition(kind: str) -> dict[str, Any]:
    """The definition of one kind of the pretend server's table."""
    row = next(each for each in KINDS.values() if each.kind == kind)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": row.version, "served": True, "storage": True, "schema": schema}
    return {
        "metadata": {"name": row.qualified},
        "spec": {
            "group": row.group,
            "names": {"plural": row.resource, "singular": row.singular, "kind": row.kind},
            "scope": "Namespaced" if row.namespaced else "Cluster",
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }
