"""What is dropped at the reader's door: values that may be secret, and bulk that says nothing.

Env values, last-applied annotations, the values of Secrets and ConfigMaps never get past here
(property P22). What is left of an env value is a tag: two equal values have equal tags within
this process, so that a changed one is seen without being known; and where it points to in the
cluster, see ``addresses``. Of a TLS Secret stays what its certificate tells everybody: for which
names, and until when.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence

from tools.kubernetes.addresses import addresses
from tools.kubernetes.certificates import read_certificate
from tools.kubernetes.objects import JsonObject

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
VALUE_TAG = "valueTag"
"""The key, in place of ``value``, under which an env entry keeps its tag."""

# Lost with the process: a tag in old evidence cannot be tried against guesses.
_TAG_KEY = secrets.token_bytes(32)
_KEPT = ("kind", "apiVersion", "metadata", "keys", "bytes", "certificate")
_NESTED = ("template", "jobTemplate")
_WHO_AND_WHEN = ("manager", "operation", "time", "subresource", "fields")
_WITHOUT_FIELDS = frozenset(("Pod", "ReplicaSet", "Event", "EndpointSlice"))
"""Kinds of which there are thousands, written by controllers alone."""

_MOST_FIELDS = 24
# Of kinds that others define: parts that hold values somebody may keep secret (whole manifests, env values,
# headers, connection strings), or bulk that nobody here reads. A path ends at the key that is dropped.
_DROPPED: dict[str, tuple[str, ...]] = {
    "ClusterServiceVersion": ("metadata.annotations", "spec"),
    "InstallPlan": ("status.plan", "status.bundleLookups"),
    "Subscription": ("spec.config",),
    "ScaledObject": ("spec.triggers", "spec.advanced"),
    "Policy": ("spec",),
    "ClusterPolicy": ("spec",),
    "HTTPRoute": ("spec.rules.filters", "spec.rules.backendRefs.filters"),
    "GRPCRoute": ("spec.rules.filters", "spec.rules.backendRefs.filters"),
    "CustomResourceDefinition": ("spec.versions.schema", "spec.versions.additionalPrinterColumns"),
    "StorageClass": ("parameters",),
    "PersistentVolume": ("spec.csi.volumeAttributes", "spec.flexVolume.options"),
}


def cleaned(obj: JsonObject) -> JsonObject:
    """The object without what must not be kept; cleaning it again changes nothing.

    ``managedFields`` shrink to who, when, how, and the fields' upper two levels: that is what "who changed
    it" needs.
    """
    meta = dict(obj.get("metadata") or {})
    if LAST_APPLIED in (meta.get("annotations") or {}):
        # The key stays: a patch must know that there is an annotations map it may not replace.
        meta["annotations"] = {**meta["annotations"], LAST_APPLIED: "(dropped)"}
    kind = str(obj.get("kind") or "")
    meta["managedFields"] = [_writer(entry, kind) for entry in meta.get("managedFields") or []]
    kept = {**obj, "metadata": meta}
    for path in _DROPPED.get(obj.get("kind") or "", ()):
        kept = _without(kept, path.split("."))
    if obj.get("kind") in {"Secret", "ConfigMap"}:
        return _keys_only(kept)
    if obj.get("kind") == "ControllerRevision":
        return _revision(kept)
    if not isinstance(kept.get("spec"), dict):
        return kept
    # Beside the spec, not within: a template is compared and restored as it stands.
    points_to = list(_addresses(kept["spec"]))
    return {**kept, "spec": _spec(kept["spec"]), **({"addresses": points_to} if points_to else {})}


def _revision(obj: JsonObject) -> JsonObject:
    """The pod template that it keeps; whatever else controllers put there is not known to be harmless."""
    inner: object = obj
    for key in ("data", "spec", "template"):
        inner = inner.get(key) if isinstance(inner, dict) else None
    bare = {key: value for key, value in obj.items() if key != "data"}
    if not isinstance(inner, dict) or not isinstance(inner.get("spec"), dict):
        return bare
    # A directive for the patch that it is when a workload goes back; no part of the template.
    kept = {key: value for key, value in inner.items() if key != "$patch"}
    return {**bare, "data": {"spec": {"template": {**kept, "spec": _spec(inner["spec"])}}}}


def _writer(entry: JsonObject, kind: str) -> JsonObject:
    kept = {key: entry[key] for key in _WHO_AND_WHEN if key in entry}
    owned = entry.get("fieldsV1")
    if isinstance(owned, dict) and kind not in _WITHOUT_FIELDS:
        # The keys of a Secret are not known otherwise, and stay so.
        kept["fields"] = sorted(_paths(owned, deep=kind != "Secret"))[:_MOST_FIELDS]
    return kept


def _paths(owned: JsonObject, *, deep: bool) -> Iterator[str]:
    """``spec.replicas`` for FieldsV1's ``f:spec: {f:replicas: {}}``; no deeper."""
    for key, inner in owned.items():
        name = key.removeprefix("f:")
        below = [one.removeprefix("f:") for one in inner if one.startswith("f:")] if deep else []
        yield from (f"{name}.{one}" for one in below) if below else (name,)


