"""One pod on its node: its containers, its probes and its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.kubelet.environment import Missing, environment, mount_problem
from evals.world.kubernetes.kubelet.images import ImageBehaviour, Library, PullFailure
from evals.world.kubernetes.kubelet.probing import failure, ready_after
from evals.world.kubernetes.kubelet.process import SYNC_PERIOD, Container, Phase, Said, Termination
from evals.world.kubernetes.kubelet.spec import ContainerSpec, Probe, containers_of, pull_secrets_of
from evals.world.kubernetes.kubelet.status import Observed
from evals.world.kubernetes.objects import JsonObject, name_of, namespace_of
from evals.world.kubernetes.store import Store

# Seconds. A real kubelet starts its probe workers a moment after the container.
_FIRST_PROBE = 1.0
_AN_INSTANT = 0.001


@dataclass(frozen=True, kw_only=True)
class NodeServices:
    """What the pods of one node share: the store, the world's images, events, the images already pulled."""

    name: str
    store: Store
    library: Library
    recorder: Recorder
    kernel: Recorder
    speed: float
    images: set[str] = field(default_factory=set)


class PodOnNode:
    """The kubelet's view of one pod; `address` is its IP. Times are the store's."""

    def __init__(self, node: NodeServices, pod: JsonObject, address: str) -> None:
        self._node = node
        self.pod = pod
        self.address = address
        self.started_at = node.store.clock.now()
        self._probed_at: dict[str, datetime] = {}
        label = f"{name_of(pod)}_{namespace_of(pod)}({pod['metadata']['uid']})"
        policy = str(pod["spec"].get("restartPolicy") or "Always")
        self.containers = {
            spec.name: Container(
                spec=spec,
                host=self,
                pod_label=label,
                since=self.started_at,
                started_at=self.started_at,
                restart_policy=policy,
            )
            for spec in containers_of(pod)
        }
        self._begun = False
        self._refused_at: datetime | None = None
        self._env: dict[str, dict[str, str]] = {}
        self._begin(self.started_at)

    def step(self, pod: JsonObject, now: datetime) -> list[Observed]:
        """Live up to `now` and say what there is to see."""
        self.pod = pod
        if not self._begun:
            self._begin(now)
        observed = []
        for container in self.containers.values():
            container.step(now)
            self._probe(container, now)
            observed.append(self._observe(container, now))
        return observed

    def stopped(self) -> None:
        """The pod is gone: its containers are stopped."""
        for container in self.containers.values():
            if container.phase is Phase.RUNNING:
                text = f"Stopping container {container.spec.name}"
                now = self._node.store.clock.now()
                self.say(container.spec, Said(at=now, reason="Killing", message=text))

    def span(self, seconds: float) -> timedelta:
        """Unhurried seconds as wall time."""
        return timedelta(seconds=seconds / self._node.speed)

    def pull(self, spec: ContainerSpec) -> PullFailure | None:
        """Fetch the image with the pod's pull secrets that exist."""
        namespace = namespace_of(self.pod)
        there = {name_of(secret) for secret in self._node.store.peek("secrets", namespace)}
        wanted = pull_secrets_of(self.pod)
        secrets = frozenset(there.intersection(wanted))
        if lost := [name for name in wanted if name not in there]:
            # A real kubelet goes on without them, and says so (kubelet_pods.go, since 1.28).
            text = f"Unable to retrieve some image pull secrets ({', '.join(lost)}); "
            text += "attempting to pull the image may not succeed."
            said = Note(reason="FailedToRetrieveImagePullSecret", message=text, warning=True)
            self._node.recorder.record(self.pod, said)
        # It is tried all the same: the image may be for everybody.
        failure = self._node.library.pull(spec.image, spec.env, secrets)
        if failure is None:
            self._node.images.add(spec.image)
        return failure

    def cached(self, spec: ContainerSpec) -> bool:
        """Whether the node holds the image and the pull policy lets it be used."""
        return spec.image in self._node.images and not spec.always_pull

    def behaviour(self, spec: ContainerSpec) -> ImageBehaviour:
        """What the image does; an image nobody described does nothing, quickly."""
        env = self._env.get(spec.name, spec.env)
        return self._node.library.behaviour(spec.image, env) or ImageBehaviour(image=spec.image)

    def prepare(self, spec: ContainerSpec) -> str:
        """Read the environment for a start, as it is now."""
        try:
            self._env[spec.name] = self._read(spec)
        except Missing as missing:
            return str(missing)
        return ""

    def say(self, spec: ContainerSpec, said: Said) -> None:
        """Record an event about one container of this pod."""
        note = Note(
            reason=said.reason,
            message=said.message,
            warning=said.warning,
            at=said.at,
            count=said.count,
            field_path=f"spec.containers{{{spec.name}}}",
        )
        self._node.recorder.record(self.pod, note)

    def ended(self, spec: ContainerSpec, termination: Termination) -> None:
        """A run is over; the kernel says so on the node when it was for memory."""
        # Every other end is between the container and the kubelet; only this one the kernel tells of.
        if termination.reason != "OOMKilled":
            return
        node = next(node for node in self._node.store.peek("nodes") if name_of(node) == self._node.name)
        limit = (spec.memory_limit or 0) >> 10
        text = f"Memory cgroup out of memory: Killed process {20_000 + termination.run} ({spec.name}) "
        text += f"anon-rss:{limit}kB, file-rss:0kB, shmem-rss:0kB, oom_score_adj:985"
        note = Note(reason="OOMKilling", message=text, warning=True, at=termination.finished_at)
        self._node.kernel.record(node, note)

    def answers(self, name: str, port: int) -> bool:
        """Whether a running container listens there and answers: what a client of the pod meets."""
        container = self.containers.get(name)
        if container is None or container.phase is not Phase.RUNNING or self._outdated(container):
            return False
        listening = container.ran(self._node.store.clock.now()) >= container.behaviour.start_seconds
        return listening and container.behaviour.port == port

    def _begin(self, now: datetime) -> None:
        """Start the containers once every volume can be mounted."""
        problem = mount_problem(self._node.store, namespace_of(self.pod), self.pod["spec"])
        if not problem:
            self._begun = True
            for container in self.containers.values():
                container.since = now
                container.begin()
        elif self._refused_at is None or now - self._refused_at >= self.span(SYNC_PERIOD):
            self._refused_at = now
            self._node.recorder.record(self.pod, Note(reason="FailedMount", message=problem, warning=True))

    def _outdated(self, container: Container) -> bool:
        """Whether the process leans on configuration that says something else by now."""
        if not container.behaviour.leans_on_config:
            return False
        try:
            return self._read(container.spec) != self._env.get(container.spec.name)
        except Missing:
            return True

    def _read(self, spec: ContainerSpec) -> dict[str, str]:
        return environment(self._node.store, namespace_of(self.pod), spec.sources) | dict(spec.env)

    def _observe(self, container: Container, now: datetime) -> Observed:
        up = self._ready_at(container)
        if up is None or up > now:
            return Observed(container=container, ready=False, since=container.since)
        if container.spec.readiness is not None and self._outdated(container):
            return Observed(container=container, ready=False, since=now)
        return Observed(container=container, ready=True, since=up)

    def _ready_at(self, container: Container) -> datetime | None:
        """When the running process becomes ready, None when it never will."""
        if container.phase is not Phase.RUNNING:
            return None
        # A probe that is sent to the wrong place fails for ever, however well the process is.
        after = ready_after(container.spec, container.behaviour)
        return None if after is None else container.started_at + self.span(after)

    def _probe(self, container: Container, now: datetime) -> None:
        """Report failing probes, once per period."""
        spec = container.spec
        kinds = (("Startup", spec.startup), ("Readiness", spec.readiness), ("Liveness", spec.liveness))
        for kind, probe in kinds:
            if probe is not None and container.phase is Phase.RUNNING:
                self._report(container, (kind, probe), now)

    def _report(self, container: Container, probe: tuple[str, Probe], now: datetime) -> None:
        kind, asked = probe
        # The first probe comes a moment after the start, so a quick process never hears of it.
        first = container.started_at + self.span(max(asked.initial_delay, _FIRST_PROBE))
        listens = container.started_at + self.span(container.behaviour.start_seconds - _AN_INSTANT)
        fails = failure(asked, container.behaviour, self.address)
        key = f"{container.spec.name}/{kind}"
        last = self._probed_at.get(key)
        # A restart begins the count anew.
        if last is None or last < container.started_at:
            last = first - self.span(asked.period)
        if not fails and self._outdated(container):
            # It answered until now: what failed before was never asked.
            fails, last = "HTTP probe failed with statuscode: 503", max(last, now - self.span(asked.period))
        missed = int((min(now, now if fails else listens) - last) / self.span(asked.period))
        if missed < 1:
            return
        self._probed_at[key] = last + missed * self.span(asked.period)
        text = f"{kind} probe failed: {fails or asked.refused(self.address)}"
        said = Said(at=self._probed_at[key], reason="Unhealthy", message=text, warning=True, count=missed)
        self.say(container.spec, said)
