"""Raise the least or the most that a HorizontalPodAutoscaler may ask for."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.scale import MOST, is_count
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject

_FIELDS = {"min": "minReplicas", "max": "maxReplicas"}
_LEAST, _MOST = "/spec/minReplicas", "/spec/maxReplicas"
MOST_FACTOR = 16
"""Beyond this a step is a slip of the finger, whatever policy and undo allow."""


class HpaBounds(Verb):
    """Parameters: ``min``, ``max`` or both, absolute counts from 1 to 100."""

    name = "hpa_bounds"
    kinds = ("HorizontalPodAutoscaler",)
    tier = 1
    fields = ("/spec/{min,max}Replicas",)
    sets = pattern(*fields)
    risks = "More pods need more room and more of what they call; if there is none they stay Pending."
    when_not = "The load is what is wrong, or more pods would only wait for the same database."
    verify = ("within_bounds",)
    undo = "The bounds that stood there before; pods beyond them are stopped."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses to lower a bound, zero, and more than ``context.limit_factor`` times the present most."""
        spec = target["spec"]
        present = {"min": spec.get("minReplicas", 1), "max": spec["maxReplicas"]}
        wanted = {name: params[name] for name in _FIELDS if params.get(name) is not None}
        for name, value in wanted.items():
            if not is_count(value) or not 1 <= value <= MOST:
                return Refused(reason=f"{name} {value} is outside 1 to {MOST}")
            if value < present[name]:
                return Refused(reason=f"{name} {value} is less than the present {present[name]}")
        after = present | wanted
        if after["min"] > after["max"]:
            return Refused(reason=f"min {after['min']} would be more than max {after['max']}")
        if after["max"] > present["max"] * context.limit_factor:
            return Refused(
                reason=f"{after['max']} is more than {context.limit_factor:g} times {present['max']}"
            )
        if after["min"] < context.least:
            return Refused(reason=f"a disruption budget needs {context.least} replicas")
        changes = {f"/spec/{_FIELDS[name]}": value for name, value in wanted.items()}
        return step_for(self, target, changes)

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The whole spec: what is scaled, by which metric, and the other bound."""
        del target, changes
        return ("/spec", "/spec/scaleTargetRef/kind", "/spec/scaleTargetRef/name", _LEAST, _MOST)

    def bounds(self, step: Step) -> Refused | None:
        """Counts from 1 to 100, the least at most the most, and none absurdly far from the present one."""
        for pointer, value in step.set.items():
            before = step.expect[pointer]
            if not is_count(value) or not is_count(before) or not 1 <= value <= MOST:
                return Refused(reason=f"{value!r} is outside 1 to {MOST}")
            if not before / MOST_FACTOR <= value <= before * MOST_FACTOR:
                return Refused(reason=f"{value} is too far from the present {before}")
        least, most = ((step.expect | step.set).get(pointer) for pointer in (_LEAST, _MOST))
        if not is_count(least) or not is_count(most) or least > most:
            return Refused(reason=f"{least!r} to {most!r} is no range")
        return None

    def sentence(self, step: Step) -> str:
        """Names the autoscaler, what it scales, and both ranges."""
        expect = step.expect
        after = expect | step.set
        scaled = f"{expect.get('/spec/scaleTargetRef/kind')} {expect.get('/spec/scaleTargetRef/name')}"
        now, then = (f"{values[_LEAST]} to {values[_MOST]}" for values in (expect, after))
        return f"Let {step.target} keep {scaled} at {then} replicas instead of {now}"
