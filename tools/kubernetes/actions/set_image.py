"""Set one container's image to one that this workload ran before."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import WORKLOADS, container_pointer, containers, position
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject


class SetImage(Verb):
    """Parameters: ``container`` and ``image``, the full reference."""

    name = "set_image"
    kinds = WORKLOADS
    tier = 1
    sets = re.compile(r"/spec/template/spec/containers/\d+/image")
    risks = "Pods are replaced one by one; a version older than its database may not start."
    when_not = "The image was never seen in this workload's history, or is named only in telemetry."
    verify = ("rollout_complete", "no_image_errors")

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses images that this workload never ran."""
        container, image = params["container"], params["image"]
        if image not in context.images:
            return Refused(reason=f"{image} was never seen in this workload's history")
        index = position(target, container)
        if index is None:
            return Refused(reason=f"there is no container {container}")
        pointer = f"{container_pointer(index)}/image"
        drafted = step_for(self, target, {pointer: image})
        if isinstance(drafted, Refused):
            return drafted
        # The name pins the index: containers that swap places make the plan stale.
        named = {f"{container_pointer(index)}/name": containers(target)[index]["name"]}
        return drafted.model_copy(update={"expect": {**drafted.expect, **named}})

    def sentence(self, step: Step) -> str:
        """Names the container and both images."""
        ((pointer, image),) = step.set.items()
        container = step.expect.get(pointer.replace("/image", "/name"), "the container")
        return f"Set the image of {container} in {step.target} from {step.expect[pointer]} to {image}"
