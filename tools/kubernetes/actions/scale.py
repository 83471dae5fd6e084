"""Set the number of replicas of a workload."""

from __future__ import annotations

from typing import TypeGuard

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject

MOST = 100


class Scale(Verb):
    """Parameters: ``replicas``, from 1 to 100."""

    name = "scale"
    kinds = ("Deployment", "StatefulSet")
    tier = 1
    fields = ("/spec/replicas",)
    sets = pattern(*fields)
    risks = "More pods need more room; if there is none they stay Pending."
    when_not = "An autoscaler owns the count and would undo it (then hpa_bounds); or the wish is zero."
    verify = ("rollout_complete",)
    undo = "The count that stood there before, zero included."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses zero, less than a disruption budget needs, and counts that an HPA owns."""
        replicas = params["replicas"]
        if not is_count(replicas) or not 1 <= replicas <= MOST:
            return Refused(reason=f"{replicas} replicas is outside 1 to {MOST}")
        if context.owned_by:
            return Refused(
                reason=f"the autoscaler {context.owned_by} owns the count and would undo it; "
                "its bounds are what to change (hpa_bounds)"
            )
        if replicas < context.least:
            return Refused(reason=f"a disruption budget needs {context.least} replicas")
        return step_for(self, target, {"/spec/replicas": replicas})

    def bounds(self, step: Step) -> Refused | None:
        """From 0 to 100: an undo may go back to zero, because a person signs that too."""
        value = step.set.get("/spec/replicas")
        if not is_count(value) or not 0 <= value <= MOST:
            return Refused(reason=f"{value!r} replicas is outside 0 to {MOST}")
        return None

    def sentence(self, step: Step) -> str:
        """Names both counts."""
        old, new = step.expect["/spec/replicas"], step.set["/spec/replicas"]
        return f"Scale {step.target} from {old} to {new} replicas"


def is_count(value: object) -> TypeGuard[int]:
    """Whether this is a whole number."""
    # JSON's true is an int to Python.
    return isinstance(value, int) and not isinstance(value, bool)
