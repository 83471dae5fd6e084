"""ControllerRevisions: the templates that a StatefulSet or DaemonSet had, after `pkg/controller/history`.

One for each template; going back gives an old one the highest number again. Some ten are kept beside those
that pods still run.
"""

from __future__ import annotations

from dataclasses import dataclass

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.pods import owned_by, owner_reference
from evals.world.kubernetes.controllers.templates import template_hash
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
REVISION = "controller-revision-hash"
_HASH = "controller.kubernetes.io/hash"
_RESOURCE = "controllerrevisions"


@dataclass(frozen=True, kw_only=True)
class Revised:
    """The revision of the present template: its name, and the hash in it."""

    name: str
    hash: str


def revised(store: Store, owner: JsonObject) -> Revised:
    """The present template, kept as the newest revision of its owner."""
    template = owner["spec"]["template"]
    digest = template_hash(template, 0)
    present = Revised(name=f"{name_of(owner)}-{digest}", hash=digest)
    ours = [one for one in store.peek(_RESOURCE, namespace_of(owner)) if owned_by(one, owner)]
    newest = max((int(one["revision"]) for one in ours), default=0)
    found = next((one for one in ours if name_of(one) == present.name), None)
    if found is None:
        store.create(_RESOURCE, _fresh(owner, present, newest + 1), MANAGER)
        _forget(store, owner, ours)
    elif int(found["revision"]) < newest:
        store.update(_RESOURCE, {**copied(found), "revision": newest + 1}, options=MANAGER)
    return present


def _fresh(owner: JsonObject, present: Revised, number: int) -> JsonObject:
    template = copied(owner["spec"]["template"])
    labels = {**labels_of(template), _HASH: present.hash}
    if owner.get("kind") == "DaemonSet":
        labels[REVISION] = present.hash
    return {
        "metadata": {
            "name": present.name,
            "namespace": namespace_of(owner),
            "labels": labels,
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }


def _forget(store: Store, owner: JsonObject, earlier: list[JsonObject]) -> None:
    limit = owner["spec"].get("revisionHistoryLimit")
    pods = [pod for pod in store.peek("pods", namespace_of(owner)) if owned_by(pod, owner)]
    marks = {labels_of(pod).get(REVISION) for pod in pods}
    idle = [one for one in earlier if not marks & {name_of(one), meta(one)["labels"].get(_HASH)}]
    surplus = len(idle) - (10 if limit is None else int(limit))
    for one in sorted(idle, key=lambda each: int(each["revision"]))[: max(0, surplus)]:
        store.delete(_RESOURCE, namespace_of(owner), name_of(one))
