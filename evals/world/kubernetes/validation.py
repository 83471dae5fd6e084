"""The rules an object must keep to be stored (the part of pkg/apis/*/validation that people run into)."""

from __future__ import annotations

import re

from evals.world.kubernetes.errors import FieldCause, invalid
from evals.world.kubernetes.immutability import immutable_causes
from evals.world.kubernetes.kind_validation import kind_causes
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, dig, labels_of, name_of
from evals.world.kubernetes.pod_validation import pod_spec_causes, required
from evals.world.kubernetes.selectors import SelectorError, label_selector

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]+")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_DNS_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_WORKLOADS = ("deployments", "replicasets", "statefulsets", "daemonsets")
_TEMPLATED = (*_WORKLOADS, "jobs", "replicationcontrollers")
_FREE_NAMES = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "endpointslices": ("addressType",),
    "events": ("involvedObject.name",),
    "cronjobs": ("spec.schedule", "spec.jobTemplate"),
    "horizontalpodautoscalers": ("spec.maxReplicas", "spec.scaleTargetRef"),
    "persistentvolumeclaims": ("spec.accessModes",),
    "rolebindings": ("roleRef",),
    "clusterrolebindings": ("roleRef",),
    "storageclasses": ("provisioner",),
    "controllerrevisions": ("revision",),
    "priorityclasses": ("value",),
    "customresourcedefinitions": ("spec.group", "spec.names.plural", "spec.scope", "spec.versions"),
}


def validate(kind: Kind, obj: JsonObject, old: JsonObject | None = None) -> None:
    """Raise Invalid, listing every field error, when ``obj`` breaks a rule of its kind.

    With ``old``, the object it replaces, a change of something immutable is an error too.
    """
    causes = [*_metadata_causes(kind, obj)]
    for path in _REQUIRED.get(kind.resource, ()):
        if dig(obj, *path.split(".")) in (None, "", []):
            causes.append(required(path))
    if kind.resource == "pods":
        causes += pod_spec_causes(obj.get("spec") or {}, "spec")
    if kind.resource in _TEMPLATED:
        causes += _workload_causes(kind, obj)
    causes += kind_causes(kind.resource, obj)
    if kind.resource == "services":
        causes += _service_causes(obj.get("spec") or {})
    if old is not None:
        causes += immutable_causes(kind, old, obj)
    if causes:
        raise invalid((kind.kind, kind.group, name_of(obj)), causes)


def _metadata_causes(kind: Kind, obj: JsonObject) -> list[FieldCause]:
    name, found = name_of(obj), []
    if not name:
        found.append(required("metadata.name", "name or generateName is required"))
    elif problem := _name_problem(kind, name):
        found.append(FieldCause(field="metadata.name", message=f'Invalid value: "{name}": {problem}'))
    for value in labels_of(obj).values():
        if not _LABEL_VALUE.fullmatch(value) or len(value) > 63:
            rule = _LABEL_RULE if len(value) <= 63 else "must be no more than 63 characters"
            found.append(FieldCause(field="metadata.labels", message=f'Invalid value: "{value}": {rule}'))
    return found


def _name_problem(kind: Kind, name: str) -> str:
    # Names of RBAC objects hold colons (system:…); only what would break a path is refused.
    if kind.resource in _FREE_NAMES:
        return "" if _PATH_SEGMENT.fullmatch(name) else "may not contain '/' or '%'"
    # A Service's name becomes a DNS label, and old resolvers want a letter in front.
    if kind.resource == "services":
        return "" if _DNS_1035.fullmatch(name) and len(name) <= 63 else _DNS_1035_RULE
    if len(name) > 253:
        return "must be no more than 253 characters"
    return "" if _SUBDOMAIN.fullmatch(name) else _SUBDOMAIN_RULE


def _workload_causes(kind: Kind, obj: JsonObject) -> list[FieldCause]:
    spec = obj.get("spec") or {}
    found = []
    for field in ("replicas", "parallelism", "completions", "backoffLimit", "minReadySeconds"):
        if (number := spec.get(field)) is not None and number < 0:
            found.append(
                FieldCause(
                    field=f"spec.{field}",
                    message=f"Invalid value: {number}: must be greater than or equal to 0",
                )
            )
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and deadline <= ready:
        message = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        found.append(FieldCause(field="spec.progressDeadlineSeconds", message=message))
    if kind.resource in _WORKLOADS:
        found += _selector_causes(spec)
    return found + pod_spec_causes(dig(spec, "template", "spec") or {}, "spec.template.spec")


def _selector_causes(spec: JsonObject) -> list[FieldCause]:
    selector = spec.get("selector")
    if not selector:
        return [required("spec.selector")]
    labels = labels_of(spec.get("template") or {})
    try:
        fits = label_selector(selector)(labels)
    except SelectorError as error:
        return [FieldCause(field="spec.selector", message=f"Invalid value: {error}")]
    # A workload whose pods its own selector misses would create pods for ever.
    if fits:
        return []
    words = " ".join(f'"{key}":"{value}",' for key, value in sorted(labels.items())).rstrip(",")
    return [
        FieldCause(
            field="spec.template.metadata.labels",
            message=f"Invalid value: map[string]string{{{words}}}: "
            "`selector` does not match template `labels`",
        )
    ]


def _service_causes(spec: JsonObject) -> list[FieldCause]:
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        return [required("spec.ports")]
    found = []
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        if not 1 <= int(port.get("port") or 0) <= 65535:
            message = f"Invalid value: {port.get('port')}: must be between 1 and 65535, inclusive"
            found.append(FieldCause(field=f"{at}.port", message=message))
        # With one port there is nothing to tell apart.
        if len(ports) > 1 and not port.get("name"):
            found.append(required(f"{at}.name"))
        target = port.get("targetPort")
        if isinstance(target, int) and not 1 <= target <= 65535:
            message = f"Invalid value: {target}: must be between 1 and 65535, inclusive"
            found.append(FieldCause(field=f"{at}.targetPort", message=message))
    return found
