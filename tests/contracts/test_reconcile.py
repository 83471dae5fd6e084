"""Reconciling over the real API: what may still arrive is not called absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from agents.actor.hands import Hands
from agents.actor.reconcile import reconcile
from agents.ledger import executions
from agents.ledger.executions import Claim, Unresolved
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import NEW, ContractCluster, contract_cluster, deployment
from tests.support.model_trace import Driven, planned
from tests.support.pretend_queue import RememberingQueue
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.objects import JsonObject


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@dataclass
class SlowToAnswer:
    """The real connection; what it reads was true, but that is a while ago when it arrives."""

    real: Connection
    clock: HandClock
    takes_s: float

    def cluster_uid(self) -> str:
        return self.real.cluster_uid()

    def send(self, request: Request) -> JsonObject:
        found = self.real.send(request)
        self.clock.forward(self.takes_s)
        return found


def claimed(ledger: Ledger, clock: HandClock, step: Step, uid: str) -> Driven:
    """A plan of this step in the hands of an actor that died after its intent, given up since."""
    driven = planned(ledger, clock, "any", 1, steps=(step,), cluster_uid=uid)
    assert (driven.rehearse(), driven.post(), driven.approve(0)) == ("", "", "")
    assert (driven.claim(0), driven.intend(0)) == ("", "")
    clock.forward(executions.LEASE_S + 1)
    assert driven.give_up() == ""
    return driven


def open_attempt(driven: Driven) -> Unresolved:
    with driven.ledger.read() as session:
        found = executions.unresolved(session, driven.plan.id)
    assert found is not None
    return found


def test_an_object_that_was_looked_at_before_the_owners_deadline_proves_nothing(
    cluster: ContractCluster, tmp_path: Path
) -> None:
    clock = HandClock()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    upgrade(ledger.writer)
    space = Space(cluster)
    space.make("deployments", deployment("web"))
    real = connect(cluster.config_of("admin"), "actor")
    live = space.settled("web")
    step = CATALOGUE["set_image"].draft(
        live, {"container": "main", "image": NEW}, Context(images=frozenset({NEW}))
    )
    assert isinstance(step, Step), step
    driven = claimed(ledger, clock, step, real.cluster_uid())
    hands = Hands(
        ledger=ledger,
        cluster=SlowToAnswer(real, clock, executions.IN_FLIGHT_S),  # type: ignore[arg-type]
        actor_id="the reconciler",
        seal=SealKey(b"s" * 32),
        roster_file=tmp_path / "roster.yaml",
        halt_file=tmp_path / "HALT",
    )
    try:
        reconcile(hands, open_attempt(driven))
        assert driven.ps is PlanState.UNKNOWN
        reconcile(hands, open_attempt(driven))
        assert driven.ps is PlanState.NOT_APPLIED
    finally:
        real.close()
        ledger.close()


def test_when_its_owner_says_unknown_only_what_left_before_may_still_arrive(
    ledger: Ledger, clock: HandClock
) -> None:
    driven = planned(ledger, clock, "any", 1)
    assert (driven.rehearse(), driven.post(), driven.approve(0), driven.claim(0)) == ("", "", "", "")
    assert driven.intend(0) == ""
    assert open_attempt(driven).dead_after == clock() + timedelta(
        seconds=executions.LEASE_S + executions.IN_FLIGHT_S
    )
    clock.forward(2)
    assert driven.finish(0, PlanState.UNKNOWN) == ""
    assert open_attempt(driven).dead_after == clock() + timedelta(seconds=executions.IN_FLIGHT_S)
    clock.forward(executions.IN_FLIGHT_S)
    assert driven.say_undone() == Objection.NOT_OWNER.name
    clock.forward(1)
    assert driven.say_undone() == ""


def test_what_is_executing_is_its_owners_to_end(ledger: Ledger, clock: HandClock) -> None:
    driven = planned(ledger, clock, "any", 1)
    assert (driven.rehearse(), driven.post(), driven.approve(0), driven.claim(0)) == ("", "", "", "")
    assert isinstance(driven.claims[0], Claim)
    for end in (PlanState.SUCCEEDED, PlanState.STALE, PlanState.FAILED, PlanState.PARTIAL):
        assert executions.conclude(ledger, driven.plan.id, end, "read") is Objection.NO_SUCH_EDGE
    assert driven.ps is PlanState.EXECUTING
