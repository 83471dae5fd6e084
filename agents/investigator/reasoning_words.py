"""One sentence per cause: what is wrong, for somebody who was asleep a minute ago."""

from __future__ import annotations

import re

from agents.investigator.analyzers.fields import quotable
from agents.investigator.analyzers.messages import exit_meaning
from agents.investigator.analyzers.registry import CODES
from agents.investigator.analyzers.unschedulable import in_words
from agents.investigator.reasoning_alerts import Cause
from tools.kubernetes.objects import JsonObject, ObjectRef

_TEMPLATES: dict[str, str] = {
    Cause.BAD_IMAGE: "{name} was rolled out with image {image}, {wrong}.",
    Cause.IMAGE_NOT_FOUND: "{name} asks for image {image}, which the registry does not have.",
    Cause.IMAGE_UNAUTHORIZED: "The registry {registry} refuses to hand out image {image} to {name}.",
    Cause.IMAGE_NOT_PULLED: "{name} cannot get image {image}{unfit}.",
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
    "pod.probe.kills": "The {probe} probe kills container {container} of {name} again and again.",
    "pod.probe.start_too_tight": "Container {container} of {name} is killed by its {probe} probe before it "
    "has had time to start.",
    "pod.container.config_error": "Container {container} of {name} does not run: its configuration cannot be "
    "put together{lacking}.",
    "pod.start.mount_failed": "A pod of {name} does not start: a volume cannot be mounted{lacking}.",
    "pod.start.attach_failed": "A pod of {name} does not start: a volume cannot be attached to its node.",
    "pod.start.sandbox_failed": "The pods of {name} do not start: their sandbox cannot be made{fault}.",
    "pod.scheduling.unschedulable": "No node takes the pods of {name}{refusing}.",
    "pod.evicted": "The kubelet puts out pods of {name}{pressed}.",
    "deployment.paused": "{name} is paused: its pods do not get the template that was deployed.",
    "cronjob.suspended": "{name} is suspended: no run starts.",
    "job.suspended": "{name} is suspended: nothing of it runs.",
    "workload.create.limit_range": "{name} cannot create pods: they break a LimitRange of the namespace.",
    "workload.create.webhook_denied": "{name} cannot create pods: webhook {webhook} refuses them.",
    "workload.create.webhook_unreachable": "{name} cannot create pods: webhook {webhook} does not answer.",
    "workload.create.pod_security": "{name} cannot create pods: they break the Pod Security level {level} of "
    "the namespace.",
    "workload.create.service_account_missing": "{name} cannot create pods: service account {service_account} "
    "does not exist.",
    "workload.create.priority_class_missing": "{name} cannot create pods: priority class {priority_class} "
    "does not exist.",
    "limitrange.forbids_template": "{name} asks for {stated} {resource}, which LimitRange {limit_range} of "
    "its namespace does not allow.",
    "pvc.resize_failed": "The volume of {name} was asked to grow to {wanted} and did not.",
    "job.failed": "{run} failed for good{because}.",
    "pdb.blocks_all": "{name} lets no pod go although all are healthy: it wants {needed} of {expected}, so "
    "no node can be drained.",
    "node.tainted": "{name} takes only pods that tolerate {taint}.",
    "node.devices_unusable": "{name} offers {allocatable} of its {capacity} {resource}.",
    "statefulset.service_missing": "Service {service}, which {name} names, does not exist, so its pods have "
    "no names in DNS.",
    "ingress.class.missing": "{name} asks for class {ingress_class}, which does not exist.",
    "ingress.tls.secret_missing": "{name} takes its certificate from Secret {secret}, which does not exist.",
    "ingress.tls.secret_incomplete": "{name} takes its certificate from Secret {secret}, which does not hold "
    "one with its key.",
    "route.parent.closed": "Gateway {gateway} takes no routes from the namespace of {name}.",
    "networkpolicy.no_dns": "{name} lets its pods ask no DNS, so that no name resolves for them.",
    "webhook.service_missing": "Webhook {webhook} cannot be called: Service {service} or its port does not "
    "exist.",
    "webhook.no_pods": "Webhook {webhook} cannot be called: Service {service} has no pods.",
    "webhook.pods_not_ready": "Webhook {webhook} cannot be called: none of the pods of Service {service} is "
    "ready.",
    "webhook.tls_rejected": "The API server does not accept the certificate of webhook {webhook}.",
    "webhook.ca_expired": "The certificate authority of webhook {webhook} is past its end.",
    "apiservice.unavailable": "The API {api} does not answer.",
    "quota.used_up": "{name} is used up, so that more pods are refused.",
    "workload.create.quota_exceeded": "A quota of the namespace is used up: {name} cannot create pods.",
    "hpa.limited": "{name} may not have the replicas it wants: it may go from {min_replicas} to "
    "{max_replicas}.",
    "hpa.maxed_out": "{name} runs at its most of {max_replicas} and its load asks for more.",
}
"""For causes that have their finding's code: with names of objects, fields and numbers only."""
_SAYS = {code.value: code.says.partition("; with ")[0].rstrip(".") + "." for code in CODES}
"""What a code means, without what else its finding holds."""
_NOUNS = {
    "Namespace": "namespace",
    "Node": "node",
    "PersistentVolume": "volume",
    "PersistentVolumeClaim": "claim",
    "HorizontalPodAutoscaler": "autoscaler",
    "PodDisruptionBudget": "disruption budget",
    "ResourceQuota": "quota",
    "NetworkPolicy": "NetworkPolicy",
    "Certificate": "certificate",
    "ClusterRoleBinding": "binding",
    "RoleBinding": "binding",
    "GRPCRoute": "route",
    "HTTPRoute": "route",
}
"""By what word a code's meaning speaks of such an object, where that is not its kind."""
_FAULTS = {
    "no_addresses": ": no pod address is left on their node",
    "network_plugin": ": the network plugin does not set up their network",
    "sandbox_image": ": the image of the sandbox itself does not arrive",
    "runtime": ": the container runtime fails",
}
_RULES = {
    "run_as_non_root": ": it may not run as root, and its image does",
    "sub_path": ": a path within a volume cannot be used",
}
_WRONG = {
    "pod.image.signature_refused": "whose signature or origin is not accepted",
    "pod.image.never_pulled": "which is not on the node and may not be fetched",
    "pod.image.not_inspected": "which the node cannot read",
    "pod.image.not_found": "which the registry does not have",
    "pod.image.name_invalid": "which is not a valid image name",
    "pod.image.platform_mismatch": "which has no build for the nodes' platform",
}


