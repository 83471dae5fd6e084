"""Three agents, three reads of the policy: at the draft, before the card asks, and at the claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from agents.actor.hands import Hands
from agents.actor.perform import perform
from agents.actor.work import advance as act
from agents.gatekeeper.posting import advance as show
from agents.ledger import executions
from agents.ledger.executions import Claim
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.story import story
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from tests.support.datacentre import data_centre, wait_until
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.signed import DEPLOYMENTS, Signed, broken_copies, signed
from tests.support.story import scene_in
from tests.support.watch import Watch, watch, with_metrics
from tools.kubernetes.client import Request, connect
from tools.policy.facts import Radius
from tools.policy.load import PolicyFile

ALL = "version: 1\nallow: [{name: all}]\n"


def policy_file(folder: Path, text: str = "") -> PolicyFile:
    file = folder / "policy.yaml"
    file.write_text(ALL + text, encoding="utf-8")
    return PolicyFile(path=file)


# --- the investigator


def test_a_change_that_the_policy_does_not_allow_is_not_drawn_up_and_the_rule_is_named(
    tmp_path: Path,
) -> None:
    with watch("bad-image", tmp_path) as at:
        rules = "rules: [{name: frozen, when: target.namespace == 'shop', deny: nothing until Monday}]\n"
        at.box = replace(at.box, policy_file=policy_file(tmp_path, rules))
        _broken(at)
        at.look()
        assert at.story.plans == ()
        assert "The policy: 'frozen' refuses it: nothing until Monday." in at.diagnosis.no_plan_because
        at.box.policy_file.path.write_text("version: 1\nrules: [", encoding="utf-8")
        at.hear(at.alert(), at.alert(fingerprint="f2"))
        at.look()
        assert at.story.plans == (), "a policy that nobody can read allows nothing"
        assert "The policy cannot be used" in at.diagnosis.no_plan_because


def test_a_plan_states_its_policy_its_reach_and_the_terms_that_the_policy_leaves(tmp_path: Path) -> None:
    with watch("bad-image", tmp_path) as at:
        with_metrics(at)
        rules = (
            "rules:\n"
            '  - {name: careful, when: "blast.requests_per_second != null", tier: 3, pending_minutes: 5}\n'
            "  - {name: swift, verbs: [set_image, roll_back], claim_within_s: 45}\n"
        )
        policies = policy_file(tmp_path, rules)
        at.box = replace(at.box, policy_file=policies)
        _broken(at)
        at.look()
        plan = at.plan.plan
        assert plan.policy_version == policies.read().digest
        assert (plan.tier, plan.approvals_needed, plan.claim_within_s) == (3, 2, 45)
        assert (plan.pending_until - at.ledger.now()).total_seconds() <= 300
        (radius,) = plan.radius
        assert radius.replicas == 3
        assert radius.services == ("checkout",)
        assert radius.budget is not None
        assert radius.requests_per_second is not None
        assert radius.namespace_labels["kubernetes.io/metadata.name"] == "shop"


def _broken(at: Watch) -> None:
    """A rollout whose pods already show why it hangs."""
    at.centre.break_it()
    wait_until(lambda: at.pulls_fail)
    at.hear(at.alert())


def test_an_undo_that_the_policy_does_not_allow_is_not_offered_and_that_is_said(tmp_path: Path) -> None:
    with watch("bad-image", tmp_path, verify_window_s=30) as at:
        policies = policy_file(tmp_path)
        at.box = replace(at.box, policy_file=policies)
        nodes = [node["metadata"]["name"] for node in at.box.cluster.get("/api/v1/nodes")["items"]]
        _broken(at)
        at.look()
        for node in nodes:
            at.by_hand(f"/api/v1/nodes/{node}", {"/spec/unschedulable": True})
        at.applied()
        at.look()
        policy_file(tmp_path, "rules: [{name: no undo, when: plan.undo, deny: ask first}]\n")
        at.clock.ahead = timedelta(seconds=31)
        at.look()
        assert [one.state for one in at.story.plans] == [PlanState.SUCCEEDED]
        assert at.story.incident.phase.startswith(
            "not recovered; nothing is put back, the policy says no: 'no undo'"
        )


# --- the gatekeeper


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("rules: [{name: frozen, deny: nothing until Monday}]\n", "'frozen' refuses it: nothing until"),
        ("rules: [{name: careful, tier: 2}]\n", "it needs tier 2 now (rule 'careful' asks tier 2)"),
        ("rules: [{name: two, approvals_needed: 2}]\n", "it needs 2 approvals now"),
        ("rules: [{name: swift, claim_within_s: 60}]\n", "lets it start within 60 s now"),
        ("rules: [{name: soon, pending_minutes: 5}]\n", "gives 300 s to sign it now"),
        ("rules: [{name: odd, when: 'true', tier: 2}]\n", "does not state what it touches"),
        ("rules: [", "the policy cannot be used"),
    ],
)
def test_a_card_stops_asking_for_what_the_policy_no_longer_allows(
    tmp_path: Path, rules: str, words: str
) -> None:
    with front_desk(tmp_path) as desk:
        assert desk.state() is PlanState.PENDING
        desk.office.policy_file = policy_file(tmp_path)
        desk.run(show(desk.office, 1))
        assert desk.state() is PlanState.PENDING, "the same policy changes nothing"
        policy_file(tmp_path, rules)
        desk.run(show(desk.office, 1))
        assert desk.state() is PlanState.CANCELLED
        assert words in _reason(desk)
        assert "approve" not in str(desk.person().messages())


def _reason(desk: FrontDesk) -> str:
    told = story(desk.ledger, 1)
    assert told is not None
    assert told.plan is not None
    return told.plan.reason


# --- the actor


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@contextmanager
def approved(centre: DataCentre, name: str, folder: Path) -> Iterator[tuple[Signed, Hands]]:
    """A signed plan and an actor with a policy file of its own."""
    broken_copies(centre, [name])
    with scene_in(centre, folder) as at:
        one = signed(at, name, radius=(Radius(labels={"app": name}, replicas=0),))
        hands = Hands(
            ledger=at.ledger,
            cluster=connect(centre.kubernetes.kubeconfig("actor"), "actor"),
            actor_id="the actor",
            seal=SealKey.load(folder / "state" / "keys" / "seal"),
            roster_file=folder / "roster.yaml",
            halt_file=folder / "state" / "HALT",
            policy_file=policy_file(folder),
        )
        try:
            yield one, hands
        finally:
            hands.cluster.close()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("rules: [{name: frozen, deny: nothing until Monday}]\n", "'frozen' refuses it: nothing until"),
        ("rules: [{name: careful, tier: 2}]\n", "it needs tier 2 now"),
        ("critical_labels: [app=odd-2]\n", "app=odd-2 marks it as critical"),
        ("rules: [{name: odd, when: '1 / 0 == 1', tier: 2}]\n", "'odd' cannot be evaluated"),
        ("rules: [", "the policy cannot be used"),
    ],
)
def test_what_was_signed_under_another_policy_is_not_done(
    centre: DataCentre, tmp_path: Path, rules: str, words: str, request: pytest.FixtureRequest
) -> None:
    name = f"odd-{request.node.callspec.indices['rules']}"
    with approved(centre, name, tmp_path) as (one, hands):
        policy_file(tmp_path, rules)
        act(hands, 1)
        view = one.at.plan()
        assert view is not None
        assert view.state is PlanState.STALE
        assert words in view.reason
        assert view.receipts == ()
        assert one.at.said(Tag.PLAN_CLAIMED) == [], "it is turned away before it holds anything"
        assert one.effects() == []
        assert one.at.whole() == ()


def test_under_the_same_policy_it_is_done(centre: DataCentre, tmp_path: Path) -> None:
    with approved(centre, "same", tmp_path) as (one, hands):
        act(hands, 1)
        assert one.at.stands(PlanState.SUCCEEDED)
        assert one.applied()


def test_a_label_that_came_after_the_signature_counts_at_the_claim(
    centre: DataCentre, tmp_path: Path
) -> None:
    with approved(centre, "labelled", tmp_path) as (one, hands):
        _label(centre, "labelled", "midwatch.dev~1critical", "true")
        act(hands, 1)
        view = one.at.plan()
        assert view is not None
        assert view.state is PlanState.STALE
        assert "midwatch.dev/critical=true marks it as critical" in view.reason
        assert one.effects() == []


def test_a_policy_that_changes_between_claim_and_intent_still_counts(
    centre: DataCentre, tmp_path: Path
) -> None:
    with approved(centre, "between", tmp_path) as (one, hands):
        claimed = executions.claim(one.at.ledger, one.plan.id, hands.actor_id, hands.still_valid)
        assert isinstance(claimed, Claim)
        policy_file(tmp_path, "rules: [{name: frozen, deny: nothing until Monday}]\n")
        perform(hands, claimed)
        assert one.at.stands(PlanState.STALE)
        assert one.effects() == []


def _label(centre: DataCentre, name: str, key: str, value: str) -> None:
    patch = [{"op": "add", "path": f"/metadata/labels/{key}", "value": value}]
    cluster = connect(centre.kubernetes.kubeconfig("admin"), "a person")
    try:
        kind = "application/json-patch+json"
        path = f"{DEPLOYMENTS}/{name}"
        cluster.send(Request(method="PATCH", path=path, body=orjson.dumps(patch), content_type=kind))
    finally:
        cluster.close()
