"""Runs every control loop once per tick, and ticks in real time while the world is served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from evals.world.kubernetes.controllers.autoscaler import AutoscalerController
from evals.world.kubernetes.controllers.cronjob import CronJobController
from evals.world.kubernetes.controllers.daemonset import DaemonSetController
from evals.world.kubernetes.controllers.deployment import DeploymentController
from evals.world.kubernetes.controllers.disruption import DisruptionController
from evals.world.kubernetes.controllers.endpoints import EndpointsController, remove_orphaned_endpoints
from evals.world.kubernetes.controllers.job import JobController
from evals.world.kubernetes.controllers.nodes import NodeController
from evals.world.kubernetes.controllers.quota import QuotaController
from evals.world.kubernetes.controllers.recorder import forget_old_events
from evals.world.kubernetes.controllers.replicaset import ReplicaSetController
from evals.world.kubernetes.controllers.scheduler import Scheduler
from evals.world.kubernetes.controllers.statefulset import StatefulSetController
from evals.world.kubernetes.controllers.volumes import VolumeController
from evals.world.kubernetes.errors import ApiError
from evals.world.kubernetes.objects import JsonObject, copied
from evals.world.kubernetes.store import Store

TICK_SECONDS = 0.05
_AT_LEAST_EVERY = timedelta(seconds=1)
log = logging.getLogger(__name__)

Reconcile = Callable[[JsonObject], None]


class ControllerManager:
    """All controllers over one store. `kubelet` is ticked first: it turns time into facts."""

    def __init__(self, store: Store, kubelet: Callable[[], None], speed: float = 1.0) -> None:
        self._store = store
        self._kubelet = kubelet
        self._loops: tuple[tuple[str, Reconcile], ...] = (
            ("horizontalpodautoscalers", AutoscalerController(store).tick),
            ("cronjobs", CronJobController(store).tick),
            ("jobs", JobController(store, speed).tick),
            ("deployments", DeploymentController(store, speed).tick),
            ("statefulsets", StatefulSetController(store).tick),
            ("daemonsets", DaemonSetController(store).tick),
            ("replicasets", ReplicaSetController(store, speed).tick),
            ("pods", Scheduler(store).tick),
            ("services", EndpointsController(store).tick),
            ("poddisruptionbudgets", DisruptionController(store).tick),
            ("persistentvolumeclaims", VolumeController(store).tick),
            ("resourcequotas", QuotaController(store).tick),
            ("nodes", NodeController(store).tick),
        )
        self._seen: tuple[int, datetime] | None = None

    def tick(self) -> bool:
        """One pass over everything; True when something changed."""
        before = self._store.resource_version
        # The kubelet goes first and always: pods change because time passes, not because somebody wrote.
        self._kubelet()
        if self._due():
            for resource, reconcile in self._loops:
                for obj in self._store.peek(resource):
                    # Most pods have their node already: not worth a copy on every tick.
                    if resource != "pods" or not obj["spec"].get("nodeName"):
                        self._attempt(reconcile, copied(obj))
            remove_orphaned_endpoints(self._store)
            forget_old_events(self._store)
        return self._store.resource_version != before

    def settle(self, passes: int = 200) -> None:
        """Tick until a pass changes nothing. Raises RuntimeError when that never happens."""
        for _ in range(passes):
            if not self.tick():
                return
        raise RuntimeError(f"the controllers did not come to rest within {passes} passes")

    def _due(self) -> bool:
        """Whether anything can have changed: the store moved, or enough time passed for deadlines to
        matter.
        """
        now, version = self._store.clock.now(), self._store.resource_version
        if self._seen is not None and self._seen[0] == version and now - self._seen[1] < _AT_LEAST_EVERY:
            return False
        self._seen = (version, now)
        return True

    def _attempt(self, reconcile: Reconcile, obj: JsonObject) -> None:
        try:
            reconcile(obj)
        except ApiError as error:
            # Mostly a conflict: somebody else wrote in between, and the next tick starts from what is there
            # then. A template the server refuses stays refused, as in a real cluster, and stops nobody else.
            log.debug("reconcile put off: %s", error.message)


class Ticker:
    """Calls `tick` in a thread until stopped."""

    def __init__(self, tick: Callable[[], object], every: float = TICK_SECONDS) -> None:
        self._tick = tick
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="world-controllers", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait until the last tick is over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._tick()