def _without(obj: JsonObject, path: Sequence[str]) -> JsonObject:
    """The object without what is at ``path``; a list on the way is followed into each of its items."""
    first, *rest = path
    if first not in obj:
        return obj
    if not rest:
        return {key: value for key, value in obj.items() if key != first}
    inner = obj[first]
    if isinstance(inner, list):
        return {**obj, first: [_without(one, rest) if isinstance(one, dict) else one for one in inner]}
    return {**obj, first: _without(inner, rest)} if isinstance(inner, dict) else obj


def value_tag(value: str) -> str:
    """The tag that this value has within this process: what is known otherwise can be compared with it."""
    return _tag(value)


def _addresses(spec: JsonObject) -> Iterator[JsonObject]:
    for key in ("containers", "initContainers"):
        for container in spec.get(key) or ():
            if isinstance(container, dict):
                yield from addresses(container, _tag)
    for key in _NESTED:
        inner = spec.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("spec"), dict):
            yield from _addresses(inner["spec"])


def _keys_only(obj: JsonObject) -> JsonObject:
    kept: JsonObject = {key: obj[key] for key in _KEPT if key in obj}
    if "data" in obj or "binaryData" in obj:
        if obj["kind"] == "ConfigMap":
            kept["bytes"] = _size(obj)
        kept["keys"] = sorted({*(obj.get("data") or {}), *(obj.get("binaryData") or {})})
        # Every client is shown the certificate in the handshake; its key stays out.
        served = read_certificate((obj.get("data") or {}).get("tls.crt", ""))
        kept |= {"certificate": served} if served else {}
    elif obj["kind"] == "ConfigMap":
        # A Secret is read by its metadata: no keys there means "not known", here it means "none".
        kept.setdefault("keys", [])
    return kept


def _size(configmap: JsonObject) -> int:
    """How many bytes its values are; the size of a Secret's could say what it is."""
    texts = (str(value).encode("utf-8", "surrogatepass") for value in (configmap.get("data") or {}).values())
    encoded = (str(value) for value in (configmap.get("binaryData") or {}).values())
    return sum(map(len, texts)) + sum(len(text.rstrip("=")) * 3 // 4 for text in encoded)


def _spec(spec: JsonObject) -> JsonObject:
    """A pod's spec, or one that holds a pod template at some depth, without env values."""
    changed: JsonObject = {
        key: [_container(each) for each in spec[key] if isinstance(each, dict)]
        for key in ("containers", "initContainers", "ephemeralContainers")
        if isinstance(spec.get(key), list)
    }
    for key in _NESTED:
        inner = spec.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("spec"), dict):
            changed[key] = {**inner, "spec": _spec(inner["spec"])}
    return {**spec, **changed}


def _container(container: JsonObject) -> JsonObject:
    env = [_entry(entry) for entry in container.get("env") or [] if isinstance(entry, dict)]
    return {**container, "env": env} if env else container


def _entry(entry: JsonObject) -> JsonObject:
    if "value" not in entry:
        return entry
    rest = {key: value for key, value in entry.items() if key != "value"}
    return {**rest, VALUE_TAG: _tag(str(entry["value"]))} if entry["value"] else rest


def _tag(value: str) -> str:
    return hmac.new(_TAG_KEY, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]
