"""Rules of single kinds (pkg/apis/{autoscaling,batch,core,admissionregistration})."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from evals.world.kubernetes.cel import CelError, compiled
from evals.world.kubernetes.controllers.cron import BadSchedule, schedule
from evals.world.kubernetes.errors import FieldCause
from evals.world.kubernetes.objects import JsonObject, dig
from evals.world.kubernetes.pod_validation import pod_spec_causes

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def kind_causes(resource: str, obj: JsonObject) -> Iterator[FieldCause]:
    """Every field error that only objects of this kind can have."""
    rules = _RULES.get(resource)
    return rules(obj) if rules else iter(())


def _autoscaler(obj: JsonObject) -> Iterator[FieldCause]:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        yield _invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield _invalid("spec.maxReplicas", most, "must be greater than 0")
    elif least is not None and most < least:
        yield _invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")


def _job(obj: JsonObject) -> Iterator[FieldCause]:
    yield from _job_template(dig(obj, "spec", "template", "spec") or {}, "spec.template.spec")


def _cron_job(obj: JsonObject) -> Iterator[FieldCause]:
    spec = obj.get("spec") or {}
    text = spec.get("schedule") or ""
    try:
        schedule(text)
    except BadSchedule as problem:
        if text:
            yield _invalid("spec.schedule", f'"{text}"', str(problem))
    policies = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in policies:
        yield _unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
    template, at = dig(spec, "jobTemplate", "spec", "template", "spec"), "spec.jobTemplate.spec.template.spec"
    if template is not None:
        yield from pod_spec_causes(template, at)
        yield from _job_template(template, at)


def _job_template(spec: JsonObject, at: str) -> Iterator[FieldCause]:
    # A pod that is always restarted would never let its Job end.
    if spec.get("restartPolicy") == "Always":
        yield _unsupported(f"{at}.restartPolicy", "Always", ("OnFailure", "Never"))


def _config_map(obj: JsonObject) -> Iterator[FieldCause]:
    for field in ("data", "binaryData"):
        for key in obj.get(field) or {}:
            if not _KEY.fullmatch(key):
                rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                yield _invalid(f"{field}[{key}]", f'"{key}"', rule)


def _policy(obj: JsonObject) -> Iterator[FieldCause]:
    spec = obj.get("spec") or {}
    for group in ("matchConditions", "variables", "validations"):
        for index, each in enumerate(spec.get(group) or []):
            try:
                compiled(each["expression"])
            except CelError as problem:
                yield _invalid(f"spec.{group}[{index}].expression", f'"{each["expression"]}"', str(problem))


def _invalid(field: str, value: object, rule: str) -> FieldCause:
    return FieldCause(field=field, message=f"Invalid value: {value}: {rule}")


def _unsupported(field: str, value: object, known: tuple[str, ...]) -> FieldCause:
    listed = ", ".join(f'"{each}"' for each in known)
    message = f'Unsupported value: "{value}": supported values: {listed}'
    return FieldCause(field=field, message=message, reason="FieldValueNotSupported")


_RULES: dict[str, Callable[[JsonObject], Iterator[FieldCause]]] = {
    "horizontalpodautoscalers": _autoscaler,
    "jobs": _job,
    "cronjobs": _cron_job,
    "configmaps": _config_map,
    "validatingadmissionpolicies": _policy,
}
