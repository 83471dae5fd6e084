"""What the cluster asks of pods that run in it, and what follows when they do not answer.

Webhooks, aggregated APIs, networks and devices run in the cluster like anything else: a webhook that does
not answer is deeper than the pods it refuses, and less deep than the pods it runs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.incident import Finding
from agents.investigator.analyzers.api_extension import ExtensionCode
from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.webhook import WebhookCode
from agents.investigator.effects import STOPS_PODS, Effect, Effects
from agents.investigator.links import Key, Touch
from agents.investigator.reasoning_case import Case

UNANSWERED = frozenset(
    (
        WebhookCode.NO_PODS,
        WebhookCode.NOT_READY,
        WebhookCode.CALL_FAILED,
        ExtensionCode.UNAVAILABLE,
        ExtensionCode.CONVERSION,
    )
)
"""Conditions of a webhook or an API that somebody behind its Service may be to blame for."""

_BEHIND: Effects = (STOPS_PODS | {Effect.IDLE, Effect.WIRING}) - {
    Effect.CONTROL,
    Effect.HOOK,
    # Pods that such a webhook refuses may be its own: then the webhook is the way in.
    Effect.REFUSED,
}


_FOR_NODES: tuple[tuple[str, frozenset[NodeCode]], ...] = (
    ("/etc/cni", frozenset((NodeCode.NETWORK_PLUGIN,))),
    ("/opt/cni", frozenset((NodeCode.NETWORK_PLUGIN,))),
    ("/var/lib/kubelet/device-plugins", frozenset((NodeCode.DEVICES, NodeCode.NO_DEVICE_PLUGIN))),
)
"""What a pod does for its node, by what it mounts from there: networks and devices come from nowhere else."""


def closed_by(
    case: Case, direct: tuple[Finding, ...], effect: Effect, felt: Iterable[tuple[Key, Touch]]
) -> Iterator[Finding]:
    """The doors that stay closed because of this: where it is felt by way of a Service, and on its node.

    Where an alert asks, nothing in another namespace is ever changed (decision 18). There the webhook is the
    cause that can be mended, and what is wrong behind it stands beside it.
    """
    if effect not in _BEHIND:
        return
    home = direct[0].object.namespace
    near = not case.asking or any(ref.namespace == home for ref in case.targets.radius)
    shut = UNANSWERED if near else UNANSWERED - frozenset(WebhookCode)
    for key, touch in felt:
        if not touch.far:
            yield from (one for one in case.by_object.get(key, ()) if one.code in shut)
    found = (one for finding in direct for one in _of_its_node(case, finding))
    yield from {one.key: one for one in found}.values()


def is_by_its_node(case: Case, cause: Finding, finding: Finding) -> bool:
    """Whether a node lacks what this very pod is to give it: then the pod does not suffer from the node."""
    return any(one.key == cause.key for one in _of_its_node(case, finding))


def _of_its_node(case: Case, finding: Finding) -> Iterator[Finding]:
    if finding.object.kind != "Pod":
        return
    pod = case.find(finding.object)
    paths = [str(dig(volume, "hostPath", "path") or "") for volume in items(pod, "spec", "volumes")]
    gives = {
        code for start, codes in _FOR_NODES for path in paths if path.startswith(start) for code in codes
    }
    if gives:
        node = ("Node", "", str(dig(pod, "spec", "nodeName") or ""))
        yield from (one for one in case.by_object.get(node, ()) if one.code in gives)
