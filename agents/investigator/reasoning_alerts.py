"""What an alert's name and labels say about the kind of trouble it can mean.

A rule of thumb per family of kube-prometheus alerts. It only ever narrows: an unknown alert may be a
sign of any trouble that reaches its object.
"""

from __future__ import annotations

import re
from enum import StrEnum

from agents.incident import Alert
from agents.investigator.effects import STANDING, STOPS_PODS, Effect, Effects


class Cause(StrEnum):
    """Causes with a name of their own: stable, dotted codes. Every other cause has its finding's code."""

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
    BAD_VERSION = "deployment.rollout.bad_version"
    CRASHING = "workload.container.crashes"
    SELECTOR_MISMATCH = "service.selector.mismatch"
    SCALED_TO_ZERO = "deployment.scaled_to_zero"


_ALWAYS_FIRING = re.compile(r"^(watchdog|deadmans?switch|infoinhibitor|alwaysfiring)$", re.IGNORECASE)
_STATE = re.compile(r"^kube(pod|container|deployment|statefulset|daemonset)", re.IGNORECASE)
_PULL = frozenset((Effect.IMAGE, Effect.CREDENTIAL))
_ENDS = frozenset((Effect.CRASH, Effect.MEMORY, Effect.KILLED, Effect.CHANGED, Effect.ADDRESS))
_NODES = frozenset((Effect.NODE, Effect.STRAIN, Effect.CLOSED, Effect.CONTROL))
_RUNS = STOPS_PODS | {Effect.RUN, Effect.FAILED}
_EVICTION = STOPS_PODS | {Effect.BUDGET}
_ANY = frozenset(Effect) - STANDING
_BY_REASON: dict[str, Effects] = {
    "ErrImagePull": _PULL,
    "ImagePullBackOff": _PULL,
    "InvalidImageName": _PULL,
    "CrashLoopBackOff": _ENDS,
    "OOMKilled": frozenset((Effect.MEMORY,)),
    "CreateContainerConfigError": frozenset((Effect.SETTING, Effect.START)),
    "CreateContainerError": frozenset((Effect.START, Effect.SETTING, Effect.NODE)),
}
_BY_NAME: tuple[tuple[re.Pattern[str], Effects], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), effects)
    for pattern, effects in (
        (r"oom", frozenset((Effect.MEMORY, Effect.STRAIN))),
        (r"crashloop", _ENDS),
        (r"imagepull", _PULL),
        # Trouble of another kind that a sick pod on the same object does not make, however loud it is.
        (r"throttl", frozenset((Effect.SLOW,))),
        (r"hpa|autoscal|scaledobject", frozenset((Effect.SCALER,))),
        (r"persistentvolume|pvc|volume", frozenset((Effect.VOLUME,))),
        (r"filesystem|^disk", frozenset((Effect.STRAIN, Effect.VOLUME))),
        (r"quota", frozenset((Effect.QUOTA, Effect.REFUSED))),
        (r"certificate|certmanager|tlscert", frozenset((Effect.CERTIFICATE, Effect.HOOK))),
        # Of a drain that does not end the node is the place and a budget the reason.
        (r"disruption|pdb|drain|evict", _EVICTION),
        (r"nodenotready|kubelet|^kubenode|^node", _NODES),
        (r"cronjob|kubejob|jobfail|jobnot", _RUNS),
        (r"^kube(pod|container|deployment|statefulset|daemonset)", STOPS_PODS),
    )
)


def always_fires(alert: Alert) -> bool:
    """Whether this alert is meant to fire all the time (a dead man's switch) and asks for nothing."""
    return bool(_ALWAYS_FIRING.match(alert.name)) or alert.labels.get("severity") == "none"


def shows_state(alert: Alert) -> bool:
    """Whether the alert is about an object's own state, so that a healthy object means it is over."""
    return bool(_STATE.match(alert.name))


def can_mean(alert: Alert) -> Effects:
    """What kinds of trouble this alert can be a sign of."""
    # The `reason` label is kube-state-metrics' copy of the waiting or termination reason.
    if (reason := alert.labels.get("reason")) in _BY_REASON:
        return _BY_REASON[reason]
    if alert.labels.get("poddisruptionbudget"):
        return _EVICTION
    return next((effects for pattern, effects in _BY_NAME if pattern.search(alert.name)), _ANY)
