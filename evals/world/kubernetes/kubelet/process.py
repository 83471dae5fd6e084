"""One container's life as a machine of timed transitions.

Every phase knows when it ends, so the kubelet may look once a second or once an hour: `step(now)` replays
what
happened in between at the moments it happened. Back-off follows the kubelet: 10 s, doubling, at most 5 min,
reset
after 10 min of running; the first restart of a container comes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from evals.world.kubernetes.kubelet.images import ImageBehaviour, PullFailure
from evals.world.kubernetes.kubelet.probing import killed_after
from evals.world.kubernetes.kubelet.spec import ContainerSpec

FIRST_BACK_OFF = 10.0
LONGEST_BACK_OFF = 300.0
FORGIVEN_AFTER = 600.0
SHOWN_ERR_IMAGE_PULL = 3.0
SHOWN_TERMINATED = 1.0
SYNC_PERIOD = 13.0
OOM_EXIT_CODE = 137
KILLED_EXIT_CODE = 143


class Phase(StrEnum):
    """Where a container stands."""

    PULLING = "pulling"
    PULL_FAILED = "pull failed"
    PULL_BACK_OFF = "pull back-off"
    RUNNING = "running"
    EXITED = "exited"
    CRASH_BACK_OFF = "crash back-off"
    CONFIG_ERROR = "config error"


@dataclass(frozen=True, kw_only=True)
class Said:
    """An event about this container, at the moment it is due; `count` says how often it happened by then."""

    at: datetime
    reason: str
    message: str
    warning: bool = False
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Termination:
    """How one run of the container ended."""

    run: int
    reason: str
    exit_code: int
    started_at: datetime
    finished_at: datetime


class Host(Protocol):
    """What a container needs from the node it runs on."""

    def span(self, seconds: float) -> timedelta:
        """Unhurried seconds as wall time."""

    def pull(self, spec: ContainerSpec) -> PullFailure | None:
        """Fetch the image, or say why not."""

    def cached(self, spec: ContainerSpec) -> bool:
        """Whether the node holds the image and need not pull."""

    def behaviour(self, spec: ContainerSpec) -> ImageBehaviour:
        """What the pulled image does."""

    def prepare(self, spec: ContainerSpec) -> str:
        """Read the environment for a start; what is missing, in the kubelet's words, or nothing."""

    def say(self, spec: ContainerSpec, said: Said) -> None:
        """Record an event about this container."""

    def ended(self, spec: ContainerSpec, termination: Termination) -> None:
        """A run is over."""


def back_off(failures: int) -> float:
    """Seconds to wait after this many failures in a row (1 → 10 s, 2 → 20 s … at most 300 s)."""
    return min(FIRST_BACK_OFF * 2.0 ** min(failures - 1, 10), LONGEST_BACK_OFF)


