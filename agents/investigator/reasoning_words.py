"""One sentence per cause: what is wrong, for somebody who was asleep a minute ago."""

from __future__ import annotations

from agents.investigator.analyzers.fields import quotable
from agents.investigator.reasoning_alerts import Cause
from tools.kubernetes.objects import JsonObject, ObjectRef

_TEMPLATES: dict[Cause, str] = {
    Cause.BAD_IMAGE: "{name} was rolled out with image {image}, {wrong}.",
    Cause.IMAGE_NOT_FOUND: "{name} asks for image {image}, which the registry does not have.",
    Cause.IMAGE_UNAUTHORIZED: "The registry {registry} refuses to hand out image {image} to {name}.",
    Cause.IMAGE_NOT_PULLED: "{name} cannot get image {image}.",
    Cause.PULL_SECRET_MISSING: "{name} cannot pull image {image}: pull secret {pull_secret} does not exist.",
    Cause.REGISTRY_UNREACHABLE: "The registry {registry} cannot be reached, so {name} cannot start new pods.",
    Cause.REGISTRY_RATE_LIMITED: "The registry {registry} limits pulls, so {name} cannot start new pods.",
    Cause.MEMORY_LOWERED: "The last rollout of {name} lowered the memory limit of container {container} "
    "from {lowered_from} to {limit}, and it is killed for memory.",
    Cause.MEMORY_LIMIT: "Container {container} of {name} needs more memory than {limit_words} and is killed.",
    Cause.CRASHING_ROLLOUT: "Since the last rollout of {name}, container {container} crashes at start{why}.",
    Cause.CRASHING: "Container {container} of {name} crashes again and again{why}.",
    Cause.SELECTOR_MISMATCH: "{name} sends traffic nowhere: its selector matches no pod{meant}.",
    Cause.SCALED_TO_ZERO: "{name} is scaled to zero{by}, so nothing serves.",
}
_WRONG = {
    "pod.image.not_found": "which the registry does not have",
    "pod.image.name_invalid": "which is not a valid image name",
    "pod.image.platform_mismatch": "which has no build for the nodes' platform",
}


def sentence(cause: Cause, ref: ObjectRef, facts: JsonObject) -> str:
    """The cause in words. Foreign text appears only as short quoted values."""
    known = {key: quotable(value) if isinstance(value, str) else value for key, value in facts.items()}
    spoken = {
        **known,
        "name": str(ref),
        "wrong": _WRONG.get(facts.get("condition", ""), "which cannot be pulled"),
        "limit_words": f"its limit of {known['limit']}" if "limit" in known else "the node has to spare",
        "why": f": {known['hint_meaning']}" if "hint_meaning" in known else "",
        "meant": _meant(known),
        "by": f" (last written by {known['manager']})" if "manager" in known else "",
    }
    return _TEMPLATES[cause].format(**spoken)


def _meant(facts: JsonObject) -> str:
    if not facts.get("differs"):
        return ""
    key, values = sorted(facts["differs"].items())[0]
    owner = f"{facts['workload_kind']} {facts['workload_name']}"
    if values["workload"] is None:
        return f", and the pods of {owner} have no label {quotable(key)}"
    return (
        f", for it asks for {key}={values['service']} and the pods of {owner} have {key}={values['workload']}"
    )
