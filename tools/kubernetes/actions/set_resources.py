"""Set one request or limit of one container, within policy."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import WORKLOADS, container_pointer, containers, position
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount


class SetResources(Verb):
    """Parameters: ``container``, ``field`` (``limits/memory``…) and ``value``, a quantity."""

    name = "set_resources"
    kinds = WORKLOADS
    tier = 2
    sets = re.compile(r"/spec/template/spec/containers/\d+/resources/(?:limits|requests)/(?:cpu|memory)")
    risks = "Pods are replaced; with a higher request they may not fit on any node."
    when_not = "The value would be more than the policy's multiple of the present one, or lowers a limit."
    verify = ("rollout_complete", "no_oom")

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses values beyond ``context.limit_factor`` times the present one, or below it."""
        index = position(target, params["container"])
        if index is None:
            return Refused(reason=f"there is no container {params['container']}")
        group, _, resource = params["field"].partition("/")
        present = containers(target)[index].get("resources", {}).get(group, {}).get(resource)
        if present is None:
            return Refused(reason=f"{params['container']} has no {params['field']} to change")
        against = _against(str(present), params["value"], context.limit_factor)
        if against is not None:
            return against
        pointer = f"{container_pointer(index)}/resources/{group}/{resource}"
        drafted = step_for(self, target, {pointer: params["value"]})
        if isinstance(drafted, Refused):
            return drafted
        named = {f"{container_pointer(index)}/name": params["container"]}
        return drafted.model_copy(update={"expect": {**drafted.expect, **named}})

    def sentence(self, step: Step) -> str:
        """Names the container, the field and both values."""
        ((pointer, value),) = step.set.items()
        base, _, field = pointer.partition("/resources/")
        container = step.expect.get(f"{base}/name", "the container")
        words = " ".join(reversed(field.split("/"))).removesuffix("s")
        return f"Set the {words} of {container} in {step.target} from {step.expect[pointer]} to {value}"


def _against(present: str, value: str, factor: float) -> Refused | None:
    try:
        before, after = amount(present), amount(value)
    except QuantityError as problem:
        return Refused(reason=str(problem))
    if after <= before:
        return Refused(reason=f"{value} is not more than the present {present}")
    if after > before * factor:
        return Refused(reason=f"{value} is more than {factor:g} times the present {present}")
    return None
