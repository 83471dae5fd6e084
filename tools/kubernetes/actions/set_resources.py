"""Set one request or limit of one container, within policy."""

from __future__ import annotations

from tools.kubernetes.actions.containers import CONTAINERS, WORKLOADS, find, name_in, names_of
from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount, canonical

MOST_FACTOR = 64.0
"""Beyond this a step is a slip of the unit (Mi for Gi), whatever policy and undo allow."""


class SetResources(Verb):
    """Parameters: ``container``, ``field`` (``limits/memory``…) and ``value``, a quantity."""

    name = "set_resources"
    kinds = WORKLOADS
    tier = 2
    fields = (f"{CONTAINERS}/resources/{{limits,requests}}/{{cpu,memory}}",)
    sets = pattern(*fields)
    risks = "Pods are replaced; with a higher request they may not fit on any node."
    when_not = "The value would be more than the policy's multiple of the present one, or lowers a limit."
    verify = ("rollout_complete", "no_oom")
    undo = "The value that stood there before."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses values beyond ``context.limit_factor`` times the present one, or below it."""
        found = find(target, params["container"])
        if found is None:
            return Refused(reason=f"there is no container {params['container']}")
        pointer, container = found
        resources = container.get("resources") or {}
        group, _, resource = params["field"].partition("/")
        present = (resources.get(group) or {}).get(resource)
        if present is None:
            return Refused(reason=f"{params['container']} has no {params['field']} to change")
        try:
            against = _against(str(present), params["value"], context.limit_factor)
            limit = (resources.get("limits") or {}).get(resource)
            if group == "requests" and limit is not None and amount(params["value"]) > amount(str(limit)):
                return Refused(reason=f"{params['value']} is more than the limit {limit}")
            # The server rewrites quantities; the value signed must be the one that is found there later.
            value = canonical(params["value"])
        except QuantityError as problem:
            return Refused(reason=str(problem))
        return against or step_for(self, target, {f"{pointer}/resources/{group}/{resource}": value})

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The container's name."""
        del target
        return names_of(changes)

    def bounds(self, step: Step) -> Refused | None:
        """One positive quantity that is not absurdly far from the present one."""
        if len(step.set) != 1:
            return Refused(reason="set_resources changes one value")
        ((pointer, value),) = step.set.items()
        try:
            before, after = amount(str(step.expect[pointer])), amount(str(value))
        except QuantityError as problem:
            return Refused(reason=str(problem))
        if after <= 0 or not before / MOST_FACTOR <= after <= before * MOST_FACTOR:
            return Refused(reason=f"{value} is too far from the present {step.expect[pointer]}")
        return None

    def sentence(self, step: Step) -> str:
        """Names the container, the field and both values."""
        ((pointer, value),) = step.set.items()
        container = name_in(step.expect, pointer)
        group, resource = pointer.split("/")[-2:]
        words = f"{resource} {group.removesuffix('s')}"
        return f"Set the {words} of {container} in {step.target} from {step.expect[pointer]} to {value}"


def _against(present: str, value: str, factor: float) -> Refused | None:
    before, after = amount(present), amount(value)
    if after <= before:
        return Refused(reason=f"{value} is not more than the present {present}")
    if after > before * factor:
        return Refused(reason=f"{value} is more than {factor:g} times the present {present}")
    return None
