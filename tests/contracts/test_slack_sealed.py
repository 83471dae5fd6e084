"""Sealed mode at the desk: what is approved is written into the cluster, and taken away when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.auditor.verify import verify
from agents.gatekeeper.posting import advance
from agents.gatekeeper.sealing import keep_entries
from agents.incident import Verdict
from agents.ledger import sealing
from agents.ledger.sealing import TRY_AGAIN, WAITS
from agents.ledger.story import Story, story
from agents.ledger.tags import Tag
from evals.world.clock import RealClock
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.store import Store
from evals.world.slack.people import BEN
from tests.contracts import test_slack_desk
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record, woken
from tests.contracts.test_slack_desk import Desk, posted
from tests.support.plans import a_step
from tests.support.wall import ADMISSION
from tools.kubernetes.approvals import NAME, NAMESPACE, Approvals
from tools.kubernetes.client import connect
from tools.kubernetes.sealing import entries_of

slack, plain = test_slack_desk.slack, test_slack_desk.at


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KubernetesServer]:
    with KubernetesServer(Store(RealClock()), ServerOptions(state_dir=tmp_path / "cluster")) as server:
        server.store.create("namespaces", {"metadata": {"name": NAMESPACE}})
        server.apply(ADMISSION / "sealed.yaml")
        yield server


@pytest.fixture
def at(plain: Desk, cluster: KubernetesServer) -> Iterator[Desk]:
    plain.office.approvals = Approvals(cluster=connect(cluster.kubeconfig("gatekeeper"), "gatekeeper"))
    yield plain
    plain.office.approvals.close()


def told(at: Desk) -> Story:
    found = story(at.ledger, 1)
    assert found is not None
    return found


def there(cluster: KubernetesServer) -> dict[str, str]:
    return cluster.store.get("configmaps", NAMESPACE, NAME).get("data") or {}


def is_open(at: Desk) -> bool:
    with at.ledger.read() as session:
        return sealing.is_open(session, at.plan.id)


def changes_nothing(at: Desk, cluster: KubernetesServer) -> bool:
    """Whether another look leaves the record and the ConfigMap as they are."""
    before = verify(at.ledger).events, cluster.store.get("configmaps", NAMESPACE, NAME)
    keep_entries(at.office, told(at))
    return before == (verify(at.ledger).events, cluster.store.get("configmaps", NAMESPACE, NAME))


def test_without_sealed_mode_nothing_is_written(plain: Desk) -> None:
    assert plain.decide(plain.click()) is None
    keep_entries(plain.office, told(plain))
    assert not is_open(plain)


def test_what_is_approved_is_written_once_and_taken_away_when_it_is_over(
    at: Desk, cluster: KubernetesServer
) -> None:
    keep_entries(at.office, told(at))
    assert there(cluster) == {}
    assert at.decide(at.click()) is None
    woken(at.ledger)
    keep_entries(at.office, told(at))
    assert there(cluster) == entries_of(at.plan.steps, at.plan.id)
    assert (is_open(at), woken(at.ledger)) == (True, [("actor", 1, None)])
    body = {"uids": [at.plan.steps[0].uid]}
    assert record(at.ledger, Tag.PLAN_SEALED.value) == [(Tag.PLAN_SEALED.value, body, 1, at.plan.id)]
    assert changes_nothing(at, cluster)
    assert at.decide(at.click(Verdict.DENY, BEN), "n2") is None
    keep_entries(at.office, told(at))
    assert (there(cluster), is_open(at)) == ({}, False)
    assert changes_nothing(at, cluster)


def test_what_cannot_be_written_or_taken_away_is_said_and_tried_again(
    at: Desk, cluster: KubernetesServer, clock: HandClock
) -> None:
    assert at.decide(at.click()) is None
    cluster.store.delete("configmaps", NAMESPACE, NAME)
    woken(at.ledger)
    keep_entries(at.office, told(at))
    plan = told(at).plan
    assert plan is not None
    assert plan.obstacle.startswith(
        "what was signed cannot be written into the cluster, so it is not begun: "
    )
    assert woken(at.ledger)[-1] == ("gatekeeper", 1, clock() + TRY_AGAIN)
    assert not is_open(at)
    cluster.apply(ADMISSION / "sealed.yaml")
    keep_entries(at.office, told(at))
    plan = told(at).plan
    assert (is_open(at), plan and plan.obstacle) == (True, "")
    assert at.decide(at.click(Verdict.DENY, BEN), "n2") is None
    cluster.stop()
    woken(at.ledger)
    keep_entries(at.office, told(at))
    assert (is_open(at), woken(at.ledger)) == (True, [("gatekeeper", 1, clock() + TRY_AGAIN)])


def test_what_no_entry_can_stand_for_is_not_begun_and_the_card_says_why(at: Desk, clock: HandClock) -> None:
    twice = (a_step(), a_step(set={"/spec/template/spec/containers/0/image": "r/checkout:7"}))
    at.plan = posted(at.ledger, clock, steps=twice, nonce="7" * 32)
    assert at.decide(at.click()) is None
    keep_entries(at.office, told(at))
    plan = told(at).plan
    assert plan is not None
    assert plan.obstacle.startswith(
        "it cannot be done in sealed mode: two steps change Deployment shop/checkout"
    )
    assert not is_open(at)


def test_each_look_at_an_incident_keeps_the_entries(at: Desk, cluster: KubernetesServer) -> None:
    assert at.decide(at.click()) is None
    asyncio.run(advance(at.office, 1))
    assert there(cluster) == entries_of(at.plan.steps, at.plan.id)


def test_an_approved_plan_waits_for_its_entries_and_says_so_unless_something_else_was_said(
    plain: Desk,
) -> None:
    def waits() -> str:
        sealing.wait(plain.ledger, plain.plan.id)
        found = told(plain).plan
        return found.obstacle if found else "no plan"

    assert waits() == ""
    assert plain.decide(plain.click()) is None
    assert waits() == WAITS == "what was signed is not written into the cluster yet"
    sealing.stuck(plain.ledger, plain.plan.id, "the cluster says no")
    assert waits() == "the cluster says no"
