"""Stop a Job, or the next runs of a CronJob."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.switches import Switch
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.objects import JsonObject

SUSPEND = "/spec/suspend"
WORDS = (
    "Suspend {target}: a Job's running pods are stopped, a CronJob starts no further run",
    "Resume {target}: a Job's pods are started again, a CronJob starts what is due",
)


class Suspend(Switch):
    """Parameters: none."""

    name = "suspend"
    kinds = ("CronJob", "Job")
    tier = 1
    pointer = SUSPEND
    on = True
    does = WORDS
    fields = (SUSPEND,)
    sets = pattern(*fields)
    risks = "A Job's pods are stopped; what they had not stored is lost. Later runs are missed."
    when_not = "The Job is over, or others wait for its result."
    verify = ("runs_no_more",)
    undo = "Lets it run again, a Job from its beginning; the work of the pods that were stopped stays lost."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses what is suspended already, and a Job that is over."""
        del params, context
        return over(target) or self.turned(target)

    def tier_of(self, step: Step) -> int:
        """2 for a Job, whose running pods are stopped."""
        return self.tier + 1 if step.kind == "Job" else self.tier


def over(target: JsonObject) -> Refused | None:
    """The refusal for a Job that has completed or failed: its switch does nothing any more."""
    conditions = (target.get("status") or {}).get("conditions") or []
    ended = [each["type"] for each in conditions if each["status"] == "True"]
    if target["kind"] == "Job" and {"Complete", "Failed"} & set(ended):
        return Refused(reason="the Job is over")
    return None
