"""What the API server does to an object before it stores it: which parts a write may touch, defaults,
validation.
"""

from __future__ import annotations

from evals.world.kubernetes.defaults import apply_defaults
from evals.world.kubernetes.errors import BadRequest, InternalError
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, copied, meta
from evals.world.kubernetes.schema import decoded
from evals.world.kubernetes.validation import validate

_ASSIGNED = ("uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "selfLink")


def prepared_for_create(kind: Kind, sent: JsonObject, uid: str) -> JsonObject:
    """``sent`` with defaults, a uid, and nothing else only the server may set; raises Malformed or
    Invalid.
    """
    obj, _ = decoded(kind, sent)
    head = meta(obj)
    if head.get("resourceVersion"):
        raise InternalError("resourceVersion should not be set on objects to be created")
    # A client may send back an object it has read; what only the server assigns does not count.
    for name in _ASSIGNED:
        head.pop(name, None)
    head.pop("deletionGracePeriodSeconds", None)
    # Stored complete, so that every later answer and watch event says what it is.
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    # A node's kubelet registers it together with its status; every other status starts empty.
    if kind.status and kind.resource != "nodes":
        obj.pop("status", None)
    head["uid"] = uid
    apply_defaults(kind, obj)
    validate(kind, obj)
    return obj


def carried_over(kind: Kind, old: JsonObject, new: JsonObject, subresource: str) -> JsonObject:
    """The object a write through ``subresource`` leads to, from what is stored and what was sent;
    raises Invalid.
    """
    if subresource == "scale":
        return _scaled(kind, old, new)
    new, _ = decoded(kind, new)
    if subresource == "status":
        result = _with_status(kind, old, new)
    elif subresource == "":
        result = new
        if kind.status:
            result.pop("status", None)
            if "status" in old:
                result["status"] = copied(old)["status"]
    else:
        raise BadRequest(f"the subresource {subresource} of {kind.resource} cannot be written")
    _keep_identity(kind, old, result)
    if kind.resource == "services":
        _keep_addresses(old, result)
    apply_defaults(kind, result)
    validate(kind, result, old)
    return result


def spec_changed(kind: Kind, old: JsonObject, new: JsonObject) -> bool:
    """Whether a write counts for ``metadata.generation``."""
    # deploymentStrategy.PrepareForUpdate also counts a change of annotations, for historical reasons.
    if kind.resource == "deployments" and meta(old).get("annotations") != meta(new).get("annotations"):
        return True
    ignored = ("metadata", "status", "apiVersion", "kind")
    return {k: v for k, v in old.items() if k not in ignored} != {
        k: v for k, v in new.items() if k not in ignored
    }


def _with_status(kind: Kind, old: JsonObject, new: JsonObject) -> JsonObject:
    if not kind.status:
        raise BadRequest(f"{kind.resource} have no status subresource")
    result = copied(old)
    result.pop("status", None)
    if "status" in new:
        result["status"] = new["status"]
    # Controllers write bookkeeping annotations through the status; labels and owners stay.
    sent = meta(new).get("annotations")
    if sent is not None:
        meta(result)["annotations"] = sent
    return result


def _scaled(kind: Kind, old: JsonObject, scale: JsonObject) -> JsonObject:
    if not kind.scale:
        raise BadRequest(f"{kind.resource} have no scale subresource")
    result = copied(old)
    wanted = (scale.get("spec") or {}).get("replicas", 0)
    result["spec"]["replicas"] = wanted
    validate(kind, result)
    return result


def _keep_identity(kind: Kind, old: JsonObject, new: JsonObject) -> None:
    head, before = meta(new), meta(old)
    for name in (*_ASSIGNED, "deletionGracePeriodSeconds", "generateName"):
        head.pop(name, None)
        if name in before:
            head[name] = before[name]
    head["name"] = before["name"]
    if kind.namespaced:
        head["namespace"] = before["namespace"]
    else:
        head.pop("namespace", None)
    new["apiVersion"], new["kind"] = kind.api_version, kind.kind


def _keep_addresses(old: JsonObject, new: JsonObject) -> None:
    """A Service keeps the address it was given when a client sends it without one."""
    before, after = old.get("spec") or {}, new.setdefault("spec", {})
    if before.get("type") == "ExternalName" or after.get("type") == "ExternalName":
        return
    for name in ("clusterIP", "clusterIPs"):
        if not after.get(name) and before.get(name):
            after[name] = before[name]
