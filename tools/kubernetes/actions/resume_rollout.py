"""Let a rollout that was paused go on."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.pause_rollout import PAUSED, WORDS
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.switches import Switch
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.objects import JsonObject


class ResumeRollout(Switch):
    """Parameters: none."""

    name = "resume_rollout"
    kinds = ("Deployment",)
    tier = 1
    pointer = PAUSED
    on = False
    does = WORDS
    fields = (PAUSED,)
    sets = pattern(*fields)
    adds = True
    risks = "Everything that was changed in the template since it was paused is rolled out at once."
    when_not = "Somebody paused it on purpose and still works on it, or its template is what is bad."
    verify = ("rollout_complete",)
    undo = "Pauses it again; pods that were replaced meanwhile stay replaced."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a Deployment that is not paused."""
        del params, context
        return self.turned(target)
