"""An investigator in this process over real sockets: a data centre, a ledger, and plans moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from agents.incident import Alert, Diagnosis
from agents.investigator.checkpoints import checkpointer
from agents.investigator.graph import build
from agents.investigator.toolbox import Policy, Toolbox
from agents.investigator.work import advance
from agents.ledger.incidents import accept
from agents.ledger.moves import Move, move
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from evals.world.datacentre import DataCentre
from tests.support.datacentre import data_centre
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S
from tests.support.plans import a_delivery, an_alert
from tests.support.pretend_queue import RememberingQueue
from tools.kubernetes.actions.verb import path_of
from tools.kubernetes.client import Connection, Request, connect
from tools.prometheus import Prometheus
from tools.queue.port import Job

_WAY = {
    PlanState.PENDING: Agent.GATEKEEPER,
    PlanState.APPROVED: Agent.GATEKEEPER,
    PlanState.EXECUTING: Agent.ACTOR,
    PlanState.SUCCEEDED: Agent.ACTOR,
    PlanState.UNKNOWN: Agent.ACTOR,
    PlanState.STALE: Agent.ACTOR,
    PlanState.DENIED: Agent.GATEKEEPER,
}


class Clock:
    """The machine's time, and what was added to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(kw_only=True)
class Watch:
    """One investigator; each ``look`` is a job as the queue would hand it out."""

    centre: DataCentre
    ledger: Ledger
    box: Toolbox
    clock: Clock
    woken: list[Job]
    number: int = 1
    """The incident that is looked at."""

    def look(self) -> None:
        """Advance the incident, with a new graph each time as after a restart."""

        async def once() -> None:
            async with checkpointer(self.ledger.url) as saver:
                await advance(build(saver), self.box, self.number)

        asyncio.run(once())

    def hear(self, *alerts: Alert, truncated: int = 0) -> None:
        """A notification of one group."""
        accept(self.ledger, [a_delivery(self.clock(), *alerts, truncated=truncated)])

    def alert(self, **changes: Any) -> Alert:
        """The alert of the bad-image scenario, firing since now."""
        labels = {
            "alertname": "KubeDeploymentReplicasMismatch",
            "namespace": "shop",
            "deployment": "checkout",
        }
        return an_alert(self.clock(), **({"labels": labels} | changes))

    @property
    def pulls_fail(self) -> bool:
        """Whether the pods show already why the rollout hangs; before that, a look may find nothing."""
        waits = [
            (one.get("state") or {}).get("waiting") or {}
            for pod in self.box.cluster.get("/api/v1/namespaces/shop/pods")["items"]
            for one in pod["status"].get("containerStatuses", [])
        ]
        return any(one.get("reason") in {"ErrImagePull", "ImagePullBackOff"} for one in waits)

    def becomes(self, *states: PlanState) -> None:
        """Move the newest plan along by hand, as gatekeeper and actor would."""
        for state in states:
            with self.ledger.write() as tx:
                assert move(tx, Move(plan_id=self.plan.plan.id, to=state, by=_WAY[state])) is None

    def applied(self) -> None:
        """The newest plan is signed and done: its values stand in the cluster."""
        step = self.plan.plan.steps[0]
        self.by_hand(path_of(step), dict(step.set))
        self.becomes(PlanState.PENDING, PlanState.APPROVED, PlanState.EXECUTING, PlanState.SUCCEEDED)

    def by_hand(self, path: str, values: dict[str, Any]) -> None:
        """A person with every right sets these fields."""
        patch = [{"op": "add", "path": pointer, "value": value} for pointer, value in values.items()]
        admin = connect(self.centre.kubernetes.kubeconfig("admin"), "a person")
        kind = "application/json-patch+json"
        admin.send(Request(method="PATCH", path=path, body=orjson.dumps(patch), content_type=kind))
        admin.close()

    def cut_off(self) -> None:
        """From now on no API server answers."""
        self.box = replace(self.box, cluster=_nowhere(self.box.cluster))

    @property
    def spent(self) -> int:
        """How many looks the last round took."""

        async def once() -> int:
            async with checkpointer(self.ledger.url) as saver:
                config = {"configurable": {"thread_id": f"incident-{self.number}"}}
                return int((await build(saver).aget_state(config)).values["spent"]["tool_calls"])

        return asyncio.run(once())

    @property
    def story(self) -> Story:
        told = story(self.ledger, self.number)
        assert told is not None
        return told

    @property
    def plan(self) -> PlanView:
        assert self.story.plan is not None
        return self.story.plan

    @property
    def diagnosis(self) -> Diagnosis:
        assert self.story.diagnosis is not None
        return self.story.diagnosis


@contextmanager
def watch(name: str, folder: Path, **policy: Any) -> Iterator[Watch]:
    """A broken data centre and an investigator without metrics (see ``with_metrics``)."""
    with data_centre(name, folder / "world") as centre, watch_in(centre, folder, **policy) as made:
        yield made


@contextmanager
def watch_in(centre: DataCentre, folder: Path, **policy: Any) -> Iterator[Watch]:
    """The same in a data centre that several tests share."""
    clock = Clock()
    with ExitStack() as stack:
        queue = RememberingQueue()
        ledger = Ledger(empty_ledger(folder / "midwatch.db"), queue, clock)
        stack.callback(ledger.close)
        # The API server answers in this very process, on a machine with much else to do: how soon it does is
        # not what these tests are about, and the product would call it away after ten seconds.
        cluster = replace(connect(centre.kubernetes.kubeconfig("reader"), "test"), timeout_s=PATIENCE_S)
        stack.callback(cluster.close)
        box = Toolbox(ledger=ledger, cluster=cluster, policy=Policy(**policy))
        yield Watch(centre=centre, ledger=ledger, box=box, clock=clock, woken=queue.jobs)


def with_metrics(at: Watch) -> None:
    """Give the investigator the data centre's Prometheus."""
    at.box = replace(at.box, prometheus=Prometheus.open(at.centre.addresses()["prometheus"]["url"]))


def _nowhere(cluster: Connection) -> Connection:
    # Port 9 is "discard": nothing of ours listens there.
    return replace(cluster, server="https://127.0.0.1:9")
