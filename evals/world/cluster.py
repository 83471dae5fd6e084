"""A scenario's cluster without any socket: store, controllers and kubelet, from its past to its repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jsonpatch

from evals.world.clock import Clock, RealClock, rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.manager import ControllerManager
from evals.world.kubernetes.controllers.nodes import registered
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.errors import AlreadyExists
from evals.world.kubernetes.kubelet.kubelet import Kubelet, KubeletOptions
from evals.world.kubernetes.objects import JsonObject, copied, name_of, namespace_of, put
from evals.world.kubernetes.store import Store
from evals.world.oracle import Snapshot, Verdict, judge, ready_endpoints, ready_pods, snapshot
from evals.world.scenario import Scenario
from evals.world.steps import Fields, ObjectRef, Step, resource_of
from evals.world.timeline import Timeline

_CALM_AFTER = timedelta(seconds=30)
_LONGEST_ROLLOUT = timedelta(minutes=10)
_STRIDE = timedelta(seconds=2)


class DidNotSettle(Exception):
    """The past of a scenario never came to rest: its history asks for something its images cannot do."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """How fast pods live, whose time it is, and the seed of names and uids (None: new ones every time)."""

    speed: float = 1.0
    clock: Clock | None = None
    seed: int | None = None


class PretendCluster:
    """One scenario's cluster. `build_past`, then `tick` while time passes, `break_it` once, `verdict` at
    any time.
    """

    def __init__(self, scenario: Scenario, options: ClusterOptions | None = None) -> None:
        self.scenario = scenario
        self.options = options or ClusterOptions()
        self.clock = Timeline(self.options.clock or RealClock())
        speed = self.options.speed
        self.store = Store(self.clock, seed=self.options.seed)
        self.kubelet = Kubelet(self.store, scenario.library, KubeletOptions(speed=speed))
        self.controllers = ControllerManager(self.store, self.kubelet.tick, speed)
        self._healthy: Snapshot = {}
        self._broken: Snapshot = {}
        self._to_come: list[Step] = []
        self.broken_at: datetime | None = None

    def build_past(self) -> None:
        """Live through the scenario's history so that ages, revisions and events are what they would be."""
        present = self.clock.now()
        past = self.scenario.past
        self.clock.hold(present - timedelta(hours=past[0].hours_ago + 24))
        for node in self.scenario.world.nodes:
            self.store.create("nodes", registered(node, rfc3339(self.clock.now())))
        for step in past:
            self.clock.hold(max(present - timedelta(hours=step.hours_ago), self.clock.now()))
            self.apply(step)
            self._come_to_rest()
        # The leap to the present lets what belongs to the past, such as old events, expire.
        self.clock.hold(present)
        self.controllers.settle()
        self.clock.arrive()
        self._healthy = self._broken = snapshot(self.store)

    def tick(self) -> bool:
        """One pass of the controllers and kubelets at the present moment."""
        self.break_on()
        return self.controllers.tick()

    def break_it(self) -> None:
        """Apply the fault; what of it comes later is left for ``break_on``."""
        self.broken_at = self.clock.now()
        self._to_come = sorted(self.scenario.fault, key=lambda step: step.after)
        self.break_on()

    def once_more(self, scenario: Scenario) -> None:
        """What is there now is the healthy state before the fault of this scenario, of the same world."""
        # What the first time left behind is no part of what the oracle of the second may complain of.
        self.scenario, self.broken_at = scenario, None
        self._healthy = self._broken = snapshot(self.store)

    def break_on(self) -> None:
        """Apply the steps of the fault whose time has come."""
        while self._to_come and self.broken_at is not None:
            if self.clock.now() < self.broken_at + timedelta(seconds=self._to_come[0].after):
                return
            self.apply(self._to_come.pop(0))
            self._broken = snapshot(self.store)

    def apply(self, step: Step) -> None:
        """Make one change in the name of its writer."""
        written = WriteOptions(manager=step.by)
        for manifest in step.create:
            self._create(manifest, written)
        for patch in step.patch:
            self._patch(patch.object, patch.operations, written)
        self._set(step.set, written)
        self._set(step.status, written, "status")
        for said in step.events:
            about = self.store.get(said.about.resource, said.about.namespace, said.about.name)
            note = Note(reason=said.reason, message=said.message, warning=not said.normal, count=said.count)
            Recorder(self.store, said.by).record(about, note)
        for ref in step.delete:
            self.store.delete(ref.resource, ref.namespace, ref.name)

    def verdict(self) -> Verdict:
        """Whether the cluster is as the scenario's oracle wants it."""
        reach = self.kubelet.answers
        return judge(self.scenario.expect.oracle, self.store, (self._healthy, self._broken), reach)

    def sick(self) -> bool:
        """Whether the fault is there and not mended; what nobody can mend here stays."""
        oracle = self.scenario.expect.oracle
        mendable = oracle.conditions or oracle.any_of or oracle.workloads or oracle.services
        return self.broken_at is not None and not (mendable and self.verdict().met)

    def pods_ready(self) -> dict[str, str]:
        """`namespace/deployment` → `ready/asked for`."""
        found = {}
        for each in self.store.list("deployments"):
            ready, _ = ready_pods(self.store, each)
            found[f"{namespace_of(each)}/{name_of(each)}"] = f"{ready}/{each['spec'].get('replicas', 1)}"
        return found

    def endpoints(self) -> dict[str, int]:
        """`namespace/service` → ready endpoints."""
        return {
            f"{namespace_of(each)}/{name_of(each)}": ready_endpoints(
                self.store, (namespace_of(each), name_of(each)), self.kubelet.answers
            )
            for each in self.store.peek("services")
        }

    def _create(self, manifest: JsonObject, written: WriteOptions) -> None:
        made = self.store.create(resource_of(manifest["kind"]), copied(manifest), written)
        if manifest["kind"] == "Namespace":
            self._furnish(name_of(made))
        elif namespace_of(made):
            self._furnish(namespace_of(made))

    def _furnish(self, namespace: str) -> None:
        """Every namespace of a real cluster has a default account and the cluster's CA."""
        certificate = {"ca.crt": "-----BEGIN CERTIFICATE-----\n(pretend)\n-----END CERTIFICATE-----\n"}
        furniture = (
            ("serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}}),
            (
                "configmaps",
                {"metadata": {"name": "kube-root-ca.crt", "namespace": namespace}, "data": certificate},
            ),
        )
        for resource, obj in furniture:
            try:
                self.store.create(resource, obj)
            except AlreadyExists:
                continue

    def _patch(self, ref: ObjectRef, operations: tuple[JsonObject, ...], written: WriteOptions) -> None:
        obj = self.store.get(ref.resource, ref.namespace, ref.name)
        patched: JsonObject = jsonpatch.apply_patch(obj, list(operations))
        self.store.update(ref.resource, patched, options=written)

    def _set(self, fields: Fields, written: WriteOptions, subresource: str = "") -> None:
        for short, values in fields.items():
            ref = ObjectRef.model_validate(short)
            obj = self.store.get(ref.resource, ref.namespace, ref.name)
            for pointer, value in values.items():
                put(obj, f"/status{pointer}" if subresource else pointer, value)
            self.store.update(ref.resource, obj, subresource, written)

    def _come_to_rest(self) -> None:
        """Let time pass in strides until nothing has happened for a while."""
        begun = moved = self.clock.now()
        stride = _STRIDE
        while self.clock.now() - moved < _CALM_AFTER:
            # Looking less often while nothing moves costs nothing: transitions keep their own times.
            stride *= 2
            if self.controllers.tick():
                moved, stride = self.clock.now(), _STRIDE
                self.controllers.settle()
            if moved - begun > _LONGEST_ROLLOUT:
                raise DidNotSettle(f"{self.scenario.name}: pods {self.pods_ready()} after {_LONGEST_ROLLOUT}")
            self.clock.hold(self.clock.now() + stride)
