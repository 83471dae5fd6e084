"""ReplicaSets of a Deployment: which one is current, their hash, their revision."""

from __future__ import annotations

import hashlib

import orjson

from evals.world.kubernetes.controllers.pods import owned_by, owner_reference, selected
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, meta

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
HASH_LABEL = "pod-template-hash"
_NOT_COPIED = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MOST}
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def owned_sets(deployment: JsonObject, sets: list[JsonObject]) -> list[JsonObject]:
    """Copies of the ReplicaSets this Deployment controls and selects, oldest first."""
    selector = deployment["spec"]["selector"]
    mine = [
        copied(each) for each in sets if owned_by(each, deployment) and selected(selector, labels_of(each))
    ]
    return sorted(
        mine, key=lambda each: (revision_of(each), meta(each)["creationTimestamp"], meta(each)["name"])
    )


def revision_of(obj: JsonObject) -> int:
    """The revision annotation as a number, 0 when there is none."""
    return int((meta(obj).get("annotations") or {}).get(REVISION) or 0)


def current_set(deployment: JsonObject, sets: list[JsonObject]) -> JsonObject | None:
    """The ReplicaSet whose template is the Deployment's, the hash label aside; the oldest when there are
    several.
    """
    wanted = _unhashed(deployment["spec"]["template"])
    # Rolling back copies a ReplicaSet's template, sometimes with its hash label: still the same template.
    same = [each for each in sets if _unhashed(each["spec"]["template"]) == wanted]
    return min(same, key=lambda each: meta(each)["creationTimestamp"], default=None)


def fresh_set(deployment: JsonObject, revision: int) -> JsonObject:
    """A ReplicaSet for the Deployment's present template, asking for no pods yet."""
    template = _unhashed(deployment["spec"]["template"])
    digest = template_hash(template, int((deployment.get("status") or {}).get("collisionCount") or 0))
    meta(template).setdefault("labels", {})[HASH_LABEL] = digest
    selector = copied(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = digest
    return {
        "metadata": {
            "name": f"{meta(deployment)['name']}-{digest}",
            "namespace": meta(deployment)["namespace"],
            "labels": dict(meta(template)["labels"]),
            "annotations": {**copied_annotations(deployment), REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": deployment["spec"].get("minReadySeconds") or 0,
            "selector": selector,
            "template": template,
        },
    }


def copied_annotations(deployment: JsonObject) -> dict[str, str]:
    """The Deployment's annotations that its ReplicaSets inherit (`kubernetes.io/change-cause` among them)."""
    annotations = meta(deployment).get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def template_hash(template: JsonObject, collisions: int) -> str:
    """Ten characters of the safe alphabet that follow from the template."""
    seed = orjson.dumps(template, option=orjson.OPT_SORT_KEYS) + str(collisions).encode()
    digest = hashlib.sha256(seed).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:10])


def _unhashed(template: JsonObject) -> JsonObject:
    plain = copied(template)
    (meta(plain).get("labels") or {}).pop(HASH_LABEL, None)
    # The server stamps a null here on some paths; it is no difference.
    meta(plain).pop("creationTimestamp", None)
    return plain
