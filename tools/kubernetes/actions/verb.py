"""What every verb of the catalogue must say and do; ``catalogue`` lists the verbs.

A verb turns a target and absolute parameters into a Step, a Step into one exact request, and a
Step and the object as it is into the Step that undoes it. All pure.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.wire import (
    MARK,
    RESOURCES,
    RESTLESS,
    is_applied,
    is_target,
    matches,
    path_of,
    rehearsal,
    request,
)
from tools.kubernetes.client import Request
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject, ref_of
from tools.kubernetes.pointers import MISSING, drift, read, same

__all__ = [
    "CHECKS",
    "MARK",
    "RESOURCES",
    "Changes",
    "Context",
    "Refused",
    "Rule",
    "Verb",
    "is_applied",
    "matches",
    "path_of",
    "request",
    "step_for",
]


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

    ``images`` are those seen in this workload's history, ``owned_by`` what scales it (an HPA's
    name), ``limit_factor`` the policy for raising resources and bounds, ``least`` the replicas that
    its disruption budget needs, ``seen`` the other objects as they were read.
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
    "pod_replaced": "another pod took its place and is ready",
    "node_as_set": "the node takes new pods, or takes none, as it was set",
    "volume_grown": "the claim's capacity is what was asked for",
    "pods_admitted": "no pod is refused for the quota any more",
    "traffic_flows": "the connection that the rule is for is made",
    "calls_admitted": "the API server no longer fails on the webhook",
    "object_there": "the object is there again and is used",
    "silence_active": "Alertmanager lists the silence as active",
}
"""What a verb may name in ``verify``, in words."""


class Verb(ABC):
    """One kind of change."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    tier: ClassVar[int]
    fields: ClassVar[tuple[str, ...]] = ()
    """What of an existing object is different when it is done, as ``fields`` writes it; for the wall."""
    sets: ClassVar[re.Pattern[str]]
    """Which pointers this verb may set: the whole of each must match."""
    risks: ClassVar[str]
    when_not: ClassVar[str]
    verify: ClassVar[tuple[str, ...]]
    """Names out of ``CHECKS``: what shows, beside the alert's own signal, that it worked."""
    undo: ClassVar[str]
    """What the step that ``inverse`` makes puts back, and what it cannot."""
    reversible: ClassVar[bool] = True
    """Whether there is such a step at all."""
    place: ClassVar[Literal["cluster", "alertmanager"]] = "cluster"
    """Whose API the request goes to."""
    adds: ClassVar[bool] = False
    """Whether it may set a field that is not there yet; its undo then takes the field away."""
    optional: ClassVar[bool] = False
    """Whether its rights stand in a role of their own, which an installation may leave out."""

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

    def fields_on(self, kind: str) -> tuple[str, ...]:
        """Of the fields, those that it may change in an object of this kind."""
        del kind
        return self.fields

    def look(self, step: Step) -> Request:
        """The read that finds the step's object."""
        return Request(method="GET", path=path_of(step))

    def found(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """The step's object in the answer to ``look``, or None when it is not there."""
        del step
        return answer

    def request(self, step: Step, plan_id: str) -> Request:
        """The one request of a step (invariant I5)."""
        return request(step, plan_id)

    def rehearsal(self, step: Step, plan_id: str) -> Request:
        """A request that shows what ``request`` would do and does nothing."""
        return rehearsal(self.request(step, plan_id))

    def after(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """The object as the answer to ``rehearsal`` says it would be; None when it would be gone."""
        del step
        return answer

    def is_applied(self, step: Step, plan_id: str, live: JsonObject | None) -> bool:
        """Whether the object as it is now shows that this plan's step was done."""
        return is_applied(step, plan_id, live)

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

    def undo_words(self, step: Step) -> str:
        """What undoing this very step would do, with the values that are there now."""
        if not self.reversible:
            return self.undo
        back = {pointer: step.expect.get(pointer) for pointer in step.set}
        turned = {"expect": {**step.expect, **step.set}, "set": back, "about": self.undoing(step)}
        return self.sentence(step.model_copy(update=turned))

    def check(self, step: Step) -> Refused | None:
        """Why this step may not be sent by this verb, or None; run again before every send."""
        misplaced = self.misplaced(step)
        if misplaced:
            return misplaced
        for pointer in step.set:
            if not self.sets.fullmatch(pointer):
                return Refused(reason=f"{self.name} may not set {pointer}")
            if pointer not in step.expect:
                return Refused(reason=f"{pointer} is set but its present value is not stated")
            if None in (step.set[pointer], step.expect[pointer]) and not self.adds:
                return Refused(reason=f"{self.name} neither adds nor takes away {pointer}")
        return _unpinned(step) or self.bounds(step)

    def misplaced(self, step: Step) -> Refused | None:
        """Why the step's object is not one that this verb may name, or None."""
        if step.kind not in self.kinds or step.api_version != RESOURCES[step.kind][0]:
            return Refused(reason=f"{self.name} does not change a {step.api_version} {step.kind}")
        if not is_target(step):
            return Refused(reason=f"{step.target} is no name that an object can have")
        return None

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """The step that puts back what the signed one expected, pinned to the object as it is now."""
        changed = drift({"/metadata/uid": step.uid, **step.set}, live)
        if changed:
            return Refused(reason=f"it was changed again since: {changed[0]}")
        before = {pointer: step.expect[pointer] for pointer in step.set}
        return step_for(self, live, before, self.undoing(step))


def _unpinned(step: Step) -> Refused | None:
    if step.kind not in RESTLESS:
        pinned = bool(step.expect.keys() & {"/metadata/generation", "/metadata/resourceVersion"})
    else:
        # No test can show that a field is absent, so there what is around it is stated instead.
        absent = [pointer for pointer, value in step.expect.items() if value is None]
        pinned = all(step.expect.get(pointer.rpartition("/")[0]) is not None for pointer in absent)
    return None if pinned else Refused(reason=f"nothing pins {step.target} to the version that was shown")


def stated(value: object) -> str:
    """A value in a sentence."""
    return "unstated" if value is None else str(value)


def step_for(
    verb: Verb, target: JsonObject, changes: Changes, about: dict[str, str] | None = None
) -> Step | Refused:
    """A step with every precondition filled from the target as it is now."""
    ref = ref_of(target)
    if ref.kind not in verb.kinds:
        return Refused(reason=f"{verb.name} does not change a {ref.kind}")
    expect = {pointer: read(target, pointer) for pointer in changes}
    absent = [pointer for pointer, value in expect.items() if value is MISSING]
    if absent and not verb.adds:
        return Refused(reason=f"{ref} has no {', '.join(absent)} to change")
    expect |= dict.fromkeys(absent)
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
    restless = target["kind"] in RESTLESS and meta.get("annotations")
    if ("generation" not in meta and not restless) or not meta.get("annotations"):
        # Without a generation, or where our mark brings the annotations map, only the
        # resourceVersion notices a change between now and the patch.
        found["/metadata/resourceVersion"] = meta["resourceVersion"]
    return found
