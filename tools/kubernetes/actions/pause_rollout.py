"""Stop a rollout where it is, so that it replaces no further pod."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.switches import Switch
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.objects import JsonObject

PAUSED = "/spec/paused"
WORDS = (
    "Pause the rollout of {target}: no further pod is replaced until it is resumed",
    "Resume the rollout of {target}: its pods are replaced until all run the present template",
)


class PauseRollout(Switch):
    """Parameters: none."""

    name = "pause_rollout"
    kinds = ("Deployment",)
    tier = 1
    pointer = PAUSED
    on = True
    does = WORDS
    fields = (PAUSED,)
    sets = pattern(*fields)
    adds = True
    risks = "Pods of the new template that already run stay; later changes wait too until it is resumed."
    when_not = "The rollout is over, or is stuck by itself: then going back is the repair and this is none."
    verify = ("rollout_stands",)
    undo = "Resumes the rollout, which goes on replacing pods at once."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a Deployment that is paused, and one whose rollout is over."""
        del params, context
        if not under_way(target):
            return Refused(reason="no rollout is under way")
        return self.turned(target)


def under_way(deployment: JsonObject) -> bool:
    """Whether pods of an older template are still there or are still to be replaced."""
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration") != deployment["metadata"].get("generation"):
        # Its controller has not even begun: what the status says is about the template before.
        return True
    updated = status.get("updatedReplicas") or 0
    return bool(updated < wanted or (status.get("replicas") or 0) > updated)
