"""From a step to bytes: where its object is, the one patch that changes it, and what shows that it did.

All pure. A verb whose request is no patch brings its own.
"""

from __future__ import annotations

from dataclasses import replace

import rfc8785

from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.client import Request
from tools.kubernetes.objects import JsonObject, is_name, is_namespace
from tools.kubernetes.once import READ_S
from tools.kubernetes.pointers import Drift, drift, escape

MARK = "midwatch.dev/applied-plan"
MARK_POINTER = f"/metadata/annotations/{escape(MARK)}"
FIELD_MANAGER = "midwatch"
RESOURCES = {
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Service": ("v1", "services"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Job": ("batch/v1", "jobs"),
    "Pod": ("v1", "pods"),
    "Node": ("v1", "nodes"),
    "ConfigMap": ("v1", "configmaps"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "ValidatingWebhookConfiguration": ("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"),
    "MutatingWebhookConfiguration": ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    "Silence": ("alertmanager/v2", "silences"),
}
CLUSTER_SCOPED = frozenset({"Node", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
"""Kinds that live in no namespace."""
RESTLESS = frozenset({"Node", "Pod", "ResourceQuota", "HorizontalPodAutoscaler"})
"""Kinds without a generation whose version moves by itself: their fields pin them, not their version."""


def is_target(step: Step) -> bool:
    """Whether the step names an object that can exist: anything else must not become part of a URL."""
    placed = not step.namespace if step.kind in CLUSTER_SCOPED else is_namespace(step.namespace)
    return placed and is_name(step.name)


def matches(step: Step, live: JsonObject | None) -> tuple[Drift, ...]:
    """What is no longer as the step expects, its very identity included; empty when nothing is."""
    return drift({**_same_object(step), **step.expect}, live)


def _same_object(step: Step) -> JsonObject:
    return {"/metadata/uid": step.uid} if step.uid else {}


def list_path(step: Step) -> str:
    """The URL path of all objects of the target's kind in its place."""
    version, resource = RESOURCES[step.kind]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{step.namespace}/{resource}" if step.namespace else f"{root}/{resource}"


def path_of(step: Step) -> str:
    """The URL path of the step's target."""
    return f"{list_path(step)}/{step.name}"


# The server gives up when we do, so a late write cannot follow a timeout we already reported.
QUERY = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("timeout", f"{READ_S:.0f}s"))
"""What every write says beside its body."""


def request(step: Step, plan_id: str, *, dry_run: bool = False) -> Request:
    """The one patch of a step: tests first, then the changes, then our mark (invariant I5)."""
    tests = {"/metadata/uid": step.uid, **step.expect}
    patch: list[JsonObject] = [
        {"op": "test", "path": p, "value": v} for p, v in tests.items() if v is not None
    ]
    patch += changes(step)
    patch.append(_mark(step, plan_id))
    sent = Request(
        method="PATCH",
        path=path_of(step),
        query=QUERY,
        body=rfc8785.dumps(patch),
        content_type="application/json-patch+json",
    )
    return rehearsal(sent) if dry_run else sent


def rehearsal(sent: Request) -> Request:
    """The same bytes as a dry-run."""
    return replace(sent, query=(*sent.query, ("dryRun", "All")))


def changes(step: Step) -> list[JsonObject]:
    """What a step sets, as operations of a JSON patch (RFC 6902) and without their tests."""
    return [_change(pointer, step.expect[pointer], value) for pointer, value in step.set.items()]


def _change(pointer: Pointer, before: object, value: object) -> JsonObject:
    if value is None:
        return {"op": "remove", "path": pointer}
    return {"op": "replace" if before is not None else "add", "path": pointer, "value": value}


def _mark(step: Step, plan_id: str) -> JsonObject:
    if not step.annotated:
        return {"op": "add", "path": "/metadata/annotations", "value": {MARK: plan_id}}
    return {"op": "add", "path": MARK_POINTER, "value": plan_id}


def is_applied(step: Step, plan_id: str, live: JsonObject | None) -> bool:
    """Whether this very object carries this plan's mark and every value it set."""
    wanted = {"/metadata/uid": step.uid, MARK_POINTER: plan_id, **step.set}
    return not drift(wanted, live)
