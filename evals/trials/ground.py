"""A scenario's data centre in time that is handed in: API server, metrics, alerts.

The same parts as ``evals.world.datacentre``, without its threads: nothing happens between two calls of
``later``, so that an hour of back-off costs no wall time and every run is the same.

Nothing of it is shared between runs: two that ran beside each other must not be able to help or to hurt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from evals.world.alerting import Alert, Origin, RuleState, Vector, group_key, webhook_body
from evals.world.application import ApplicationExporter
from evals.world.clock import VirtualClock
from evals.world.cluster import ClusterOptions, PretendCluster
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.users import WALL, WHOLE, standard_users
from evals.world.prometheus.promql.values import without_name
from evals.world.prometheus.sampler import Sampler
from evals.world.prometheus.series import scrapes
from evals.world.prometheus.server import PrometheusOptions, PrometheusServer
from evals.world.prometheus.tsdb import Tsdb
from evals.world.scenario import Scenario

KNOWN_MINUTES = 30.0
SEED = 11


@dataclass(kw_only=True)
class Ground:
    """A broken or healthy cluster, served; ``later`` lets it live and returns what Alertmanager sends."""

    clock: VirtualClock
    cluster: PretendCluster
    api: KubernetesServer
    prometheus: PrometheusServer
    sampler: Sampler
    rule: RuleState
    told: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def later(self, seconds: float) -> list[bytes]:
        """Let the cluster live for a while; the webhook bodies that became due, oldest group first."""
        self.clock.advance(seconds)
        self.cluster.break_on()
        self.cluster.controllers.settle()
        now = self.clock.now()
        self.sampler.sample(now)
        return list(self._bodies(self.rule.evaluate(self._vector(now), now)))

    def known_again(self) -> None:
        """Half an hour of samples up to now, as there would be of every minute before."""
        # By the minute, as in the past that was made up: a leap would leave no rate and no change point.
        for _ in range(int(KNOWN_MINUTES)):
            self.later(60.0)

    def _vector(self, now: datetime) -> Vector:
        value = self.prometheus.query(self.cluster.scenario.alert.expr, now)
        if isinstance(value, list):
            return [(without_name(element.labels), element.value) for element in value]
        return [({}, value)] if isinstance(value, float) else []

    def _bodies(self, alerts: list[Alert]) -> Iterator[bytes]:
        groups: dict[str, list[Alert]] = {}
        for alert in alerts:
            groups.setdefault(group_key(alert.labels), []).append(alert)
        origin = Origin(
            prometheus_url=self.prometheus.url,
            alertmanager_url="http://alertmanager.example:9093",
            external_labels={},
            receiver="midwatch",
        )
        for key, members in groups.items():
            state = tuple(sorted((one.fingerprint, one.status) for one in members))
            # As Alertmanager: a group is sent again when it has changed.
            if self.told.get(key) != state:
                self.told[key] = state
                yield orjson.dumps(webhook_body(members, origin, self.cluster.scenario.alert.expr))


@contextmanager
def ground(scenario: Scenario, folder: Path, start: datetime) -> Iterator[Ground]:
    """The scenario's healthy past, served and not yet broken."""
    clock = VirtualClock(start)
    cluster = PretendCluster(scenario, ClusterOptions(clock=clock, seed=SEED))
    cluster.build_past()
    tsdb = Tsdb()
    application = ApplicationExporter(scenario.application_series, cluster.kubelet.answers, cluster.sick)
    sampler = Sampler(tsdb, cluster.store, scrapes(cluster.kubelet, [application]))
    sampler.backfill(clock.now() - timedelta(seconds=1), KNOWN_MINUTES, step_seconds=60.0)
    with ExitStack() as stack:
        # What may be left out is granted: a verb that cannot be done says nothing of what was proposed.
        options = ServerOptions(
            state_dir=folder / "kubernetes",
            logs=cluster.kubelet,
            applied=WALL,
            users=standard_users(files=WHOLE),
        )
        prometheus = PrometheusServer(tsdb, PrometheusOptions(clock=cluster.clock))
        api = stack.enter_context(KubernetesServer(cluster.store, options))
        stack.callback(prometheus.stop)
        prometheus.start()
        yield Ground(
            clock=clock,
            cluster=cluster,
            api=api,
            prometheus=prometheus,
            sampler=sampler,
            rule=RuleState(scenario.alert, {"cluster": scenario.world.cluster}),
        )
