"""Each verb on the fault it is for: diagnosed, drafted, signed, performed once, mended, and undone again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents.investigator.proposals import Limits, Proposed, propose
from tests.support.verb_stage import Stage, stage
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, is_applied, matches, request
from tools.kubernetes.errors import PreconditionFailed
from tools.kubernetes.objects import ObjectRef
from tools.kubernetes.pointers import drift


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A verb on an object of the shop; ``stays`` when its undo leaves the fault mended.

    ``cause`` is what the diagnosis says and proposes this for; without one the story drafts it by hand.
    """

    verb: str
    kind: str
    name: str
    params: dict[str, Any] = field(default_factory=dict)
    stays: bool = False
    cause: str = ""


CATALOG = {"kind": "Deployment", "name": "catalog"}
WISHES = {
    "set-env-reference": Wish(
        verb="set_env_reference",
        params={"container": "catalog", "env_from": "catalog-settings-v2", "to": "catalog-settings"},
        cause="config.configmap_missing",
        **CATALOG,
    ),
    "fix-port": Wish(
        verb="fix_port",
        kind="Service",
        name="cart",
        params={"port": 8081, "target": "http"},
        cause="service.target_port.not_declared",
    ),
    "fix-probe": Wish(
        verb="fix_probe",
        kind="Deployment",
        name="checkout",
        params={"container": "checkout", "probe": "readiness", "change": {"path": "/healthz"}},
        cause="pod.probe.fails",
    ),
    "fix-scheduling": Wish(
        verb="fix_scheduling",
        params={"node_selector": {}},
        cause="pod.scheduling.unschedulable",
        **CATALOG,
    ),
    "hpa-bounds": Wish(
        verb="hpa_bounds",
        kind="HorizontalPodAutoscaler",
        name="checkout",
        params={"min": 3, "max": 4},
        cause="hpa.limited",
    ),
    # Taking the mark away replaces the pods once more, and they read the new account again.
    "restart-rollout": Wish(
        verb="restart_rollout",
        params={"incident": "INC-1", "because": "stale_config"},
        stays=True,
        cause="config.changed_since_start",
        **CATALOG,
    ),
    "pause-rollout": Wish(verb="pause_rollout", **CATALOG),
    "resume-rollout": Wish(verb="resume_rollout", kind="Deployment", name="cart", cause="deployment.paused"),
    "suspend": Wish(verb="suspend", kind="Job", name="reindex"),
    "resume": Wish(verb="resume", kind="CronJob", name="prices", cause="cronjob.suspended"),
}


def proposed(at: Stage, wish: Wish) -> Step:
    """The change that the diagnosis itself comes to: the wish, drafted by nobody's hand."""
    seen = at.diagnosed()
    cause = seen.reasoned.cause
    assert cause is not None, (seen.reasoned.because, seen.case.findings)
    assert (cause.code, str(cause.object)) == (wish.cause, f"{wish.kind} shop/{wish.name}")
    expected = {(one.code, str(one.object)) for one in at.cluster.scenario.expect.causes}
    assert (cause.code, str(cause.object)) in expected
    found = propose(seen.case, cause, Limits(incident="INC-1"))
    assert isinstance(found, Proposed), found
    assert found.step.set == drafted(at, wish).set
    return found.step


def drafted(at: Stage, wish: Wish) -> Step:
    seen = at.seen()
    target = seen.find(ObjectRef(kind=wish.kind, namespace="shop", name=wish.name))
    assert target is not None
    step = CATALOGUE[wish.verb].draft(target, wish.params, Context(seen=seen))
    assert isinstance(step, Step), step
    return step


