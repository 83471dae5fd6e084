"""What a person may do where the catalogue has no change, or none whose value is known.

Advice names no value that was not seen and no command to paste: who reads it at night should look, not type.
"""

from __future__ import annotations

from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.effects import Effect
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.rules import RULES

_BY_CODE: dict[str, str] = {
    Cause.BAD_IMAGE: "Push the image, or deploy one that exists.",
    Cause.IMAGE_NOT_FOUND: "Push the image, or deploy one that exists.",
    Cause.IMAGE_NOT_PULLED: "Read the pull error in the evidence; deploy an image that can be pulled.",
    Cause.IMAGE_UNAUTHORIZED: "Check the credentials in the pull secret, or that the pod names one.",
    Cause.PULL_SECRET_MISSING: "Create the pull secret again from where your secrets are kept.",
    Cause.REGISTRY_UNREACHABLE: "Check the registry and the nodes' way to it; leave pods that run alone.",
    Cause.REGISTRY_RATE_LIMITED: "Wait for the limit to reset, pull with an account, or use a mirror.",
    Cause.MEMORY_LOWERED: "Set the memory limit back where this workload is defined.",
    Cause.MEMORY_LIMIT: "Find out what the memory is used for; raise the limit or lower the use.",
    Cause.CRASHING_ROLLOUT: "Roll back where this workload is deployed from.",
    Cause.BAD_VERSION: "Pause the rollout or go back to the version before, if it is to blame.",
    Cause.CRASHING: "Nothing was rolled out that explains it: read the last log lines in the evidence.",
    Cause.SELECTOR_MISMATCH: "Find the workload this Service is meant for and correct its selector.",
    Cause.SCALED_TO_ZERO: "Ask who scaled it down before it is scaled up.",
    MetricCode.MODEL_QUEUEING: "Add a server, or have callers ask less.",
    MetricCode.MODEL_CACHE_FULL: "Add a server, or bound how long requests may be.",
    "config.changed_since_start": "Restart the pods so that they read what stands there now.",
    "node.cordoned": "Ask who cordoned the node, and whether the work on it is over.",
    "pod.terminating.finalizer": "Find out who should remove the finalizer; do not remove it for them.",
    "workload.create.quota_exceeded": "Free what is not needed, or ask for a larger quota.",
    "workload.create.service_account_missing": "Create the service account again where it is defined.",
    "networkpolicy.caller_denied": "Let the caller in where the policy is defined, if it may call at all.",
}
BY_EFFECT: dict[Effect, str] = {
    Effect.CONTROL: "Look at the part of the control plane that is named, on the nodes where it runs.",
    Effect.NODE: "Look at the node itself: its kubelet, its runtime, its network; pods move by themselves.",
    Effect.STRAIN: "Find out what uses up the node, and move or bound it.",
    Effect.CLOSED: "Find out who closed the node and why, or add nodes.",
    Effect.VOLUME: "Look at the claim, its class and its volume; data may be at stake, so nothing is moved.",
    Effect.QUOTA: "Free what is not needed, or have the bounds of the namespace changed by who sets them.",
    Effect.HOOK: "Bring back what answers the webhook, or correct the policy where it is defined.",
    Effect.REFUSED: "Correct what the API server refuses, where the workload is defined.",
    Effect.IMAGE: "Deploy an image that can be pulled.",
    Effect.CREDENTIAL: "Create the pull secret again from where your secrets are kept.",
    Effect.SETTING: "Correct it where the workload is defined.",
    Effect.TAKEN: "Suspend the Job until there is room, or have it ask for less.",
    Effect.PLACE: "Make room, add a node that fits, or ask for less.",
    Effect.CHANGED: "Read what was changed, and by whom; change it back if it was a mistake.",
    Effect.ADDRESS: "Correct the address where the workload is configured.",
    Effect.POLICY: "Correct the policy where it is defined.",
    Effect.SLOW: "Raise the processor limit where the workload is defined, or find out what it is used for.",
    Effect.MEMORY: "Find out what the memory is used for.",
    Effect.KILLED: "Find out whether the probe or the process is wrong before either is changed.",
    Effect.CRASH: "Read the last log lines in the evidence.",
    Effect.START: "Read what the kubelet says in the evidence.",
    Effect.READY: "Find out why the process does not answer: its log, and what it depends on.",
    Effect.GONE: "Find out why the pod had to go, or who keeps it.",
    Effect.HELD: "Ask who holds it back before it goes on.",
    Effect.IDLE: "Ask who scaled it down before it is scaled up.",
    Effect.SHORT: "Look at the pods that are missing.",
    Effect.WIRING: "Correct the Service where it is defined.",
    Effect.EMPTY: "Look at the pods behind the Service.",
    Effect.ROUTE: "Correct the route, or create what it leads to, where they are defined.",
    Effect.CERTIFICATE: "Renew the certificate, or find out why it was not renewed.",
    Effect.FAILED: "Read how the last run ended before it is started again.",
    Effect.RUN: "Look at the schedule and at who stopped it.",
    Effect.ERRORS: "Read the lines in the evidence.",
    Effect.HEARD: "Ask the party that the log complains of.",
    Effect.SCALER: "Check what the autoscaler measures and its bounds.",
    Effect.TIGHT: "Raise the limit where the workload is defined, or find out what the memory is used for.",
    Effect.ROLLED: "Compare the new version with the one before; go back if the new one is to blame.",
    Effect.SIGNAL: "Look at when it began, and at what changed just before.",
    Effect.BUDGET: "Correct the budget before the next drain.",
    Effect.RIGHTS: "Create what is missing where rights are defined.",
    Effect.OPERATOR: "Look at the operator's own conditions.",
}


def advice(code: str) -> str:
    """What to do about this cause by hand; empty when nothing is known of it."""
    rule = RULES.get(code)
    return _BY_CODE.get(code) or (BY_EFFECT.get(rule.effect, "") if rule else "")
