"""Replace the pods of a workload by new ones of the same template."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import TEMPLATE, WORKLOADS
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import same

RESTARTED = "midwatch.dev/restarted-by"
_POINTER = f"{TEMPLATE}/metadata"


class RestartRollout(Verb):
    """Parameters: ``incident``, a constant that marks the restart (the plan's incident and time)."""

    name = "restart_rollout"
    kinds = WORKLOADS
    tier = 1
    sets = re.compile(re.escape(_POINTER))
    risks = "Every pod is replaced; warm caches are lost. It changes nothing that is wrong in the template."
    when_not = "The image, the configuration or the disk is the cause: a restart would hide it for minutes."
    verify = ("rollout_complete",)
    undo = "Takes the mark away, which replaces every pod once more; what a pod held in memory stays lost."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Sets one annotation of the pod template, whole metadata stated before and after."""
        del context
        if not params["incident"]:
            return Refused(reason="a restart is marked with the incident it is for")
        metadata = target["spec"]["template"].get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), RESTARTED: params["incident"]}
        return step_for(self, target, {_POINTER: {**metadata, "annotations": annotations}})

    def bounds(self, step: Step) -> Refused | None:
        """Only our own annotation may differ: labels here decide which pods a Service finds."""
        before, after = step.expect.get(_POINTER), step.set.get(_POINTER)
        if not isinstance(before, dict) or not isinstance(after, dict):
            return Refused(reason="the pod template's metadata is stated before and after")
        if not same(_unmarked(before), _unmarked(after)):
            return Refused(reason="a restart changes nothing but its own annotation")
        return None

    def sentence(self, step: Step) -> str:
        """Names the target."""
        return f"Restart {step.target}: replace its pods by new ones of the same template"


def _unmarked(metadata: JsonObject) -> JsonObject:
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != RESTARTED
    }
    return {**metadata, "annotations": annotations}
