"""Deployment → ReplicaSets: rolling update, recreate, roll back by template, pause, resize, history limit.

After `pkg/controller/deployment`; one call moves a Deployment at most one step, as one sync there does.
"""

from __future__ import annotations

from dataclasses import dataclass

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import find_condition, set_condition
from evals.world.kubernetes.controllers.deployment_status import Progress, new_status
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.controllers.rollout import (
    Bounds,
    Size,
    bounds,
    next_new_size,
    next_old_sizes,
    proportional,
)
from evals.world.kubernetes.controllers.templates import (
    DESIRED,
    MOST,
    REVISION,
    REVISION_HISTORY,
    copied_annotations,
    current_set,
    fresh_set,
    owned_sets,
    revision_of,
)
from evals.world.kubernetes.objects import JsonObject, dig, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")


@dataclass(kw_only=True)
class Rollout:
    """One Deployment and its ReplicaSets while a step is worked out; `new` is None until there is one."""

    deployment: JsonObject
    new: JsonObject | None
    old: list[JsonObject]
    bounds: Bounds

    @property
    def sets(self) -> list[JsonObject]:
        """All ReplicaSets, the current one last."""
        return self.old + ([self.new] if self.new is not None else [])


class DeploymentController:
    """Reconciles every Deployment. `speed` shortens the progress deadline as it shortens everything else."""

    def __init__(self, store: Store, speed: float = 1.0) -> None:
        self._store = store
        self._speed = speed
        self._recorder = Recorder(store, "deployment-controller")

    def tick(self, deployment: JsonObject) -> None:
        """One step for one Deployment (a private copy)."""
        sets = owned_sets(deployment, self._store.peek("replicasets", namespace_of(deployment)))
        new = current_set(deployment, sets)
        old = [each for each in sets if new is None or each["metadata"]["uid"] != new["metadata"]["uid"]]
        plan = Rollout(deployment=deployment, new=new, old=old, bounds=_bounds(deployment))
        # A resize is shared out before anything rolls, or it would be mistaken for progress.
        if not deployment["spec"].get("paused") and not self._resized(plan):
            self._ensure_new(plan)
            if not self._roll(plan):
                self._forget_history(plan)
        else:
            # A paused Deployment still takes a new size; only its template waits.
            self._resize(plan)
        self._report(plan)

    def _ensure_new(self, plan: Rollout) -> None:
        revision = max((revision_of(each) for each in plan.old), default=0) + 1
        if plan.new is None:
            wanted = fresh_set(plan.deployment, revision)
            size = Size(name="", wanted=0)
            replicas = self._first_size(plan, size)
            wanted["spec"]["replicas"] = replicas
            wanted["metadata"]["annotations"].update(_sizes(plan.bounds))
            plan.new = self._store.create("replicasets", wanted, MANAGER)
            if replicas:
                self._say_scaled(plan.deployment, plan.new, 0)
            self._progress(plan, "NewReplicaSetCreated", f'Created new replica set "{name_of(plan.new)}"')
        else:
            self._renumber(plan, revision)
        self._annotate(plan, revision_of(plan.new))

    def _first_size(self, plan: Rollout, size: Size) -> int:
        # Born empty and grown later: the old pods must be gone first.
        if _recreates(plan.deployment) and any(_wanted(each) or _there(each) for each in plan.old):
            return 0
        return next_new_size(plan.bounds, size, [_size(each) for each in plan.old])

    def _renumber(self, plan: Rollout, revision: int) -> None:
        """A template that is current again gets the newest revision, and remembers the ones it had."""
        found = plan.new
        if found is None:
            return
        annotations = meta(found).setdefault("annotations", {})
        known = dict(annotations)
        before = revision_of(found)
        if before < revision:
            history = [entry for entry in annotations.get(REVISION_HISTORY, "").split(",") if entry]
            if before:
                annotations[REVISION_HISTORY] = ",".join([*history, str(before)])
            annotations[REVISION] = str(revision)
        annotations.update(copied_annotations(plan.deployment))
        annotations.update(_sizes(plan.bounds))
        if annotations != known:
            plan.new = self._store.update("replicasets", found, options=MANAGER)
        if find_condition(plan.deployment.get("status") or {}, "Progressing") is None:
            self._progress(plan, "FoundNewReplicaSet", f'Found new replica set "{name_of(found)}"')

    def _annotate(self, plan: Rollout, revision: int) -> None:
        annotations = meta(plan.deployment).setdefault("annotations", {})
        if annotations.get(REVISION) != str(revision):
            annotations[REVISION] = str(revision)
            status = plan.deployment.get("status")
            plan.deployment = self._store.update("deployments", plan.deployment, options=MANAGER)
            # The condition just noted is not stored yet; the status is written at the end of the step.
            plan.deployment["status"] = status or {}

    def _progress(self, plan: Rollout, reason: str, message: str) -> None:
        now = rfc3339(self._store.clock.now())
        condition = {
            "type": "Progressing",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastUpdateTime": now,
        }
        set_condition(plan.deployment.setdefault("status", {}), condition, now)

    def _roll(self, plan: Rollout) -> bool:
        """Grow the new ReplicaSet or shrink the old ones; True when something moved."""
        if plan.new is None:
            return False
        if _recreates(plan.deployment):
            return self._recreate(plan, plan.new)
        sizes = [_size(each) for each in plan.old]
        target = next_new_size(plan.bounds, _size(plan.new), sizes)
        # One direction per step: the sizes that shrinking relies on are those of before.
        if self._scale(plan, plan.new, target):
            return True
        shrunk = next_old_sizes(plan.bounds, _size(plan.new), sizes)
        moved = [self._scale(plan, each, size.wanted) for each, size in zip(plan.old, shrunk, strict=True)]
        return any(moved)

    def _recreate(self, plan: Rollout, new: JsonObject) -> bool:
        moved = [self._scale(plan, each, 0) for each in plan.old]
        if any(moved):
            return True
        # Recreate promises that old and new never run side by side, so pods count, not wishes.
        if any(_there(each) for each in plan.old):
            return False
        return self._scale(plan, new, plan.bounds.replicas)

    def _resized(self, plan: Rollout) -> bool:
        """Whether the Deployment's size changed since the ReplicaSets were last sized (isScalingEvent)."""
        wanted = str(plan.bounds.replicas)
        return any(
            (meta(each).get("annotations") or {}).get(DESIRED, wanted) != wanted
            for each in plan.sets
            if _wanted(each)
        )

    def _resize(self, plan: Rollout) -> None:
        active = [each for each in plan.sets if _wanted(each)]
        if len(active) <= 1:
            only = active[0] if active else plan.new
            if only is not None:
                self._scale(plan, only, plan.bounds.replicas)
            return
        # The size it had before stands in annotations only: the Deployment itself holds the new one already.
        before = int((meta(active[0]).get("annotations") or {}).get(MOST) or plan.bounds.most)
        targets = {
            size.name: size.wanted
            for size in proportional(plan.bounds, before, [_size(each) for each in active])
        }
        for each in active:
            self._scale(plan, each, targets[name_of(each)])

    def _scale(self, plan: Rollout, target: JsonObject, replicas: int) -> bool:
        annotations = meta(target).setdefault("annotations", {})
        before = _wanted(target)
        # The right size with an outdated note would be taken for a resize at the next step.
        stale = bool(replicas) and annotations.get(DESIRED) != str(plan.bounds.replicas)
        if before == replicas and not stale:
            return False
        annotations.update(_sizes(plan.bounds))
        target["spec"]["replicas"] = replicas
        target.update(self._store.update("replicasets", target, options=MANAGER))
        if before != replicas:
            self._say_scaled(plan.deployment, target, before)
        return before != replicas

    def _say_scaled(self, deployment: JsonObject, target: JsonObject, before: int) -> None:
        after = _wanted(target)
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {name_of(target)} from {before} to {after}"
        self._recorder.record(deployment, Note(reason="ScalingReplicaSet", message=message))

    def _forget_history(self, plan: Rollout) -> None:
        # Zero is a wish too, and forgets everything that a roll-back could go to.
        limit = plan.deployment["spec"].get("revisionHistoryLimit")
        keep = 10 if limit is None else int(limit)
        idle = [each for each in plan.old if not _wanted(each) and not _there(each)]
        for each in idle[: max(0, len(idle) - keep)]:
            self._store.delete("replicasets", namespace_of(each), name_of(each))

    def _report(self, plan: Rollout) -> None:
        progress = Progress(
            deployment=plan.deployment,
            sets=plan.sets,
            new=plan.new,
            bounds=plan.bounds,
            now=self._store.clock.now(),
            speed=self._speed,
        )
        stored = self._store.get("deployments", namespace_of(plan.deployment), name_of(plan.deployment))
        # A status for a spec that has changed meanwhile would claim to have observed it.
        if stored["metadata"]["generation"] != plan.deployment["metadata"]["generation"]:
            return
        status = new_status(progress)
        if status != stored.get("status"):
            self._store.update("deployments", {**stored, "status": status}, "status", MANAGER)


def _bounds(deployment: JsonObject) -> Bounds:
    spec = deployment["spec"]
    rolling = dig(spec, "strategy", "rollingUpdate") or {}
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    if _recreates(deployment):
        return Bounds(replicas=replicas, surge=0, unavailable=replicas)
    return bounds(replicas, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))


def _recreates(deployment: JsonObject) -> bool:
    return bool(dig(deployment, "spec", "strategy", "type") == "Recreate")


def _sizes(limits: Bounds) -> dict[str, str]:
    return {DESIRED: str(limits.replicas), MOST: str(limits.most)}


def _wanted(replica_set: JsonObject) -> int:
    return int(replica_set["spec"].get("replicas") or 0)


def _there(replica_set: JsonObject) -> int:
    return int((replica_set.get("status") or {}).get("replicas") or 0)


def _size(replica_set: JsonObject) -> Size:
    available = int((replica_set.get("status") or {}).get("availableReplicas") or 0)
    return Size(name=name_of(replica_set), wanted=_wanted(replica_set), available=available)
