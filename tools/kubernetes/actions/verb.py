"""What every verb of the catalogue must say and do; ``catalogue`` lists the verbs.

A verb turns a target and absolute parameters into a Step, a Step into one exact request, and a
Step and the object as it is into the Step that undoes it. All pure.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import rfc8785

from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.client import READ_S, Request
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject, is_name, is_namespace, ref_of
from tools.kubernetes.pointers import MISSING, Drift, drift, escape, read, same

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
}
_PINS = {"/metadata/generation", "/metadata/resourceVersion", "/spec"}
"""Each of them notices that somebody else changed what is asked for; a step states at least one."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why a step may not be drafted or sent, in a sentence for the card."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The RBAC a verb needs on one resource; deploy manifests are made from these."""

    group: str
    resource: str
    verbs: tuple[str, ...] = ("get", "patch")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a draft may rely on beside its target: facts the reader saw, never telemetry.

    ``images`` are those seen in this workload's history or given by the runbook, ``owned_by`` what
    scales it (an HPA's name), ``limit_factor`` the policy for raising resources and bounds, ``least``
    the replicas that its disruption budget needs, ``seen`` the other objects as they were read.
    """

    images: frozenset[str] = frozenset()
    owned_by: str = ""
    limit_factor: float = 2.0
    least: int = 1
    seen: Inventory = field(default_factory=Inventory)


Changes = JsonObject
"""Values by the pointer they stand at; null stands for nothing there."""

CHECKS = {
    "rollout_complete": "every replica runs the new template and is available",
    "no_image_errors": "no container waits for its image",
    "no_oom": "no container was killed for memory since",
    "endpoints_ready": "the Service leads to at least one ready pod",
    "config_found": "no container waits for a ConfigMap, a Secret or a key of one",
    "probes_pass": "every container is ready and no probe of it fails",
    "pods_placed": "no pod of the workload waits for a node",
    "rollout_stands": "no further pod is replaced",
    "within_bounds": "the autoscaler keeps the count between the new bounds and is not limited by them",
    "runs_again": "the Job has active or succeeded pods; the CronJob starts its next run on time",
    "runs_no_more": "no pod of the Job runs; the CronJob starts no new run",
}
"""What a verb may name in ``verify``, in words."""


class Verb(ABC):
    """One kind of change."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    tier: ClassVar[int]
    sets: ClassVar[re.Pattern[str]]
    """Which pointers this verb may set: the whole of each must match."""
    may_lack: ClassVar[re.Pattern[str] | None] = None
    """Which of them may be absent before or after; an API server drops what is empty or false."""
    risks: ClassVar[str]
    when_not: ClassVar[str]
    verify: ClassVar[tuple[str, ...]]
    """Names out of ``CHECKS``: what shows, beside the alert's own signal, that it worked."""
    undo: ClassVar[str]
    """What the step that ``inverse`` makes puts back, and what it cannot."""

    @abstractmethod
    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """The step that does this to ``target`` as it is now, or why it must not be done."""

    @abstractmethod
    def sentence(self, step: Step) -> str:
        """What the step does, in words for the person who signs."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The RBAC rules this verb needs."""
        return tuple(
            Rule(group=RESOURCES[kind][0].rpartition("/")[0], resource=RESOURCES[kind][1])
            for kind in self.kinds
        )

    @abstractmethod
    def bounds(self, step: Step) -> Refused | None:
        """Why the values of this step are not ones this verb could have drafted or undone, or None."""

    def tier_of(self, step: Step) -> int:
        """The tier of this very step; a verb may raise its own, never lower it."""
        del step
        return self.tier

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """Pointers that the sentence shows beside what is set; they are pinned as well."""
        del target, changes
        return ()

    def undoing(self, step: Step) -> dict[str, str]:
        """What ``about`` says of the step that undoes this one."""
        del step
        return {}

    def lacks(self, pointer: Pointer) -> bool:
        """Whether this pointer may lead to nothing, before the change or after it."""
        return bool(self.may_lack and self.may_lack.fullmatch(pointer))

    def check(self, step: Step) -> Refused | None:
        """Why this step may not be sent by this verb, or None; run again before every send."""
        if step.kind not in self.kinds or step.api_version != RESOURCES[step.kind][0]:
            return Refused(reason=f"{self.name} does not change a {step.api_version} {step.kind}")
        if not (is_namespace(step.namespace) and is_name(step.name)):
            return Refused(reason=f"{step.target} is no name that an object can have")
        for pointer in step.set:
            if against := self._against(step, pointer):
                return Refused(reason=against)
        if not step.expect.keys() & _PINS:
            return Refused(reason=f"nothing pins {step.target} to the version that was shown")
        return self.bounds(step)

    def _against(self, step: Step, pointer: Pointer) -> str:
        if not self.sets.fullmatch(pointer):
            return f"{self.name} may not set {pointer}"
        if pointer not in step.expect:
            return f"{pointer} is set but its present value is not stated"
        absent = step.set[pointer] is None or step.expect[pointer] is None
        return (
            f"{self.name} may neither add nor remove {pointer}" if absent and not self.lacks(pointer) else ""
        )

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """The step that puts back what the signed one expected, pinned to the object as it is now."""
        changed = drift({"/metadata/uid": step.uid, **step.set}, live)
        if changed:
            return Refused(reason=f"it was changed again since: {changed[0]}")
        before = {pointer: step.expect[pointer] for pointer in step.set}
        return step_for(self, live, before, self.undoing(step))


