"""One sentence per cause: what is wrong, for somebody who was asleep a minute ago."""

from __future__ import annotations

from agents.investigator.analyzers.fields import quotable
from agents.investigator.analyzers.registry import CODES
from agents.investigator.reasoning_alerts import Cause
from tools.kubernetes.objects import JsonObject, ObjectRef

_TEMPLATES: dict[str, str] = {
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
    Cause.BAD_VERSION: "{name} was rolled out ({changes}) shortly before the trouble began, and nothing else "
    "that was seen explains it.",
    Cause.CRASHING: "Container {container} of {name} crashes again and again{why}.",
    Cause.SELECTOR_MISMATCH: "{name} sends traffic nowhere: its selector matches no pod{meant}.",
    Cause.SCALED_TO_ZERO: "{name} is scaled to zero{by}, so nothing serves.",
}
_MORE: dict[str, str] = {
    "config.configmap_missing": "{name} needs {missing_kind} {missing_name}, which does not exist.",
    "config.secret_missing": "{name} needs {missing_kind} {missing_name}, which does not exist.",
    "config.key_missing": "{name} takes key {missing_key} of {missing_kind} {missing_name}, which lacks it.",
    "config.changed_since_start": "{changed_kind} {changed_name} was changed by {manager} after the pods of "
    "{name} had started, and they hold on to what it said before.",
    "config.address_no_service": "{name} is told to call Service {service_namespace}/{service}, which does "
    "not exist.",
    "config.address_wrong_port": "{name} is told to call Service {service_namespace}/{service} at port "
    "{port}, which it does not serve.",
    "service.target_port.not_declared": "{name} sends port {port} to port {target_port} of its pods, where "
    "they declare nothing.",
    "service.target_port.name_unknown": "{name} sends port {port} to a port by the name {target_port}, "
    "which its pods do not have.",
    "pod.probe.fails": "Container {container} of {name} runs and does not pass its {probe} probe.",
    "pod.probe.wrong_port": "The {probe} probe of container {container} of {name} asks at a port that the "
    "container does not declare.",
    "job.takes_the_room": "{name} holds the room that other pods wait for.",
    "pod.scheduling.unschedulable": "No node takes the pods of {name}.",
    "deployment.paused": "{name} is paused: its pods do not get the template that was deployed.",
    "cronjob.suspended": "{name} is suspended: no run starts.",
    "job.suspended": "{name} is suspended: nothing of it runs.",
    "quota.used_up": "{name} is used up, so that more pods are refused.",
    "workload.create.quota_exceeded": "A quota of the namespace is used up: {name} cannot create pods.",
    "hpa.limited": "{name} may not have the replicas it wants: it may go from {min_replicas} to "
    "{max_replicas}.",
    "hpa.maxed_out": "{name} runs at its most of {max_replicas} and its load asks for more.",
}
"""For causes that have their finding's code: with names of objects, fields and numbers only."""
_SAYS = {code.value: code.says for code in CODES}
_WRONG = {
    "pod.image.not_found": "which the registry does not have",
    "pod.image.name_invalid": "which is not a valid image name",
    "pod.image.platform_mismatch": "which has no build for the nodes' platform",
}


def sentence(cause: str, ref: ObjectRef, facts: JsonObject) -> str:
    """The cause in words. Foreign text appears only as short quoted values."""
    template = _TEMPLATES.get(cause) or _MORE.get(cause)
    if template is None:
        # The condition's own words, in which there is nothing of what strangers wrote.
        says = _SAYS.get(cause, "something is wrong with it.")
        return f"{ref}: {says[:1].lower()}{says[1:]}"
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
    return template.format_map(_Spoken(spoken))


class _Spoken(dict[str, object]):
    """The values of a sentence; of one that was not read it says so."""

    def __missing__(self, key: str) -> str:
        return f"(unknown {key.replace('_', ' ')})"


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
