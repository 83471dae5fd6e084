"""A Deployment's past, from the ReplicaSets it left behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tools.kubernetes.objects import JsonObject

REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision: its number, ReplicaSet, images by container (init containers too), template, when
    it was made (RFC 3339) and how many of its replicas are ready now.
    """

    number: int
    replicaset: str
    images: dict[str, str]
    template: JsonObject
    created_at: str
    ready: int


def history(deployment: JsonObject, replicasets: tuple[JsonObject, ...]) -> tuple[Revision, ...]:
    """The Deployment's revisions, newest first. Source: the deployment controller's annotations."""
    uid = deployment["metadata"].get("uid")
    # Without a uid nothing can be told to be this Deployment's own: labels may be shared.
    ours = [
        _revision(item)
        for item in replicasets
        if uid and any(owner.get("uid") == uid for owner in item["metadata"].get("ownerReferences") or [])
    ]
    return tuple(sorted(ours, key=lambda revision: revision.number, reverse=True))


def _revision(item: JsonObject) -> Revision:
    meta, template = item["metadata"], item["spec"]["template"]
    number = (meta.get("annotations") or {}).get(REVISION, "0")
    return Revision(
        number=int(number) if number.isdigit() else 0,
        replicaset=meta["name"],
        images={
            each["name"]: each.get("image", "")
            for group in ("initContainers", "containers")
            for each in template["spec"].get(group) or []
        },
        template=template,
        created_at=meta.get("creationTimestamp") or "",
        ready=int((item.get("status") or {}).get("readyReplicas") or 0),
    )