@dataclass(kw_only=True)
class Container:
    """A container under the kubelet's care. `run` counts process starts, the first one included."""

    spec: ContainerSpec
    host: Host
    pod_label: str
    phase: Phase = Phase.PULLING
    since: datetime
    until: datetime | None = None
    started_at: datetime
    restart_policy: str = "Always"
    run: int = 0
    failed_pulls: int = 0
    crashes: int = 0
    pull_error: str = ""
    config_error: str = ""
    last: Termination | None = None
    before_last: Termination | None = None
    _ending: tuple[str, int] = ("Completed", 0)
    _killer: str = ""
    _repeated_at: datetime | None = None

    def begin(self) -> None:
        """First look at the container: pull its image, or start from the one the node holds."""
        if self.host.cached(self.spec):
            self._say("Pulled", f'Container image "{self.spec.image}" already present on machine')
            self._start()
        else:
            self._pull()

    def step(self, now: datetime) -> None:
        """Live up to `now`."""
        transitions: dict[Phase, Callable[[], None]] = {
            Phase.PULLING: self._pulled,
            Phase.PULL_FAILED: self._wait_for_pull,
            Phase.PULL_BACK_OFF: self._pull,
            Phase.RUNNING: self._exit,
            Phase.EXITED: self._restart_or_wait,
            Phase.CRASH_BACK_OFF: self._restart,
            Phase.CONFIG_ERROR: self._restart,
        }
        # Each transition happens at its own moment, however late anybody looks.
        while self.until is not None and self.until <= now:
            self.since = self.until
            transitions[self.phase]()
        self._repeat(now)

    @property
    def restarts(self) -> int:
        """`restartCount` of the status."""
        return max(self.run - 1, 0)

    @property
    def behaviour(self) -> ImageBehaviour:
        """What the running image does."""
        return self.host.behaviour(self.spec)

    @property
    def previous_run(self) -> Termination | None:
        """What `lastState` and `logs --previous` speak of: the older run while the newest is `state`."""
        return self.before_last if self.phase is Phase.EXITED else self.last

    def ran(self, now: datetime) -> float:
        """Unhurried seconds since the process started."""
        return (now - self.started_at) / self.host.span(1.0)

    def crash_message(self) -> str:
        """The waiting message of CrashLoopBackOff."""
        delay = _duration(back_off(max(self.crashes - 1, 1)))
        return f"back-off {delay} restarting failed container={self.spec.name} pod={self.pod_label}"

    def _enter(self, phase: Phase, seconds: float | None) -> None:
        self.phase = phase
        self.until = None if seconds is None else self.since + self.host.span(seconds)
        self._repeated_at = self.since

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.host.say(self.spec, Said(at=self.since, reason=reason, message=message, warning=warning))

    def _pull(self) -> None:
        self._say("Pulling", f'Pulling image "{self.spec.image}"')
        seconds = self.host.behaviour(self.spec).pull_seconds
        self._enter(Phase.PULLING, seconds)

    def _pulled(self) -> None:
        failure = self.host.pull(self.spec)
        if failure is None:
            known = self.behaviour
            took = f"{known.pull_seconds:.3g}s"
            detail = f"in {took} ({took} including waiting). Image size: {known.size_bytes} bytes."
            self._say("Pulled", f'Successfully pulled image "{self.spec.image}" {detail}')
            self.failed_pulls = 0
            self._start()
            return
        self.failed_pulls += 1
        self.pull_error = failure.message
        self._say("Failed", f'Failed to pull image "{self.spec.image}": {failure.message}', warning=True)
        self._say("Failed", "Error: ErrImagePull", warning=True)
        self._enter(Phase.PULL_FAILED, SHOWN_ERR_IMAGE_PULL)

    def _wait_for_pull(self) -> None:
        self._say_waiting_to_pull(self.since)
        self._enter(Phase.PULL_BACK_OFF, back_off(self.failed_pulls))

    def _start(self) -> None:
        self.config_error = self.host.prepare(self.spec)
        if self.config_error:
            self._say("Failed", f"Error: {self.config_error}", warning=True)
            # Looked at again at every sync: what is missing may come.
            self._enter(Phase.CONFIG_ERROR, SYNC_PERIOD)
            return
        self.run += 1
        self.started_at = self.since
        self._say("Created", f"Created container: {self.spec.name}")
        self._say("Started", f"Started container {self.spec.name}")
        ends = self._end_of_run()
        self._enter(Phase.RUNNING, None if ends is None else ends[0])
        if ends is not None:
            self._ending = ends[1:]

    def _end_of_run(self) -> tuple[float, str, int] | None:
        """Seconds, reason and exit code of what ends this run first: memory, the program, a probe."""
        known, limit = self.behaviour, self.spec.memory_limit
        ends: list[tuple[float, str, int]] = []
        oom = None if limit is None else known.memory.reaches(limit)
        if oom is not None:
            ends.append((oom, "OOMKilled", OOM_EXIT_CODE))
        if known.exit is not None:
            reason = "Completed" if known.exit.code == 0 else "Error"
            ends.append((known.exit.after, reason, known.exit.code))
        if (killed := killed_after(self.spec, known)) is not None:
            self._killer = killed[1]
            ends.append((killed[0], "Error", KILLED_EXIT_CODE))
        return min(ends, default=None)

    def _exit(self) -> None:
        reason, code = self._ending
        if code == KILLED_EXIT_CODE:
            text = f"Container {self.spec.name} failed {self._killer} probe, will be restarted"
            self._say("Killing", text)
        # A long healthy run shows that the earlier crashes had another reason.
        if (self.since - self.started_at) / self.host.span(1.0) >= FORGIVEN_AFTER:
            self.crashes = 0
        self.crashes += 1
        self.before_last = self.last
        self.last = Termination(
            run=self.run,
            reason=reason,
            exit_code=code,
            started_at=self.started_at,
            finished_at=self.since,
        )
        self.host.ended(self.spec, self.last)
        again = self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and code != 0)
        self._enter(Phase.EXITED, SHOWN_TERMINATED if again else None)

    def _restart_or_wait(self) -> None:
        if self.crashes == 1:
            self._restart()
            return
        self._say_waiting_to_restart(self.since)
        self._enter(Phase.CRASH_BACK_OFF, back_off(self.crashes - 1))

    def _restart(self) -> None:
        self._say("Pulled", f'Container image "{self.spec.image}" already present on machine')
        self._start()

    def _repeat(self, now: datetime) -> None:
        """Say again what the kubelet says at every sync while it waits."""
        if self.phase not in (Phase.PULL_BACK_OFF, Phase.CRASH_BACK_OFF) or self._repeated_at is None:
            return
        syncs = int((now - self._repeated_at) / self.host.span(SYNC_PERIOD))
        if syncs < 1:
            return
        self._repeated_at += syncs * self.host.span(SYNC_PERIOD)
        if self.phase is Phase.CRASH_BACK_OFF:
            self._say_waiting_to_restart(self._repeated_at, syncs)
        else:
            self._say_waiting_to_pull(self._repeated_at, syncs)

    def _say_waiting_to_pull(self, at: datetime, count: int = 1) -> None:
        text = f'Back-off pulling image "{self.spec.image}"'
        self.host.say(self.spec, Said(at=at, reason="BackOff", message=text, count=count))
        again = Said(at=at, reason="Failed", message="Error: ImagePullBackOff", warning=True, count=count)
        self.host.say(self.spec, again)

    def _say_waiting_to_restart(self, at: datetime, count: int = 1) -> None:
        text = f"Back-off restarting failed container {self.spec.name} in pod {self.pod_label}"
        self.host.say(self.spec, Said(at=at, reason="BackOff", message=text, warning=True, count=count))


def _duration(seconds: float) -> str:
    """Go's time.Duration, whole seconds: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
