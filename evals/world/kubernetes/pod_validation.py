"""Field errors of pod specs, worded as the real server words them.

The same rules hold for a pod and for the template in a workload, under another path: that is why every
function is told where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.kubernetes.errors import FieldCause
from evals.world.kubernetes.objects import JsonObject

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def required(field: str, why: str = "") -> FieldCause:
    """The error about a field that is missing."""
    message = f"Required value: {why}" if why else "Required value"
    return FieldCause(field=field, message=message, reason="FieldValueRequired")


def pod_spec_causes(spec: JsonObject, at: str) -> list[FieldCause]:
    """Every field error of a pod spec whose path is ``at``."""
    found: list[FieldCause] = []
    if not spec.get("containers"):
        found.append(required(f"{at}.containers"))
    volumes = {str(volume.get("name")) for volume in spec.get("volumes") or []}
    # Over both lists: an init container and a container of one name would share a log.
    names: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or []):
            where = f"{at}.{group}[{index}]"
            found += _container(container, where)
            found += _mounts(container, where, volumes)
            name = container.get("name")
            if name in names:
                found.append(
                    FieldCause(
                        field=f"{where}.name",
                        message=f'Duplicate value: "{name}"',
                        reason="FieldValueDuplicate",
                    )
                )
            names.add(str(name))
    if spec.get("restartPolicy") not in ("Always", "OnFailure", "Never"):
        found_value = spec.get("restartPolicy")
        message = f'Unsupported value: "{found_value}": supported values: "Always", "OnFailure", "Never"'
        found.append(
            FieldCause(field=f"{at}.restartPolicy", message=message, reason="FieldValueNotSupported")
        )
    return found


def _container(container: JsonObject, at: str) -> Iterator[FieldCause]:
    name = str(container.get("name") or "")
    if not name:
        yield required(f"{at}.name")
    elif not _DNS_LABEL.fullmatch(name) or len(name) > 63:
        yield FieldCause(field=f"{at}.name", message=f'Invalid value: "{name}": {_DNS_LABEL_RULE}')
    image = str(container.get("image") or "")
    if not image:
        yield required(f"{at}.image")
    # The one thing the server says about images; whether one exists is for the kubelet to find out.
    elif image != image.strip():
        yield FieldCause(
            field=f"{at}.image",
            message=f'Invalid value: "{image}": must not have leading or trailing whitespace',
        )
    for index, port in enumerate(container.get("ports") or []):
        number = port.get("containerPort")
        if not number:
            yield required(f"{at}.ports[{index}].containerPort")
        elif not 1 <= number <= 65535:
            yield FieldCause(
                field=f"{at}.ports[{index}].containerPort",
                message=f"Invalid value: {number}: must be between 1 and 65535, inclusive",
            )
    yield from _resources(container.get("resources") or {}, f"{at}.resources")
    yield from _probes(container, at)
    yield from _references(container, at)


def _probes(container: JsonObject, at: str) -> Iterator[FieldCause]:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name) or {}
        for field in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"):
            if (value := probe.get(field)) is not None and value < 0:
                rule = "must be greater than or equal to 0"
                yield FieldCause(field=f"{at}.{name}.{field}", message=f"Invalid value: {value}: {rule}")
        for action in ("httpGet", "tcpSocket"):
            port = (probe.get(action) or {}).get("port")
            if isinstance(port, int) and not 1 <= port <= 65535:
                message = f"Invalid value: {port}: must be between 1 and 65535, inclusive"
                yield FieldCause(field=f"{at}.{name}.{action}.port", message=message)


def _references(container: JsonObject, at: str) -> Iterator[FieldCause]:
    for index, entry in enumerate(container.get("env") or []):
        for field in ("configMapKeyRef", "secretKeyRef"):
            said = (entry.get("valueFrom") or {}).get(field)
            if said is not None and not said.get("key"):
                yield required(f"{at}.env[{index}].valueFrom.{field}.key")
        if entry.get("valueFrom") and entry.get("value"):
            rule = "may not be specified when `value` is not empty"
            yield FieldCause(field=f"{at}.env[{index}].valueFrom", message=f'Invalid value: "": {rule}')


def _resources(resources: JsonObject, at: str) -> Iterator[FieldCause]:
    limits = resources.get("limits") or {}
    for part in ("limits", "requests"):
        for name, value in (resources.get(part) or {}).items():
            try:
                amount = quantity(value)
            except ValueError:
                yield FieldCause(
                    field=f"{at}.{part}[{name}]", message=f'Invalid value: "{value}": {_QUANTITY_RULE}'
                )
                return
            if amount < 0:
                yield FieldCause(
                    field=f"{at}.{part}[{name}]",
                    message=f'Invalid value: "{value}": must be greater than or equal to 0',
                )
            # The scheduler promises the request and the kernel enforces the limit: more cannot be promised.
            if part == "requests" and name in limits and amount > quantity(limits[name]):
                yield FieldCause(
                    field=f"{at}.requests",
                    message=f'Invalid value: "{value}": must be less than or equal to '
                    f"{name} limit of {limits[name]}",
                )


def _mounts(container: JsonObject, at: str, volumes: set[str]) -> Iterator[FieldCause]:
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            yield FieldCause(
                field=f"{at}.volumeMounts[{index}].name",
                message=f'Not found: "{mount.get("name")}"',
                reason="FieldValueNotFound",
            )
