"""A workload's past, from the ReplicaSets or the ControllerRevisions it left behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tools.kubernetes.objects import JsonObject

REVISION = "deployment.kubernetes.io/revision"
POD_REVISION = "controller-revision-hash"
"""The label on a StatefulSet's or DaemonSet's pod that says which revision it was made from."""

KEPT_BY = {
    "Deployment": "ReplicaSet",
    "StatefulSet": "ControllerRevision",
    "DaemonSet": "ControllerRevision",
}
"""Where each kind of workload keeps its earlier templates."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision: its number, the object that keeps it, images by container (init containers too),
    template, when it was made (RFC 3339) and how many of its pods are ready now.
    """

    number: int
    name: str
    images: dict[str, str]
    template: JsonObject
    created_at: str
    ready: int


def history(
    owner: JsonObject, kept: tuple[JsonObject, ...], pods: tuple[JsonObject, ...] = ()
) -> tuple[Revision, ...]:
    """The owner's revisions, newest first. Going back gives an old one the highest number again.

    ``pods`` are the owner's: a ReplicaSet counts its own, of a ControllerRevision they tell how many are
    ready. Source: the annotations of the deployment controller; ControllerRevision (apps/v1).
    """
    uid = owner["metadata"].get("uid")
    # Without a uid nothing can be told to be this workload's own: labels may be shared.
    ours = [
        _revision(owner, item, pods)
        for item in kept
        if uid and any(one.get("uid") == uid for one in item["metadata"].get("ownerReferences") or [])
        if _template(item).get("spec")
    ]
    return tuple(sorted(ours, key=lambda revision: revision.number, reverse=True))


def is_of(pod: JsonObject, revision: Revision, owner: str) -> bool:
    """Whether a pod of the workload ``owner`` was made from this revision."""
    meta = pod.get("metadata") or {}
    if any(one.get("name") == revision.name for one in meta.get("ownerReferences") or []):
        return True
    # A StatefulSet writes the whole name on its pods, a DaemonSet only what follows its own.
    marked = (meta.get("labels") or {}).get(POD_REVISION)
    return bool(marked) and marked in (revision.name, revision.name.removeprefix(f"{owner}-"))


def _template(item: JsonObject) -> JsonObject:
    holder = item.get("data") if item.get("kind") == "ControllerRevision" else item
    found = ((holder or {}).get("spec") or {}).get("template")
    return found if isinstance(found, dict) else {}


def _revision(owner: JsonObject, item: JsonObject, pods: tuple[JsonObject, ...]) -> Revision:
    meta, template = item["metadata"], _template(item)
    number = str(item.get("revision") or (meta.get("annotations") or {}).get(REVISION, "0"))
    made = Revision(
        number=int(number) if number.isdigit() else 0,
        name=meta["name"],
        images={
            each["name"]: each.get("image", "")
            for group in ("initContainers", "containers")
            for each in template["spec"].get(group) or []
        },
        template=template,
        created_at=meta.get("creationTimestamp") or "",
        ready=int((item.get("status") or {}).get("readyReplicas") or 0),
    )
    ready = sum(_ready(pod) and is_of(pod, made, owner["metadata"]["name"]) for pod in pods)
    return Revision(**{**vars(made), "ready": max(ready, made.ready)})


def _ready(pod: JsonObject) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
