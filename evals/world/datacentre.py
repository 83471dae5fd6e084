"""The whole pretend data centre of one scenario: every server, every loop, one start and one stop."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

from evals.world.alerting import Vector
from evals.world.alertmanager import AlertmanagerOptions, PretendAlertmanager, Source
from evals.world.application import ApplicationExporter
from evals.world.cluster import ClusterOptions, PretendCluster
from evals.world.kubernetes.controllers.manager import TICK_SECONDS, Ticker
from evals.world.kubernetes.objects import JsonObject
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.users import WALL
from evals.world.loopback import LoopbackServer, Reply
from evals.world.model.script import Script
from evals.world.model.server import ModelOptions, ModelServer
from evals.world.prometheus.promql.values import without_name
from evals.world.prometheus.rules import AlertingRule
from evals.world.prometheus.sampler import Sampler
from evals.world.prometheus.series import scrapes
from evals.world.prometheus.server import PrometheusOptions, PrometheusServer
from evals.world.prometheus.tsdb import Tsdb
from evals.world.scenario import AlertRule, Scenario
from evals.world.slack import people
from evals.world.slack.options import SlackOptions
from evals.world.slack.server import SlackServer

_MODEL = ModelOptions()
KUBECONFIG_USERS = ("reader", "actor", "admin")


@dataclass(frozen=True, kw_only=True)
class DataCentreOptions:
    """Where files go, where alerts go, and how fast things happen.

    `speed` divides every duration of pods; `tick_every` (how often controllers look) and `scrape_every` are
    in seconds; `known_minutes` of calm metrics lie before the start. `alerts` holds the receiver and the
    timings of the pretend Alertmanager.
    """

    state_dir: Path
    alerts: AlertmanagerOptions = field(default_factory=AlertmanagerOptions)
    slack: SlackOptions = field(default_factory=SlackOptions)
    speed: float = 10.0
    tick_every: float = TICK_SECONDS
    scrape_every: float = 0.5
    known_minutes: float = 30.0
    control_port: int = 0


class DataCentre:
    """Start it, hand `addresses()` to whoever works there, `break_it()`, look at `state()`, stop it."""

    def __init__(self, scenario: Scenario, options: DataCentreOptions) -> None:
        self.scenario = scenario
        self.options = options
        self.cluster = PretendCluster(scenario, ClusterOptions(speed=options.speed))
        self.kubernetes = KubernetesServer(
            self.cluster.store,
            ServerOptions(
                state_dir=options.state_dir / "kubernetes", logs=self.cluster.kubelet, applied=WALL
            ),
        )
        tsdb = Tsdb()
        exporters = scrapes(
            self.cluster.kubelet,
            [
                ApplicationExporter(
                    scenario.application_series, self.cluster.kubelet.answers, self.cluster.sick
                )
            ],
        )
        self.sampler = Sampler(tsdb, self.cluster.store, exporters)
        rules = [_shown(scenario.alert)]
        self.prometheus = PrometheusServer(tsdb, PrometheusOptions(clock=self.cluster.clock, rules=rules))
        self.slack = SlackServer(options.slack)
        self.model = ModelServer(ModelOptions(script=Script.of(scenario.model)))
        self.alertmanager: PretendAlertmanager | None = None
        self._control = LoopbackServer(
            {
                ("GET", "/control/state"): lambda: Reply(body=self.state()),
                ("GET", "/control/addresses"): lambda: Reply(body=self.addresses()),
                ("POST", "/control/break"): self._break_on_request,
            },
            options.control_port,
        )
        self._running = ExitStack()

    def start(self) -> DataCentre:
        """Bring the healthy state up, then serve it; returns when everything answers."""
        self.options.state_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as started:
            # The past is made before anybody can watch it being made.
            self.cluster.build_past()
            now = self.cluster.clock.now()
            self.sampler.backfill(now, self.options.known_minutes)
            self.sampler.sample(now)
            for server in (self.kubernetes, self.prometheus, self.slack, self.model, self._control):
                # Each may fail to start after binding; stopping one that never ran is harmless.
                started.callback(server.stop)
                server.start()
            self.alertmanager = self._alertmanager(self.prometheus.url)
            started.callback(self.alertmanager.stop)
            self.alertmanager.start()
            for ticker in (
                Ticker(self.cluster.tick, self.options.tick_every),
                Ticker(self._sample, self.options.scrape_every),
            ):
                ticker.start()
                started.callback(ticker.stop)
            # Only now is it the caller's to stop; an error above has stopped everything already.
            self._running = started.pop_all()
        return self

    def stop(self) -> None:
        """Stop every thread and close every socket, last started first. Safe to call twice."""
        self._running.close()

    def __enter__(self) -> DataCentre:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def break_it(self) -> None:
        """Apply the fault and let the alert rule be watched. Once only: RuntimeError the second time."""
        if self.alertmanager is None or self.cluster.broken_at is not None:
            raise RuntimeError("a running data centre breaks once")
        # The rule is watched from here on: before, the receiver may not even be listening.
        self.cluster.break_it()
        self.alertmanager.watch()

    def state(self) -> JsonObject:
        """What a watcher wants to know: ready pods, endpoints, and what the oracle still asks for."""
        verdict = self.cluster.verdict()
        return {
            "scenario": self.scenario.name,
            "broken": self.cluster.broken_at is not None,
            "pods_ready": self.cluster.pods_ready(),
            "endpoints": self.cluster.endpoints(),
            "oracle": {"met": verdict.met, "unmet": list(verdict.unmet)},
        }

    def addresses(self) -> JsonObject:
        """Every address, file and credential of the running data centre, as JSON."""
        slack = self.slack.credentials
        return {
            "scenario": self.scenario.name,
            "cluster": self.scenario.world.cluster,
            "title": self.scenario.title,
            "story": self.scenario.story,
            "kubernetes": {
                "url": self.kubernetes.url,
                "ca_file": str(self.kubernetes.ca_file),
                "kubeconfigs": {name: str(self.kubernetes.kubeconfig(name)) for name in KUBECONFIG_USERS},
            },
            "prometheus": {"url": self.prometheus.url},
            "alertmanager": {"url": self.alertmanager.url if self.alertmanager else None},
            "slack": {
                "api_url": self.slack.url,
                "page_url": self.slack.page_url,
                "bot_token": slack.bot_token,
                "app_token": slack.app_token,
                "signing_secret": slack.signing_secret,
                "app_id": slack.app_id,
                "team_id": slack.team_id,
                "bot_user_id": slack.bot_user_id,
                "channel": people.INCIDENTS,
                "oncall_group": people.ONCALL_GROUP,
                "users": {
                    "oncall": people.ADA,
                    "second": people.BEN,
                    "member": people.MIA,
                    "guest": people.GUS,
                    "stranger": people.STELLA,
                },
            },
            "model": {"url": self.model.url, "api_key": _MODEL.api_key, "name": _MODEL.models[0]},
            "control": {"url": self._control.url},
        }

    def _alertmanager(self, prometheus_url: str) -> PretendAlertmanager:
        source = Source(
            rule=self.scenario.alert,
            query=self._query,
            prometheus_url=prometheus_url,
            external_labels={"cluster": self.scenario.world.cluster, "prometheus": "monitoring/k8s"},
        )
        return PretendAlertmanager(source, self.options.alerts)

    def _query(self, expr: str, at: datetime) -> Vector:
        value = self.prometheus.query(expr, at)
        if isinstance(value, list):
            return [(without_name(element.labels), element.value) for element in value]
        return [({}, value)] if isinstance(value, float) else []

    def _sample(self) -> None:
        self.sampler.sample(self.cluster.clock.now())

    def _break_on_request(self) -> Reply:
        try:
            self.break_it()
        except RuntimeError as error:
            return Reply(body={"error": str(error)}, status=409)
        return Reply(body={"broken": True})


def _shown(rule: AlertRule) -> AlertingRule:
    """The rule as the pretend Prometheus lists it."""
    return AlertingRule(
        name=rule.name,
        expr=rule.expr,
        for_seconds=rule.for_,
        labels=rule.labels,
        annotations=rule.annotations,
    )