def sentence(cause: str, ref: ObjectRef, facts: JsonObject) -> str:
    """The cause in words. Foreign text appears only as short quoted values."""
    template = _TEMPLATES.get(cause) or _MORE.get(cause)
    if template is None:
        # The condition's own words, in which there is nothing of what strangers wrote.
        return _of(ref, _SAYS.get(cause, "Something is wrong with it."))
    known = {key: quotable(value) if isinstance(value, str) else value for key, value in facts.items()}
    wrong = _WRONG.get(facts.get("condition", ""), "")
    why = known.get("hint_meaning") or exit_meaning(facts.get("exit_code"))
    spoken = {
        **known,
        "name": str(ref),
        "wrong": wrong or "which cannot be pulled",
        "unfit": f", {wrong}" if wrong else "",
        "limit_words": f"its limit of {known['limit']}" if "limit" in known else "the node has to spare",
        "why": f": {why}" if why else "",
        "meant": _meant(known),
        "lacking": _lacking(known),
        "fault": _FAULTS.get(str(known.get("cause")), ""),
        "refusing": _refusing(facts),
        "pressed": _pressed(known),
        "run": f"A run of {ref}" if ref.kind == "CronJob" else str(ref),
        "because": f" ({known['reason']})" if "reason" in known else "",
        "api": ref.name,
        "by": f" (last written by {known['manager']})" if "manager" in known else "",
    }
    return template.format_map(_Spoken(spoken))


def _of(ref: ObjectRef, says: str) -> str:
    """What a code means, said of this object: by its name where the words speak of such a one."""
    noun = _NOUNS.get(ref.kind, ref.kind)
    told = re.sub(rf"\b[Aa]n? {re.escape(noun)}\b", lambda _: str(ref), says, count=1)
    return told if told != says else f"{ref}: {says[:1].lower()}{says[1:]}"


def _lacking(facts: JsonObject) -> str:
    if rule := _RULES.get(str(facts.get("rule"))):
        return rule
    key = f"key {facts['missing_key']}" if "missing_key" in facts else ""
    whole = f"{facts['missing_kind']} {facts['missing_name']}" if "missing_name" in facts else ""
    lacks = " of ".join(part for part in (key, whole) if part)
    return f": {lacks} does not exist" if lacks else ""


def _refusing(facts: JsonObject) -> str:
    reasons, nodes = facts.get("reasons") or {}, facts.get("nodes")
    return f": of {nodes} nodes {in_words(reasons)}" if reasons and nodes else ""


def _pressed(facts: JsonObject) -> str:
    if facts.get("own_limit"):
        return " for using more storage than their own limit"
    return f": their node is short of {facts['short_of']}" if "short_of" in facts else ""


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
