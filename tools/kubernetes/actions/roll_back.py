"""Put back the pod template of one pinned earlier revision."""

from __future__ import annotations

import copy
import re

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject


class RollBack(Verb):
    """Parameters: ``template`` (of the pinned ReplicaSet) and ``revision`` (its number)."""

    name = "roll_back"
    kinds = ("Deployment",)
    tier = 1
    sets = re.compile(r"/spec/template")
    risks = "Everything that changed in the template since goes back, not only what broke."
    when_not = "A GitOps controller owns the object and would revert it."
    verify = ("rollout_complete",)

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a template with literal env values, or labels this Deployment does not select."""
        template = copy.deepcopy(params["template"])
        if _incomplete(template) or _incomplete(target["spec"]["template"]):
            return Refused(reason="the template holds env values, which Midwatch does not read or write")
        labels = template.get("metadata", {}).get("labels", {})
        # The ReplicaSet added this label; a Deployment that carried it would adopt nothing.
        labels.pop("pod-template-hash", None)
        wanted = target["spec"]["selector"].get("matchLabels", {})
        if not wanted.items() <= labels.items():
            return Refused(reason="the earlier template carries labels that this Deployment does not select")
        return step_for(self, target, {"/spec/template": template})

    def sentence(self, step: Step) -> str:
        """Names the target and the images it goes back to."""
        images = ", ".join(c["image"] for c in step.set["/spec/template"]["spec"]["containers"])
        return f"Roll {step.target} back to its earlier template ({images})"


def _incomplete(template: JsonObject) -> bool:
    # The reader drops literal env values; writing the template back would erase them.
    entries = [entry for c in template["spec"]["containers"] for entry in c.get("env") or []]
    return any("value" not in entry and "valueFrom" not in entry for entry in entries)
