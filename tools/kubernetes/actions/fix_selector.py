"""Make a Service's selector match the labels of an existing workload's pods."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject


class FixSelector(Verb):
    """Parameters: ``selector`` (the whole new map) and ``labels`` (of the pods it must match)."""

    name = "fix_selector"
    kinds = ("Service",)
    tier = 1
    fields = ("/spec/selector",)
    sets = pattern(*fields)
    risks = "Traffic goes to the pods that the new selector matches, at once."
    when_not = "No existing workload carries the labels, or the Service is headless by intention."
    verify = ("endpoints_ready",)
    undo = "The selector that stood there before, so traffic stops again if it led nowhere."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses an empty selector and one that the named pods do not carry."""
        del context
        selector, labels = params["selector"], params["labels"]
        if not selector or not selector.items() <= labels.items():
            return Refused(reason="the new selector does not match the workload's pods")
        return step_for(self, target, {"/spec/selector": selector})

    def bounds(self, step: Step) -> Refused | None:
        """A map of label to value that is not empty: an empty one would take all traffic away."""
        selector = step.set.get("/spec/selector")
        if not isinstance(selector, dict) or not selector:
            return Refused(reason="a selector names at least one label")
        if not all(isinstance(part, str) for pair in selector.items() for part in pair):
            return Refused(reason="a selector maps label names to label values")
        return None

    def sentence(self, step: Step) -> str:
        """Names both selectors."""
        old, new = step.expect["/spec/selector"], step.set["/spec/selector"]
        return f"Point {step.target} at the pods with {_words(new)} instead of {_words(old)}"


def _words(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
