"""Replace the pods of a workload by new ones of the same template."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import TEMPLATE, WORKLOADS
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import escape, same

RESTARTED = "midwatch.dev/restarted-by"
HELPS = {
    "stale_config": "its pods started before their configuration changed",
    "leaked_connection": "its pods hold connections that no longer work",
}
"""The causes that a restart removes; every other one would only be hidden by it."""
_POINTER = f"{TEMPLATE}/metadata"


class RestartRollout(Verb):
    """Parameters: ``incident``, a constant that marks the restart (the plan's incident and time), and
    ``because``: ``stale_config`` or ``leaked_connection``.
    """

    name = "restart_rollout"
    kinds = WORKLOADS
    tier = 1
    # The whole metadata is written, as it may have no annotations yet; ``bounds`` lets one of them differ.
    fields = (f"{_POINTER}/annotations/{escape(RESTARTED)}",)
    sets = re.compile(re.escape(_POINTER))
    risks = "Every pod is replaced; warm caches are lost. It changes nothing that is wrong in the template."
    when_not = "The image, the configuration or the disk is the cause: a restart would hide it for minutes."
    verify = ("rollout_complete",)
    undo = "Takes the mark away, which replaces every pod once more; what a pod held in memory stays lost."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses every cause that new pods of the same template would have as well, and a paused rollout."""
        del context
        if params["because"] not in HELPS:
            return Refused(reason=f"a restart does not help against {params['because']}")
        if target["spec"].get("paused"):
            return Refused(reason="its rollout is paused, so no pod would be replaced")
        if not params["incident"]:
            return Refused(reason="a restart is marked with the incident it is for")
        metadata = target["spec"]["template"].get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), RESTARTED: params["incident"]}
        changes = {_POINTER: {**metadata, "annotations": annotations}}
        return step_for(self, target, changes, {"because": params["because"]})

    def undoing(self, step: Step) -> dict[str, str]:
        """What it was for."""
        return step.about

    def bounds(self, step: Step) -> Refused | None:
        """Only our own annotation may differ: labels here decide which pods a Service finds."""
        before, after = step.expect.get(_POINTER), step.set.get(_POINTER)
        if not isinstance(before, dict) or not isinstance(after, dict):
            return Refused(reason="the pod template's metadata is stated before and after")
        if not same(_unmarked(before), _unmarked(after)):
            return Refused(reason="a restart changes nothing but its own annotation")
        if step.about.get("because") not in HELPS:
            return Refused(reason="it is not said what the restart is for")
        return None

    def sentence(self, step: Step) -> str:
        """Names the target and what the restart is for, or that its mark is taken away."""
        if _mark(step.expect) and not _mark(step.set):
            return f"Take the mark of a restart off {step.target}, which replaces its pods once more"
        why = HELPS.get(step.about.get("because", ""), "nothing is said of why")
        return f"Restart {step.target}: replace its pods by new ones of the same template, because {why}"


def _mark(values: JsonObject) -> str:
    return str(((values.get(_POINTER) or {}).get("annotations") or {}).get(RESTARTED, ""))


def _unmarked(metadata: JsonObject) -> JsonObject:
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != RESTARTED
    }
    return {**metadata, "annotations": annotations}
