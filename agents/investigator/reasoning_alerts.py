"""What an alert's name and labels say about the kind of trouble it can mean.

A rule of thumb per family of kube-prometheus alerts. It only ever narrows: an unknown alert may have
any cause that reaches its object.
"""

from __future__ import annotations

import re
from enum import StrEnum

from agents.incident import Alert


class Cause(StrEnum):
    """Every cause the rules can establish: stable, dotted codes."""

    BAD_IMAGE = "deployment.rollout.bad_image"
    IMAGE_NOT_FOUND = "workload.image.not_found"
    IMAGE_UNAUTHORIZED = "workload.image.unauthorized"
    IMAGE_NOT_PULLED = "workload.image.not_pulled"
    PULL_SECRET_MISSING = "workload.pull_secret.missing"  # noqa: S105 - a code, not a secret
    REGISTRY_UNREACHABLE = "registry.unreachable"
    REGISTRY_RATE_LIMITED = "registry.rate_limited"
    MEMORY_LOWERED = "deployment.rollout.memory_lowered"
    MEMORY_LIMIT = "workload.memory.limit_reached"
    CRASHING_ROLLOUT = "deployment.rollout.crashes"
    CRASHING = "workload.container.crashes"
    SELECTOR_MISMATCH = "service.selector.mismatch"
    SCALED_TO_ZERO = "deployment.scaled_to_zero"


IMAGE_CAUSES = frozenset(
    (
        Cause.BAD_IMAGE,
        Cause.IMAGE_NOT_FOUND,
        Cause.IMAGE_UNAUTHORIZED,
        Cause.IMAGE_NOT_PULLED,
        Cause.PULL_SECRET_MISSING,
        Cause.REGISTRY_UNREACHABLE,
        Cause.REGISTRY_RATE_LIMITED,
    )
)
MEMORY_CAUSES = frozenset((Cause.MEMORY_LOWERED, Cause.MEMORY_LIMIT))
CRASH_CAUSES = MEMORY_CAUSES | {Cause.CRASHING_ROLLOUT, Cause.CRASHING}
POD_CAUSES = IMAGE_CAUSES | CRASH_CAUSES
ALL_CAUSES = frozenset(Cause)

_ALWAYS_FIRING = re.compile(r"^(watchdog|deadmans?switch|infoinhibitor|alwaysfiring)$", re.IGNORECASE)
_STATE = re.compile(r"^kube(pod|container|deployment|statefulset|daemonset)", re.IGNORECASE)
_BY_REASON = {
    "ErrImagePull": IMAGE_CAUSES,
    "ImagePullBackOff": IMAGE_CAUSES,
    "InvalidImageName": IMAGE_CAUSES,
    "CrashLoopBackOff": CRASH_CAUSES,
    "OOMKilled": MEMORY_CAUSES,
    "CreateContainerConfigError": frozenset[Cause](),
    "CreateContainerError": frozenset[Cause](),
}
_BY_NAME: tuple[tuple[re.Pattern[str], frozenset[Cause]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), causes)
    for pattern, causes in (
        (r"oom", MEMORY_CAUSES),
        (r"crashloop", CRASH_CAUSES),
        (r"imagepull", IMAGE_CAUSES),
        # Trouble of another kind that a sick pod on the same object does not make, however loud it is.
        (r"throttl|hpa.*max|persistentvolume|quota|certificate|nodenotready|kubelet|filesystem", frozenset()),
        (r"^kube(pod|container|deployment|statefulset|daemonset)", POD_CAUSES),
    )
)


def always_fires(alert: Alert) -> bool:
    """Whether this alert is meant to fire all the time (a dead man's switch) and asks for nothing."""
    return bool(_ALWAYS_FIRING.match(alert.name)) or alert.labels.get("severity") == "none"


def shows_state(alert: Alert) -> bool:
    """Whether the alert is about an object's own state, so that a healthy object means it is over."""
    return bool(_STATE.match(alert.name))


def can_mean(alert: Alert) -> frozenset[Cause]:
    """The causes this alert can be a sign of."""
    # The `reason` label is kube-state-metrics' copy of the waiting or termination reason.
    if (reason := alert.labels.get("reason")) in _BY_REASON:
        return _BY_REASON[reason]
    return next((causes for pattern, causes in _BY_NAME if pattern.search(alert.name)), ALL_CAUSES)