@pytest.mark.parametrize("name", WISHES)
def test_a_verb_mends_what_it_is_for_once_and_can_be_undone(name: str, tmp_path: Path) -> None:
    wish = WISHES[name]
    verb = CATALOGUE[wish.verb]
    with stage(f"verbs/{name}", tmp_path) as at:
        expected = {(one.verb, str(one.object)) for one in at.cluster.scenario.expect.actions}
        assert (wish.verb, f"{wish.kind} shop/{wish.name}") in expected
        at.later(60)
        assert not at.cluster.verdict().met, "waiting mends it"
        assert at.fires(), "nobody would be called"
        step = proposed(at, wish) if wish.cause else drafted(at, wish)
        plan = at.performed(step)
        assert [(one.verb, one.name) for one in at.server.effects.all()] == [("patch", wish.name)]
        assert at.mended(), at.cluster.verdict().unmet
        assert not at.fires(), "the alert goes on"
        with pytest.raises(PreconditionFailed):
            at.hands.cluster.send(request(step, plan.id))
        live = at.hands.target(step)
        assert live is not None
        undo = verb.inverse(step, live)
        assert isinstance(undo, Step), undo
        assert sentence(undo) != sentence(step)
        at.performed(undo)
        assert not drift({pointer: step.expect[pointer] for pointer in step.set}, at.hands.target(step))
        at.later(60)
        assert at.cluster.verdict().met is wish.stays
        assert len(at.server.effects.all()) == 2


def test_a_plan_whose_object_changed_meanwhile_is_stale_and_changes_nothing(tmp_path: Path) -> None:
    with stage("verbs/hpa-bounds", tmp_path) as at:
        at.later(30)
        step = drafted(at, WISHES["hpa-bounds"])
        # Its status moves on its own, and that alone must not make the plan stale.
        at.later(30)
        assert matches(step, at.hands.target(step)) == ()
        scaler = at.cluster.store.get("horizontalpodautoscalers", "shop", "checkout")
        scaler["spec"]["scaleTargetRef"]["name"] = "cart"
        at.cluster.store.update("horizontalpodautoscalers", scaler)
        with pytest.raises(PreconditionFailed):
            at.hands.cluster.send(request(step, "p-1"))
        assert at.server.effects.all() == []


def of_pods(kind: str, name: str) -> dict[str, Any]:
    """A workload that asks for no pods, with a probe, an env and a place that can be mended."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "registry.shop.example/shop/cart:1.14.2",
        "ports": [{"name": "http", "containerPort": 8081}],
        "readinessProbe": {"tcpSocket": {"port": 9}},
        "envFrom": [{"configMapRef": {"name": "gone"}}],
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "nodeSelector": {"a": "b"}},
        },
    }
    if kind == "StatefulSet":
        spec["replicas"] = 0
    head = {"name": name, "namespace": "shop", "annotations": {"team": "shop"}}
    return {"metadata": head, "spec": spec}


ELSEWHERE = [
    (
        "fix_probe",
        {"container": "main", "probe": "readiness", "change": {"port": "http", "periodSeconds": 20}},
    ),
    ("set_env_reference", {"container": "main", "env_from": "gone", "to": "kube-root-ca.crt"}),
    ("fix_scheduling", {"node_selector": {"kubernetes.io/os": "linux"}}),
    ("restart_rollout", {"incident": "INC-1", "because": "leaked_connection"}),
]


def test_the_other_kinds_a_verb_names_are_changed_and_put_back_with_the_actors_rights(tmp_path: Path) -> None:
    with stage("verbs/resume", tmp_path) as at:
        at.cluster.store.create("statefulsets", of_pods("StatefulSet", "ledger"))
        at.cluster.store.create("daemonsets", of_pods("DaemonSet", "agent"))
        wishes = [
            Wish(verb=verb, kind=kind, name=name, params=params)
            for verb, params in ELSEWHERE
            for kind, name in (("StatefulSet", "ledger"), ("DaemonSet", "agent"))
        ]
        wishes += [Wish(verb="resume", kind="CronJob", name="prices")]
        for wish in wishes:
            step = drafted(at, wish)
            before = at.hands.target(step)
            assert at.hands.rehearse(step, "p-1").diff
            assert at.hands.target(step) == before, "a rehearsal changed something"
            done = at.hands.cluster.send(request(step, "p-1"))
            assert is_applied(step, "p-1", done)
            undo = CATALOGUE[wish.verb].inverse(step, done)
            assert isinstance(undo, Step)
            assert is_applied(undo, "p-2", at.hands.cluster.send(request(undo, "p-2")))
