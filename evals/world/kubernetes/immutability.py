"""What may not change once an object exists."""

from __future__ import annotations

from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.kubernetes.errors import FieldCause
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, copied, dig

_SELECTOR_FIXED = ("deployments", "replicasets", "daemonsets", "jobs")
_STATEFULSET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFULSET_RULE = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
    "are forbidden"
)
_CLAIM_RULE = (
    "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_POD_RULE = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
    "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)


def immutable_causes(kind: Kind, old: JsonObject, new: JsonObject) -> list[FieldCause]:
    """A field error for everything immutable that differs between ``old`` and ``new``."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    found: list[FieldCause] = []
    if kind.resource in _SELECTOR_FIXED and before.get("selector") != after.get("selector"):
        value = _go_selector(after.get("selector") or {})
        found.append(FieldCause(field="spec.selector", message=f"Invalid value: {value}: field is immutable"))
    if kind.resource == "statefulsets" and _without(before, _STATEFULSET_MUTABLE) != _without(
        after, _STATEFULSET_MUTABLE
    ):
        found.append(FieldCause(field="spec", message=_STATEFULSET_RULE, reason="FieldValueForbidden"))
    if kind.resource == "pods" and _fixed_part(before) != _fixed_part(after, before):
        found.append(FieldCause(field="spec", message=_POD_RULE, reason="FieldValueForbidden"))
    if kind.resource == "jobs" and before.get("template") != after.get("template"):
        found.append(FieldCause(field="spec.template", message="Invalid value: field is immutable"))
    if kind.resource == "persistentvolumeclaims":
        found += _claim(old, new)
    if kind.resource == "services":
        found += _addresses(before, after)
    if kind.resource in ("configmaps", "secrets") and old.get("immutable"):
        found += _frozen_data(old, new)
    if kind.resource in ("rolebindings", "clusterrolebindings") and old.get("roleRef") != new.get("roleRef"):
        found.append(FieldCause(field="roleRef", message="Invalid value: cannot change roleRef"))
    return found


def _without(spec: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {key: value for key, value in spec.items() if key not in names}


def _fixed_part(spec: JsonObject, before: JsonObject | None = None) -> JsonObject:
    kept = _without(copied(spec), ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"))
    for group in ("containers", "initContainers"):
        for container in kept.get(group) or []:
            container.pop("image", None)
    # The scheduler here binds by writing nodeName once; a real one posts to pods/binding.
    if before is not None and not before.get("nodeName"):
        kept.pop("nodeName", None)
    return kept


def _addresses(before: JsonObject, after: JsonObject) -> list[FieldCause]:
    was, now = before.get("clusterIP"), after.get("clusterIP")
    if not was or was == now or "ExternalName" in (before.get("type"), after.get("type")):
        return []
    message = f'Invalid value: []string{{"{now}"}}: may not change once set'
    return [FieldCause(field="spec.clusterIPs[0]", message=message)]


def _claim(old: JsonObject, new: JsonObject) -> list[FieldCause]:
    """Only the storage that a bound claim asks for may change, and only upwards."""
    before, after = (_claimed(each) for each in (old, new))
    bound = dig(old, "status", "phase") == "Bound"
    # A claim is bound by writing volumeName once; a real server has no more to say about it either.
    if not before.get("volumeName"):
        before.pop("volumeName", None)
        after.pop("volumeName", None)
    sizes = [dig(each, "resources", "requests", "storage") for each in (before, after)]
    for each in (before, after):
        (dig(each, "resources", "requests") or {}).pop("storage", None)
    if before != after or (not bound and sizes[0] != sizes[1]):
        return [FieldCause(field="spec", message=_CLAIM_RULE, reason="FieldValueForbidden")]
    try:
        shrinks = bool(sizes[0] and sizes[1]) and quantity(sizes[1]) < quantity(sizes[0])
    except ValueError as problem:
        return [FieldCause(field="spec.resources.requests.storage", message=f"Invalid value: {problem}")]
    if shrinks:
        rule = "Forbidden: field can not be less than status.capacity"
        return [
            FieldCause(field="spec.resources.requests.storage", message=rule, reason="FieldValueForbidden")
        ]
    return []


def _claimed(claim: JsonObject) -> JsonObject:
    found: JsonObject = copied(claim.get("spec") or {})
    return found


def _frozen_data(old: JsonObject, new: JsonObject) -> list[FieldCause]:
    rule = "Forbidden: field is immutable when `immutable` is set"
    return [
        FieldCause(field=name, message=rule, reason="FieldValueForbidden")
        for name in ("data", "binaryData", "immutable")
        if dig(old, name) != dig(new, name)
    ]


def _go_selector(selector: JsonObject) -> str:
    labels = ", ".join(
        f'"{key}":"{value}"' for key, value in sorted((selector.get("matchLabels") or {}).items())
    )
    return (
        f"v1.LabelSelector{{MatchLabels:map[string]string{{{labels}}}, "
        "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}"
    )