def step_for(
    verb: Verb, target: JsonObject, changes: Changes, about: dict[str, str] | None = None
) -> Step | Refused:
    """A step with every precondition filled from the target as it is now."""
    ref = ref_of(target)
    if ref.kind not in verb.kinds:
        return Refused(reason=f"{verb.name} does not change a {ref.kind}")
    found = {pointer: read(target, pointer) for pointer in changes}
    expect = {pointer: None if value is MISSING else value for pointer, value in found.items()}
    absent = [pointer for pointer, value in expect.items() if value is None and not verb.lacks(pointer)]
    if absent:
        return Refused(reason=f"{ref} has no {', '.join(absent)} to change")
    if same(changes, expect):
        return Refused(reason=f"{ref} already is as it would be set")
    beside = {pointer: read(target, pointer) for pointer in verb.shown(target, changes)}
    pinned = {pointer: value for pointer, value in beside.items() if value is not MISSING}
    return Step(
        verb=verb.name,
        api_version=RESOURCES[ref.kind][0],
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        uid=ref.uid,
        expect={**_identity(target), **expect, **pinned},
        set=changes,
        annotated=bool(target["metadata"].get("annotations")),
        about=about or {},
    )


def _identity(target: JsonObject) -> Changes:
    """What says that the object is still the one that was looked at."""
    meta = target["metadata"]
    found = {"/metadata/uid": meta["uid"]}
    if "generation" in meta:
        found["/metadata/generation"] = meta["generation"]
    if "generation" not in meta or not meta.get("annotations"):
        # Without a generation, or where our mark brings the annotations map, only the
        # resourceVersion notices a change between now and the patch.
        found["/metadata/resourceVersion"] = meta["resourceVersion"]
    return found


def matches(step: Step, live: JsonObject) -> tuple[Drift, ...]:
    """What is no longer as the step expects, its very identity included; empty when nothing is."""
    return drift({"/metadata/uid": step.uid, **step.expect}, live)


def path_of(step: Step) -> str:
    """The URL path of the step's target."""
    version, resource = RESOURCES[step.kind]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{step.namespace}/{resource}/{step.name}"


def request(step: Step, plan_id: str, *, dry_run: bool = False) -> Request:
    """The one request of a step: tests first, then the changes, then our mark (invariant I5)."""
    tests = {"/metadata/uid": step.uid, **step.expect}
    # There is no test for absence; the pinned version notices if something came there since.
    patch: list[JsonObject] = [
        {"op": "test", "path": p, "value": v} for p, v in tests.items() if v is not None
    ]
    patch += [_change(step, pointer, value) for pointer, value in step.set.items()]
    patch.append(_mark(step, plan_id))
    # The server gives up when we do, so a late write cannot follow a timeout we already reported.
    query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("timeout", f"{READ_S:.0f}s")]
    return Request(
        method="PATCH",
        path=path_of(step),
        query=(*query, ("dryRun", "All")) if dry_run else tuple(query),
        body=rfc8785.dumps(patch),
        content_type="application/json-patch+json",
    )


def _change(step: Step, pointer: Pointer, value: object) -> JsonObject:
    if value is None:
        return {"op": "remove", "path": pointer}
    return {"op": "add" if step.expect[pointer] is None else "replace", "path": pointer, "value": value}


def _mark(step: Step, plan_id: str) -> JsonObject:
    if not step.annotated:
        return {"op": "add", "path": "/metadata/annotations", "value": {MARK: plan_id}}
    return {"op": "add", "path": MARK_POINTER, "value": plan_id}


def is_applied(step: Step, plan_id: str, live: JsonObject) -> bool:
    """Whether this very object carries this plan's mark and every value it set."""
    wanted = {"/metadata/uid": step.uid, MARK_POINTER: plan_id, **step.set}
    return not drift(wanted, live)
