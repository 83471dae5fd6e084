"""The ``scale`` subresource: a workload's replicas as an autoscaling/v1 Scale."""

from __future__ import annotations

from evals.world.kubernetes.objects import JsonObject, dig, meta
from evals.world.kubernetes.selectors import selector_text


def scale_of(obj: JsonObject) -> JsonObject:
    """The Scale that stands for a workload; ``status.selector`` is the query string of its pods."""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = dig(obj, "spec", "selector") or {}
    # A ReplicationController's selector is a bare map of labels.
    query = selector_text(
        selector if obj.get("kind") != "ReplicationController" else {"matchLabels": selector}
    )
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: value for key, value in meta(obj).items() if key in kept},
        "spec": {"replicas": dig(obj, "spec", "replicas") or 0},
        "status": {"replicas": dig(obj, "status", "replicas") or 0, "selector": query},
    }
