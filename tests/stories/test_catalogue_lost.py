"""Objects that come back, silences, and answers that got lost: carried through by the real actor's code."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agents.ledger.protocol import PlanState
from evals.world.kubernetes.faults import Fault
from evals.world.loopback import Asked, LoopbackServer, Reply
from tests.stories.test_catalogue_cluster import (
    drafted,
    pods_of,
)
from tests.support.act import Act
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import eventually
from tests.support.patience import PATIENCE_S
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.errors import Conflict


def test_a_service_that_disappeared_comes_back_and_is_not_put_over_another(act: Act, space: Space) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    space.make("services", {"metadata": {"name": "cart", "labels": {"team": "shop"}}, "spec": spec})
    path = space.path("services", "cart")
    step = drafted(act, "restore", path, {})
    present = act.rehearsed([step])
    assert act.stands(present)[0] is PlanState.REFUSED
    assert "it is there" in act.stands(present)[1]
    act.cluster.call("DELETE", path)
    plan = act.done(step)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    back = space.get("services", "cart")
    assert (back["metadata"]["labels"], back["spec"]["selector"]) == ({"team": "shop"}, {"app": "web"})
    assert is_applied(step, plan.id, act.live(step))
    with pytest.raises(Conflict):
        act.hands.send(CATALOGUE["restore"], CATALOGUE["restore"].request(step, plan.id))
    assert isinstance(CATALOGUE["restore"].inverse(step, back), Refused)


def test_a_name_taken_in_the_last_moment_makes_the_plan_stale(act: Act, space: Space) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    service = {"metadata": {"name": "cart"}, "spec": spec}
    space.make("services", service)
    step = drafted(act, "restore", space.path("services", "cart"), {})
    act.cluster.call("DELETE", space.path("services", "cart"))
    plan = act.rehearsed([step])
    act.signed(plan)
    actor, faults = act.server.user("actor").name, act.server.faults
    faults.add(Fault(user=actor, verb="create", namespace=space.name, dry_run=False, delay=1.5))
    doing = threading.Thread(target=act.advance, args=(plan,))
    doing.start()
    # The actor has checked everything, and its request is in the server's hands.
    eventually(lambda: not faults.as_json())
    space.make("services", service)
    doing.join(PATIENCE_S)
    assert act.stands(plan) == (PlanState.STALE, 'services "cart" already exists')
    assert "annotations" not in space.get("services", "cart")["metadata"]


def test_a_config_map_whose_values_were_never_read_is_not_made_up(act: Act, space: Space) -> None:
    space.make("configmaps", {"metadata": {"name": "flags"}, "data": {"color": "red"}})
    seen = act.seen(space.path("configmaps", "flags"), "ConfigMap")
    refused = CATALOGUE["restore"].draft(seen, {}, Context())
    assert isinstance(refused, Refused)
    assert "never read" in refused.reason
    whole = space.get("configmaps", "flags")
    step = CATALOGUE["restore"].draft({**whole, "kind": "ConfigMap"}, {}, Context())
    assert isinstance(step, Step)
    act.cluster.call("DELETE", space.path("configmaps", "flags"))
    assert act.stands(act.done(step))[0] is PlanState.SUCCEEDED
    assert space.get("configmaps", "flags")["data"] == {"color": "red"}


def silence_for(act: Act, hours: float = 1) -> Step:
    now = datetime.now(UTC).replace(microsecond=0)
    params = {
        "incident": f"INC-{act.number + 1}",
        "namespace": "shop",
        "matchers": {"alertname": "KubePodNotReady", "namespace": "shop"},
        "link": "http://127.0.0.1:8480/incidents/1",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=hours)).isoformat(),
    }
    step = CATALOGUE["silence"].draft({}, params, Context())
    assert isinstance(step, Step), step
    return step


def test_a_silence_mutes_the_incidents_alerts_and_can_be_ended(act: Act) -> None:
    step, labels = silence_for(act), {"alertname": "KubePodNotReady", "namespace": "shop", "pod": "a"}
    plan = act.done(step)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    assert act.alertmanager.silences.by(labels)
    assert act.alertmanager.silences.by({**labels, "namespace": "bank"}) == []
    assert is_applied(step, plan.id, act.live(step))
    assert act.stands(act.rehearsed([step]))[0] is PlanState.REFUSED
    undo = CATALOGUE["silence"].inverse(step, act.live(step))
    assert isinstance(undo, Step)
    assert act.stands(act.done(undo))[0] is PlanState.SUCCEEDED
    assert act.alertmanager.silences.by(labels) == []
    assert act.hands.target(undo) is None
    listed = httpx.get(f"{act.alertmanager.url}/api/v2/silences", trust_env=False, timeout=PATIENCE_S).json()
    assert plan.id in listed[0]["comment"]


def test_a_silence_whose_answer_got_lost_is_found_by_its_plan(act: Act) -> None:
    silences = act.alertmanager.silences

    def lossy(asked: Asked) -> Reply:
        reply = silences.answer(asked)
        if asked.method == "POST":
            raise ConnectionAbortedError
        return reply

    server, known = LoopbackServer({}, rest=lossy), act.hands
    server.start()
    act.hands = replace(known, alertmanager=Alertmanager(url=server.url))
    try:
        plan = act.done(silence_for(act))
        assert act.stands(plan)[0] is PlanState.UNKNOWN
        eventually(lambda: (act.advance(plan), act.stands(plan)[0] is PlanState.SUCCEEDED)[1])
        assert act.hands.alertmanager is not None
        act.hands.alertmanager.close()
    finally:
        act.hands = known
        server.stop()
    listed = httpx.get(f"{act.alertmanager.url}/api/v2/silences", trust_env=False, timeout=PATIENCE_S).json()
    assert [one["comment"].endswith(f"(plan {plan.id})") for one in listed].count(True) == 1


def test_without_alertmanager_a_silence_is_refused_in_words(act: Act) -> None:
    step = silence_for(act)
    known = act.hands
    act.hands = replace(known, alertmanager=None)
    try:
        plan = act.rehearsed([step])
    finally:
        act.hands = known
    assert act.stands(plan) == (
        PlanState.REFUSED,
        "alertmanager_url is not set, so nothing can be asked of Alertmanager",
    )


@pytest.mark.parametrize("name", ["evict_pod", "restore"])
def test_an_answer_that_got_lost_is_looked_for_and_never_sent_again(
    name: str, act: Act, space: Space
) -> None:
    """The server did it and then broke the line: the plan is UNKNOWN until the object has been read."""
    if name == "evict_pod":
        (pod,) = pods_of(act, space, 1)
        step = CATALOGUE[name].draft(pod, {}, Context())
    else:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        space.make("services", {"metadata": {"name": "cart"}, "spec": spec})
        step = drafted(act, name, space.path("services", "cart"), {})
        act.cluster.call("DELETE", space.path("services", "cart"))
    assert isinstance(step, Step)
    plan = act.rehearsed([step])
    act.signed(plan)
    act.server.faults.add(Fault(verb="create", namespace=space.name, dry_run=False, reset="after"))
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.UNKNOWN
    eventually(lambda: (act.advance(plan), act.stands(plan)[0] is PlanState.SUCCEEDED)[1])
    assert len([one for one in act.effects() if one.namespace == space.name]) == 1
