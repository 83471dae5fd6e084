"""Whether the objects of an alert look healthy now, so that the right answer is to do nothing."""

from __future__ import annotations

from agents.investigator.analyzers.deployment import available, wanted
from agents.investigator.analyzers.fields import condition, dig, is_ready
from agents.investigator.reasoning_alerts import shows_state
from agents.investigator.reasoning_case import Case
from tools.kubernetes.objects import JsonObject


def recovered(case: Case) -> str:
    """A sentence when everything the alerts are about is healthy by now; empty when it is not certain.

    Only for alerts about an object's own state: an error rate can be high while every object is well.
    """
    if case.snapshot.inventory.not_checked or case.symptoms:
        return ""
    if not all(refs and shows_state(alert) for alert, refs in case.asking):
        return ""
    refs = case.targets.refs
    if not all(is_healthy(case.find(ref)) for ref in refs):
        return ""
    names = ", ".join(str(ref) for ref in refs[:3]) + (f" and {len(refs) - 3} more" if len(refs) > 3 else "")
    verb = "is" if len(refs) == 1 else "are"
    return f"{names} {verb} healthy now; the alert is expected to resolve by itself."


def is_healthy(obj: JsonObject) -> bool:
    """Whether a pod or workload is as it should be; other kinds are never said to be."""
    kind = obj.get("kind")
    if kind == "Pod":
        return is_ready(obj) or dig(obj, "status", "phase") == "Succeeded"
    if dig(obj, "spec", "paused"):
        # Halted within its rollout on purpose: then it is enough that it serves.
        return condition(obj, "Available").get("status") == "True" and _observed(obj)
    if kind in ("Deployment", "StatefulSet"):
        # StatefulSets report availableReplicas too (apps/v1, since 1.25).
        updated = int(dig(obj, "status", "updatedReplicas") or 0)
        return available(obj) >= wanted(obj) > 0 and updated >= wanted(obj) and _observed(obj)
    if kind == "DaemonSet":
        due = int(dig(obj, "status", "desiredNumberScheduled") or 0)
        return int(dig(obj, "status", "numberAvailable") or 0) >= due > 0 and _observed(obj)
    return False


def _observed(obj: JsonObject) -> bool:
    """Whether the status is of the present spec: right after a change it still tells of the one before."""
    seen = dig(obj, "status", "observedGeneration")
    return seen is None or int(seen) >= int(dig(obj, "metadata", "generation") or 0)
