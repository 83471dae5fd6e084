"""Setting up where actors are killed, stopped and cut off: servers, ledger, and warm nurseries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from agents.gatekeeper.clicks import Home
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import PlanState
from agents.ledger.roster import read_roster
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from evals.world.alertmanager import AlertmanagerOptions, PretendAlertmanager, Source
from evals.world.clock import RealClock
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.users import standard_users
from evals.world.scenario import AlertRule
from evals.world.slack import SlackServer
from evals.world.slack.people import ADA, BEN
from tests.support.act import MANIFESTS
from tests.support.fault_proxy import FaultProxy, Upstream
from tests.support.killing import HANDS, Ground, acting
from tests.support.nursery import Nursery, Workshop
from tests.support.patience import patient
from tests.support.verb_targets import NAMESPACE


@contextmanager
def a_ground(folder: Path, database_url: str) -> Iterator[Ground]:
    """Everything up, nothing in it yet."""
    with ExitStack() as stack:
        server = stack.enter_context(_kubernetes(folder))
        slack = stack.enter_context(SlackServer(patient()))
        alertmanager = _alertmanager()
        stack.callback(alertmanager.stop)
        alertmanager.start()
        ledger = Ledger(database_url)
        stack.callback(ledger.close)
        upgrade(ledger.writer)
        ledger.queue.prepare(ledger.writer)
        ways = (
            FaultProxy(upstream=Upstream(url=server.url, certificates=folder / "kubernetes")),
            FaultProxy(upstream=Upstream(url=alertmanager.url)),
        )
        for way in ways:
            stack.callback(way.stop)
        us = slack.credentials
        _roster(folder / "roster.yaml", us.team_id)
        workshop = Workshop(
            ledger_url=database_url,
            folder=folder,
            kubeconfig=server.kubeconfig("actor"),
            alertmanager_url=alertmanager.url,
            slack_url=slack.url,
            slack_token=us.bot_token,
            home=Home(app_id=us.app_id, team_id=us.team_id),
            bad_ways=(ways[0].url, ways[1].url),
        )
        ground = Ground(
            server=server,
            alertmanager=alertmanager,
            ledger=ledger,
            folder=folder,
            team=us.team_id,
            workshop=workshop,
            ways=ways,
            roster=read_roster(folder / "roster.yaml").with_members(()),
            seal=SealKey.load(folder / "seal"),
            cluster_uid=server.store.get("namespaces", None, "kube-system")["metadata"]["uid"],
        )
        nurseries = [Nursery(workshop, folder / f"{number}.log") for number in range(HANDS)]
        for nursery in nurseries:
            stack.callback(nursery.close)
            _warm(ground, nursery)
        for nursery in nurseries:
            ground.nurseries.put(nursery)
        yield ground


def _warm(ground: Ground, nursery: Nursery) -> None:
    """One plan all the way, by the nursery itself."""
    runs = ground.runs([("scale", "")])
    ground.nurseries.put(nursery)
    for order in (*ground.signing(runs, short=1), ground.click(runs[0]), acting(runs)):
        ground.in_turn([replace(order, warm=True)])
    assert ground.state(runs[0])[0] is PlanState.SUCCEEDED, ground.state(runs[0])
    ground.nurseries.get()


def _kubernetes(folder: Path) -> KubernetesServer:
    store = Store(RealClock())
    store.create("namespaces", {"metadata": {"name": NAMESPACE}})
    fast = {"metadata": {"name": "fast"}, "provisioner": "csi.example", "allowVolumeExpansion": True}
    store.create("storageclasses", fast)
    state_dir = folder / "kubernetes"
    state_dir.mkdir(parents=True)
    return KubernetesServer(store, ServerOptions(state_dir=state_dir, users=standard_users(files=MANIFESTS)))


def _alertmanager() -> PretendAlertmanager:
    source = Source(
        rule=AlertRule(name="Nothing", expr="vector(0) > 1"),
        query=lambda *_: [],
        prometheus_url="http://127.0.0.1:9",
        external_labels={},
    )
    return PretendAlertmanager(source, AlertmanagerOptions())


def _roster(path: Path, team: str) -> None:
    rights = {"team_id": team, "tiers": [1, 2, 3], "namespaces": ["*"]}
    path.write_text(yaml.safe_dump({"approvers": [{"user_id": who, **rights} for who in (ADA, BEN)]}))
