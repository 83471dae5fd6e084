"""Replace the pods of a workload by new ones of the same template."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import WORKLOADS
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject

RESTARTED = "midwatch.dev/restarted-for"
_POINTER = "/spec/template/metadata"


class RestartRollout(Verb):
    """Parameters: ``incident``, a constant that marks the restart (the plan's incident and time)."""

    name = "restart_rollout"
    kinds = WORKLOADS
    tier = 1
    sets = re.compile(re.escape(_POINTER))
    risks = "Every pod is replaced; warm caches are lost. It changes nothing that is wrong in the template."
    when_not = "The image, the configuration or the disk is the cause: a restart would hide it for minutes."
    verify = ("rollout_complete",)

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Sets one annotation of the pod template, whole metadata stated before and after."""
        metadata = target["spec"]["template"].get("metadata", {})
        annotations = {**metadata.get("annotations", {}), RESTARTED: params["incident"]}
        return step_for(self, target, {_POINTER: {**metadata, "annotations": annotations}})

    def sentence(self, step: Step) -> str:
        """Names the target."""
        return f"Restart {step.target}: replace its pods by new ones of the same template"
