"""CronJob → Jobs, after `pkg/controller/cronjob`: the newest run that is due, one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.cron import schedule
from evals.world.kubernetes.controllers.job import ended_at, finished
from evals.world.kubernetes.controllers.pods import moment, owned_by, owner_reference
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.errors import AlreadyExists
from evals.world.kubernetes.objects import JsonObject, copied, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
# Older runs that were missed are of no interest: only the newest would be started.
_LOOKS_BACK = timedelta(days=8)


class CronJobController:
    """Reconciles every CronJob."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorder = Recorder(store, "cronjob-controller")
        # Only so that a run that may not start is spoken of once, and not at every tick.
        self._skipped: dict[str, datetime] = {}

    def tick(self, cron: JsonObject) -> None:
        """One look at one CronJob (a private copy)."""
        jobs = [job for job in self._store.peek("jobs", namespace_of(cron)) if owned_by(job, cron)]
        status = copied(cron.get("status") or {})
        running = [job for job in jobs if not finished(job)]
        ends = [end for job in jobs if (end := ended_at(job)) is not None]
        if ends:
            status["lastSuccessfulTime"] = rfc3339(max(ends))
        if not cron["spec"].get("suspend"):
            running += self._due(cron, status, running)
        self._forget(cron, jobs)
        status["active"] = [_reference(job) for job in running]
        if not status["active"]:
            del status["active"]
        if status != cron.get("status"):
            self._store.update("cronjobs", {**cron, "status": status}, "status", MANAGER)

    def _due(self, cron: JsonObject, status: JsonObject, running: list[JsonObject]) -> list[JsonObject]:
        now = self._store.clock.now()
        since = moment(status.get("lastScheduleTime") or meta(cron)["creationTimestamp"])
        due = schedule(cron["spec"]["schedule"]).last(max(since, now - _LOOKS_BACK), now)
        deadline = cron["spec"].get("startingDeadlineSeconds")
        if due is None or (deadline is not None and due + timedelta(seconds=deadline) < now):
            return []
        policy = cron["spec"].get("concurrencyPolicy")
        if running and policy == "Forbid":
            self._skip(cron, due)
            return []
        if policy == "Replace":
            for job in running:
                self._store.delete("jobs", namespace_of(job), name_of(job))
            running.clear()
        status["lastScheduleTime"] = rfc3339(due)
        return self._start(cron, f"{name_of(cron)}-{int(due.timestamp()) // 60}")

    def _skip(self, cron: JsonObject, due: datetime) -> None:
        if self._skipped.get(meta(cron)["uid"]) != due:
            self._skipped[meta(cron)["uid"]] = due
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._recorder.record(cron, Note(reason="JobAlreadyActive", message=text))

    def _start(self, cron: JsonObject, name: str) -> list[JsonObject]:
        template = copied(cron["spec"]["jobTemplate"])
        head = {**(template.get("metadata") or {}), "name": name, "namespace": namespace_of(cron)}
        head["ownerReferences"] = [owner_reference(cron)]
        try:
            made = self._store.create("jobs", {"metadata": head, "spec": template["spec"]}, MANAGER)
        except AlreadyExists:
            # The status that should have remembered this run was not written: the run itself is there.
            return []
        self._recorder.record(cron, Note(reason="SuccessfulCreate", message=f"Created job {name}"))
        return [made]

    def _forget(self, cron: JsonObject, jobs: list[JsonObject]) -> None:
        limits = (("successfulJobsHistoryLimit", True), ("failedJobsHistoryLimit", False))
        for field, succeeded in limits:
            over = [job for job in jobs if finished(job) and (ended_at(job) is not None) is succeeded]
            over.sort(key=lambda job: str(meta(job)["creationTimestamp"]))
            for job in over[: max(0, len(over) - int(cron["spec"].get(field, 1)))]:
                self._store.delete("jobs", namespace_of(job), name_of(job))


def _reference(job: JsonObject) -> JsonObject:
    head = meta(job)
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "namespace": head["namespace"],
        "name": head["name"],
        "uid": head["uid"],
        "resourceVersion": head["resourceVersion"],
    }
