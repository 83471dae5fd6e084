"""The investigator when the world does not hold still, over the real protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from agents.incident import Alert, IncidentState, Recovery
from agents.investigator.checkpoints import checkpointer
from agents.investigator.graph import build
from agents.investigator.reasoning_health import is_healthy
from agents.ledger.protocol import PlanState
from agents.ledger.tables import DiagnosisRow, EvidenceRow
from evals.world.kubernetes.faults import Fault
from tests.support.datacentre import wait_until
from tests.support.watch import Watch, watch, with_metrics
from tools.kubernetes.actions.verb import path_of
from tools.kubernetes.errors import KubernetesError

WINDOW_S = 30.0
CONTAINER = "/spec/template/spec/containers/0"
MORE: dict[str, object] = {
    f"{CONTAINER}/image": "registry.shop.example/shop/checkout:2.9.0",
    f"{CONTAINER}/resources/requests/cpu": "250m",
}
OVER = timedelta(seconds=WINDOW_S + 1)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Watch]:
    """A rollout of an image that does not exist, seen by its pods, and one alert of it."""
    with watch("bad-image", tmp_path, verify_window_s=WINDOW_S) as made:
        made.centre.break_it()
        wait_until(lambda: made.pulls_fail)
        made.hear(made.alert())
        yield made


def test_what_could_not_be_read_is_not_recovery(at: Watch) -> None:
    at.look()
    at.becomes(PlanState.PENDING, PlanState.APPROVED, PlanState.EXECUTING, PlanState.SUCCEEDED)
    there = at.box
    at.cut_off()
    at.hear(at.alert(firing=False))
    at.look()
    assert at.story.outcome is None
    at.clock.ahead = OVER
    at.look()
    assert at.story.incident.phase == "changed; whether it helped could not be read yet"
    assert len(at.story.plans) == 1, "and no undo of a change that may be a good one"
    at.box = there
    at.look()
    assert at.story.incident.phase == "not recovered", "it was never applied: the pods are still sick"


def test_a_plan_that_ended_before_anybody_waited_for_it_is_not_waited_for(at: Watch) -> None:
    at.look()

    async def killed_before_it_waited() -> None:
        async with checkpointer(at.ledger.url) as saver:
            config = {"configurable": {"thread_id": "incident-1"}}
            await build(saver).aupdate_state(config, {}, as_node="diagnose")

    asyncio.run(killed_before_it_waited())
    at.applied()
    # One job, for both: that something is left to do, and that the plan has ended.
    at.look()
    assert at.story.incident.phase != "waiting for a signature"
    assert len(at.story.plans) == 1


def test_without_metrics_a_good_change_is_not_offered_back_while_alertmanager_waits(at: Watch) -> None:
    at.look()
    at.applied()
    wait_until(lambda: _well(at, "checkout"))
    at.look()
    at.clock.ahead = OVER
    at.look()
    assert at.story.incident.phase == "changed; whether it helped could not be read yet"
    assert [one.state for one in at.story.plans] == [PlanState.SUCCEEDED]
    at.hear(at.alert(firing=False))
    at.look()
    assert at.story.outcome is not None
    assert at.story.outcome.recovery is Recovery.RECOVERED


def test_a_rule_that_looks_back_on_the_time_before_the_change_does_not_undo_it_and_one_that_holds_on_does(
    tmp_path: Path,
) -> None:
    with watch("bad-image", tmp_path, verify_window_s=WINDOW_S) as at:
        with_metrics(at)
        at.centre.break_it()
        wait_until(lambda: at.pulls_fail)
        _by_a_rule_that_looks_back(at)


def _by_a_rule_that_looks_back(at: Watch) -> None:
    rule = 'max_over_time(kube_deployment_status_replicas_unavailable{deployment="checkout"}[5m]) > 0'
    where = {"generator_url": f"http://prometheus/graph?{urlencode({'g0.expr': rule})}"}
    at.hear(at.alert(**where))
    at.look()
    at.applied()
    wait_until(lambda: _well(at, "checkout"))
    at.look()
    at.clock.ahead = OVER
    at.look()
    assert at.story.incident.phase.endswith("looks back on the time before")
    assert at.woken[-1].run_at is not None, "there is something to wake it"
    assert len(at.story.plans) == 1
    # Five minutes later for us and not for Prometheus: it holds for something that came after the change.
    at.clock.ahead = OVER + timedelta(minutes=5)
    at.look()
    assert at.plan.plan.undo_of


def test_an_alert_of_another_cause_neither_spoils_the_verdict_nor_is_forgotten(at: Watch) -> None:
    with_metrics(at)
    at.look()
    other = _other(at)
    at.hear(at.alert(), other)
    at.applied()
    wait_until(lambda: _well(at, "checkout"))
    at.hear(at.alert(firing=False), other)
    at.look()
    assert at.story.incident.phase == "verifying", "it may be of the same cause and need time"
    at.clock.ahead = OVER
    at.look()
    assert [one.state for one in at.story.plans] == [PlanState.SUCCEEDED], "nothing is offered back"
    assert at.story.incident.state is IncidentState.OPEN
    assert _rounds(at) == 2
    at.hear(other.model_copy(update={"firing": False}))
    at.look()
    assert at.story.outcome is not None
    assert at.story.outcome.recovery is Recovery.RECOVERED


def test_an_alert_that_joins_after_a_rejection_is_looked_into_and_the_rejected_change_stays_rejected(
    at: Watch,
) -> None:
    at.look()
    at.becomes(PlanState.PENDING, PlanState.DENIED)
    at.look()
    assert at.story.incident.phase == "waiting for the alert to resolve"
    at.hear(at.alert(), _other(at))
    at.look()
    assert _rounds(at) == 2
    assert [one.state for one in at.story.plans] == [PlanState.DENIED]
    assert "a person rejected this; not proposed again before" in at.story.incident.phase


def test_an_alert_that_fires_again_before_anybody_looked_is_asked_about_again(at: Watch) -> None:
    at.look()
    at.becomes(PlanState.PENDING)
    at.hear(at.alert(firing=False))
    at.hear(at.alert())
    at.look()
    assert [one.state for one in at.story.plans] == [PlanState.CANCELLED, PlanState.DRAFT]


@pytest.mark.parametrize("state", [PlanState.EXECUTING, PlanState.UNKNOWN])
def test_a_change_in_the_making_is_waited_for_though_the_alert_resolved(at: Watch, state: PlanState) -> None:
    at.look()
    at.becomes(PlanState.PENDING, PlanState.APPROVED, PlanState.EXECUTING)
    if state is PlanState.UNKNOWN:
        at.becomes(state)
    at.hear(at.alert(firing=False))
    at.look()
    assert at.story.outcome is None, "nobody knows yet whether anything was changed"


def test_an_api_server_that_was_away_is_asked_again_until_it_answers(at: Watch) -> None:
    there = at.box
    at.cut_off()
    at.look()
    assert "did not answer: looking again within 15 s" in at.story.incident.phase
    assert "is not in the cluster" not in at.diagnosis.prose, "what was not read is not absent"
    assert at.woken[-1].run_at is not None, "there is something to wake it"
    at.look()
    assert "within 30 s" in at.story.incident.phase
    at.box = there
    at.look()
    assert at.plan.state is PlanState.DRAFT
    assert at.diagnosis.cause is not None


def test_a_change_that_follows_a_stale_undo_is_verified_like_any_other(tmp_path: Path) -> None:
    with watch("bad-image", tmp_path, verify_window_s=WINDOW_S) as at:
        # More than the image was rolled out, so there is another way when the first one did not help.
        at.by_hand("/apis/apps/v1/namespaces/shop/deployments/checkout", MORE)
        wait_until(lambda: at.pulls_fail)
        at.hear(at.alert())
        _after_a_stale_undo(at)


def _after_a_stale_undo(at: Watch) -> None:
    at.look()
    step = at.plan.plan.steps[0]
    nodes = [node["metadata"]["name"] for node in at.box.cluster.get("/api/v1/nodes")["items"]]
    for node in nodes:
        at.by_hand(f"/api/v1/nodes/{node}", {"/spec/unschedulable": True})
    at.applied()
    at.look()
    at.clock.ahead = OVER
    at.look()
    assert at.plan.plan.undo_of
    for node in nodes:
        at.by_hand(f"/api/v1/nodes/{node}", {"/spec/unschedulable": False})
    at.by_hand(path_of(step), {path: step.expect[path] for path in step.set})
    wait_until(lambda: at.pulls_fail)
    at.becomes(PlanState.PENDING, PlanState.APPROVED, PlanState.STALE)
    at.look()
    assert at.plan.state is PlanState.DRAFT
    assert not at.plan.plan.undo_of
    at.applied()
    wait_until(lambda: _well(at, "checkout"))
    at.look()
    assert at.story.incident.phase == "verifying"
    at.hear(at.alert(firing=False))
    at.look()
    assert at.story.outcome is not None
    assert at.story.outcome.recovery is Recovery.RECOVERED


def test_a_change_that_cannot_be_drawn_up_yet_is_said_to_be_so_and_tried_again(at: Watch) -> None:
    reader = at.centre.kubernetes.user("reader").name
    at.centre.kubernetes.faults.add(
        Fault(user=reader, verb="get", resource="namespaces", name="kube-system", status=503)
    )
    with pytest.raises(KubernetesError):
        at.look()
    assert at.story.incident.phase == "the API server does not answer: the change is not drawn up yet"
    at.look()
    assert at.plan.state is PlanState.DRAFT


def test_a_secret_in_an_alerts_expression_stays_out_of_evidence(at: Watch) -> None:
    with_metrics(at)
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    url = f"http://prometheus.example/graph?g0.expr=up%7Btoken%3D%22{secret[:40]}%22%7D"
    at.hear(at.alert(fingerprint="f2", generator_url=url))
    at.look()
    with at.ledger.read() as session:
        rows = [(row.key, str(row.body)) for row in session.exec(select(EvidenceRow))]
    assert any("prometheus.query" in body for _, body in rows)
    assert not any(secret[:40] in text for row in rows for text in row)


def test_where_the_alerts_point_and_nobody_looks_is_told(at: Watch) -> None:
    for n, place in enumerate(["a1", "a2", "a3", ""], start=2):
        labels = {"alertname": "KubePodNotReady", "namespace": place, "pod": "x-1"}
        at.hear(at.alert(), at.alert(fingerprint=f"f{n}", labels=labels))
    at.look()
    told = at.diagnosis.not_checked
    assert "namespace shop: not looked at" in told
    assert "KubePodNotReady names no namespace: only nodes were looked at for it" in told


def test_logs_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    with watch("oom", tmp_path) as at:
        at.centre.break_it()
        cart = {"alertname": "KubeContainerOOMKilled", "namespace": "shop", "deployment": "cart"}
        wait_until(lambda: _restarted(at, "cart-"))
        reader = at.centre.kubernetes.user("reader").name
        away = Fault(user=reader, resource="pods", subresource="log", status=403, times=None)
        at.centre.kubernetes.faults.add(away)
        at.hear(at.alert(labels=cart))
        at.look()
        assert [one for one in at.diagnosis.not_checked if one.startswith("the logs of shop/cart-")]


def test_a_look_is_forgotten_once_it_led_to_a_proposal(at: Watch) -> None:
    at.look()
    assert at.plan.state is PlanState.DRAFT
    assert at.box.snapshots == {}
    assert at.box.thoughts == {}


def _other(at: Watch) -> Alert:
    labels = {"alertname": "KubeDeploymentReplicasMismatch", "namespace": "shop", "deployment": "cart"}
    return at.alert(fingerprint="f2", labels=labels)


def _rounds(at: Watch) -> int:
    with at.ledger.read() as session:
        return len(session.exec(select(DiagnosisRow)).all())


def _well(at: Watch, name: str) -> bool:
    return is_healthy(
        at.box.cluster.get(f"/apis/apps/v1/namespaces/shop/deployments/{name}") | {"kind": "Deployment"}
    )


def _restarted(at: Watch, prefix: str) -> bool:
    return any(
        one.get("restartCount")
        for pod in at.box.cluster.get("/api/v1/namespaces/shop/pods")["items"]
        if pod["metadata"]["name"].startswith(prefix)
        for one in pod["status"].get("containerStatuses", [])
    )


def test_an_alert_that_nothing_explains_yet_is_looked_into_again(tmp_path: Path) -> None:
    with watch("bad-image", tmp_path) as at:
        at.hear(at.alert(labels={"alertname": "PodsMissing", "namespace": "shop", "deployment": "ghost"}))
        at.look()
        assert at.diagnosis.cause is None
        assert at.story.incident.phase == "the cause is not established yet: looking again within 15 s"
        assert at.woken[-1].run_at is not None, "there is something to wake it"
        at.look()
        assert "within 30 s" in at.story.incident.phase
        assert at.story.plans == ()
