"""Set one container's image to one that this workload ran before."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import CONTAINERS, WORKLOADS, find, name_in, names_of
from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject

# Registry, path, tag and digest by the characters they are made of; the registry judges the rest.
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,499}")


class SetImage(Verb):
    """Parameters: ``container`` and ``image``, the full reference."""

    name = "set_image"
    kinds = WORKLOADS
    tier = 1
    fields = (f"{CONTAINERS}/image",)
    sets = pattern(*fields)
    risks = "Pods are replaced one by one; a version older than its database may not start."
    when_not = "The image was never seen in this workload's history, or is named only in telemetry."
    verify = ("rollout_complete", "no_image_errors")
    undo = "The image that stood there before."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses images that this workload never ran."""
        container, image = params["container"], params["image"]
        if image not in context.images:
            return Refused(reason=f"{image} was never seen in this workload's history")
        found = find(target, container)
        if found is None:
            return Refused(reason=f"there is no container {container}")
        return step_for(self, target, {f"{found[0]}/image": image})

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The container's name."""
        del target
        return names_of(changes)

    def bounds(self, step: Step) -> Refused | None:
        """One image, written as an image reference."""
        if len(step.set) != 1:
            return Refused(reason="set_image changes one container")
        (image,) = step.set.values()
        if not isinstance(image, str) or not _IMAGE.fullmatch(image):
            return Refused(reason=f"{image!r} is not an image reference")
        return None

    def sentence(self, step: Step) -> str:
        """Names the container and both images."""
        ((pointer, image),) = step.set.items()
        container = name_in(step.expect, pointer)
        return f"Set the image of {container} in {step.target} from {step.expect[pointer]} to {image}"
