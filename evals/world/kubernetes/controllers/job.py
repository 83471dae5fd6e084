"""Job → Pods, after `pkg/controller/job`: as many as may run at once until enough have succeeded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import find_condition, set_condition
from evals.world.kubernetes.controllers.creating import create_pod
from evals.world.kubernetes.controllers.pods import is_active, is_ready, moment, owned_by, owner_reference
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.objects import JsonObject, copied, dig, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
_FIRST_DELAY, _LONGEST_DELAY = 10.0, 600.0


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The pods of one Job by how they stand."""

    active: list[JsonObject]
    succeeded: list[JsonObject]
    failed: list[JsonObject]


class JobController:
    """Reconciles every Job. `speed` shortens the back-off as it shortens everything else."""

    def __init__(self, store: Store, speed: float = 1.0) -> None:
        self._store = store
        self._speed = speed
        self._recorder = Recorder(store, "job-controller")

    def tick(self, job: JsonObject) -> None:
        """One step for one Job (a private copy)."""
        if finished(job):
            return
        tally = self._tally(job)
        status = copied(job.get("status") or {})
        now = self._store.clock.now()
        if job["spec"].get("suspend"):
            self._suspend(job, status, tally)
        else:
            if (condition := find_condition(status, "Suspended")) and condition["status"] == "True":
                self._say(job, status, ("Suspended", "False", "JobResumed", "Job resumed"))
            status.setdefault("startTime", rfc3339(now))
            self._run(job, status, tally)
        self._report(job, status)

    def _tally(self, job: JsonObject) -> Tally:
        mine = [pod for pod in self._store.peek("pods", namespace_of(job)) if owned_by(pod, job)]
        by_phase = {
            phase: [pod for pod in mine if dig(pod, "status", "phase") == phase]
            for phase in ("Succeeded", "Failed")
        }
        active = [pod for pod in mine if is_active(pod)]
        return Tally(active=active, succeeded=by_phase["Succeeded"], failed=by_phase["Failed"])

    def _suspend(self, job: JsonObject, status: JsonObject, tally: Tally) -> None:
        self._stop(job, tally.active)
        # The clock of its deadline starts anew when it is resumed.
        status.pop("startTime", None)
        self._say(job, status, ("Suspended", "True", "JobSuspended", "Job suspended"))

    def _run(self, job: JsonObject, status: JsonObject, tally: Tally) -> None:
        wanted = job["spec"].get("completions")
        done = len(tally.succeeded)
        if done and (done >= wanted if wanted is not None else not tally.active):
            self._say(job, status, ("Complete", "True", "CompletionsReached", "Job completed"))
            status["completionTime"] = rfc3339(self._store.clock.now())
            return
        if len(tally.failed) > int(job["spec"].get("backoffLimit", 6)):
            self._stop(job, tally.active)
            text = "Job has reached the specified backoff limit"
            self._say(job, status, ("Failed", "True", "BackoffLimitExceeded", text))
            return
        at_once = int(job["spec"].get("parallelism", 1))
        missing = (at_once if wanted is None else min(at_once, wanted - done)) - len(tally.active)
        if missing > 0 and self._waited(tally):
            self._create(job, missing)

    def _waited(self, tally: Tally) -> bool:
        """Whether the back-off since the last pod that failed is over."""
        ends = [moment(end) for pod in tally.failed if (end := _ended(pod))]
        if not ends:
            return True
        delay = min(_FIRST_DELAY * 2.0 ** (len(ends) - 1), _LONGEST_DELAY) / self._speed
        return max(ends) + timedelta(seconds=delay) <= self._store.clock.now()

    def _create(self, job: JsonObject, count: int) -> None:
        template = job["spec"]["template"]
        for _ in range(count):
            pod = copied({"metadata": template.get("metadata") or {}, "spec": template["spec"]})
            meta(pod).pop("creationTimestamp", None)
            head = {"generateName": f"{name_of(job)}-", "namespace": namespace_of(job)}
            pod["metadata"] |= head | {"ownerReferences": [owner_reference(job)]}
            made = create_pod(self._store, pod, MANAGER)
            note = Note(reason="SuccessfulCreate", message=f"Created pod: {name_of(made)}")
            self._recorder.record(job, note)

    def _stop(self, job: JsonObject, pods: list[JsonObject]) -> None:
        for pod in pods:
            self._store.delete("pods", namespace_of(pod), name_of(pod))
            note = Note(reason="SuccessfulDelete", message=f"Deleted pod: {name_of(pod)}")
            self._recorder.record(job, note)

    def _say(self, job: JsonObject, status: JsonObject, told: tuple[str, str, str, str]) -> None:
        """Set a condition (type, status, reason, message) and, when it is news, say it as an event."""
        kind, holds, reason, message = told
        known = find_condition(status, kind)
        if known is not None and known["status"] == holds:
            return
        now = rfc3339(self._store.clock.now())
        said = {"type": kind, "status": holds, "reason": reason, "message": message, "lastProbeTime": now}
        set_condition(status, said, now)
        word = {"Suspended": "Suspended" if holds == "True" else "Resumed", "Complete": "Completed"}
        note = Note(reason=word.get(kind, reason), message=message, warning=kind == "Failed")
        self._recorder.record(job, note)

    def _report(self, job: JsonObject, status: JsonObject) -> None:
        # Read again: what was created or stopped just now counts.
        tally = self._tally(job)
        counts = {
            "active": len(tally.active),
            "ready": sum(is_ready(pod) for pod in tally.active),
            "succeeded": len(tally.succeeded),
            "failed": len(tally.failed),
        }
        status |= {key: value for key, value in counts.items() if value}
        for key in [key for key, value in counts.items() if not value]:
            status.pop(key, None)
        if status != job.get("status"):
            self._store.update("jobs", {**job, "status": status}, "status", MANAGER)


def finished(job: JsonObject) -> bool:
    """Whether a Job has completed or failed: nothing happens to it any more."""
    return any(
        (condition := find_condition(job.get("status") or {}, kind)) and condition["status"] == "True"
        for kind in ("Complete", "Failed")
    )


def ended_at(job: JsonObject) -> datetime | None:
    """When a Job completed, None while it has not."""
    at = dig(job, "status", "completionTime")
    return moment(at) if at else None


def _ended(pod: JsonObject) -> str | None:
    states = dig(pod, "status", "containerStatuses") or []
    ends = [dig(each, "state", "terminated", "finishedAt") for each in states]
    return max((end for end in ends if end), default=None)
