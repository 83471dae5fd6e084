"""Let a Job, or the runs of a CronJob, go on that were suspended."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.suspend import SUSPEND, WORDS, over
from tools.kubernetes.actions.switches import Switch
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.objects import JsonObject


class Resume(Switch):
    """Parameters: none."""

    name = "resume"
    kinds = ("CronJob", "Job")
    tier = 1
    pointer = SUSPEND
    on = False
    does = WORDS
    fields = (SUSPEND,)
    sets = pattern(*fields)
    risks = "A CronJob that missed a run starts it at once; a Job's pods need room."
    when_not = "Somebody suspended it on purpose and the reason still holds."
    verify = ("runs_again",)
    undo = "Suspends it again; runs that were started meanwhile were started, and a Job's pods are stopped."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses what is not suspended, and a Job that is over."""
        del params, context
        return over(target) or self.turned(target)
