"""Raise one hard limit of a ResourceQuota."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import MISSING, escape, read, tokens
from tools.kubernetes.quantities import QuantityError, amount, canonical

MOST_FACTOR = 4.0
"""Beyond this a step is a slip of the unit, whatever policy and undo allow."""

_HARD = "/spec/hard/"


class Quota(Verb):
    """Parameters: ``resource`` (a key of ``spec.hard``, such as ``limits.memory``) and ``value``."""

    name = "quota"
    kinds = ("ResourceQuota",)
    tier = 3
    fields = (f"{_HARD}{{}}",)
    sets = pattern(*fields)
    risks = "The namespace may take room that others need; the quota was somebody's decision."
    when_not = "The namespace uses what it should not, or the nodes have no room for more."
    verify = ("pods_admitted",)
    undo = "The limit that stood there before; what was admitted meanwhile stays."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses limits that the quota does not have, less, and more than ``context.limit_factor`` times."""
        pointer = f"{_HARD}{escape(str(params['resource']))}"
        present = read(target, pointer)
        if present is MISSING:
            return Refused(reason=f"the quota does not limit {params['resource']}")
        try:
            value = canonical(params["value"])
            before, after = amount(str(present)), amount(value)
        except QuantityError as problem:
            return Refused(reason=str(problem))
        if not before < after <= before * context.limit_factor:
            return Refused(
                reason=f"{value} is not between the present {present} and {context.limit_factor:g} times that"
            )
        return step_for(self, target, {pointer: value})

    def bounds(self, step: Step) -> Refused | None:
        """One positive quantity that is not absurdly far from the present one."""
        if len(step.set) != 1:
            return Refused(reason="quota changes one limit")
        ((pointer, value),) = step.set.items()
        try:
            before, after = amount(str(step.expect[pointer])), amount(str(value))
        except QuantityError as problem:
            return Refused(reason=str(problem))
        if (
            not isinstance(value, str)
            or after <= 0
            or not before / MOST_FACTOR <= after <= before * MOST_FACTOR
        ):
            return Refused(reason=f"{value} is too far from the present {step.expect[pointer]}")
        return None

    def sentence(self, step: Step) -> str:
        """Names the quota, the limit and both values."""
        ((pointer, value),) = step.set.items()
        limit = tokens(pointer)[-1]
        return f"Set the limit of {limit} in {step.target} from {step.expect[pointer]} to {value}"
