"""Holes that were found in tools of this kind, each by its plain name: here they are closed.

Those with tests of their own elsewhere are not repeated: a replayed click (T8), the button of a plan that
was superseded (T14), a plan edited after its approval (T17, P1), a dry-run that is skipped (T49).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import grimp
import httpx
import pytest

from agents.gatekeeper.posting import advance
from agents.incident import Preview
from agents.investigator.proposals import Limits, NoPlan, propose
from agents.ledger import decisions, incidents, investigations, moves, previews
from agents.ledger.moves import Standing
from agents.ledger.policy import refusal
from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, INCIDENTS
from tests.support.datacentre import wait_until
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.patience import PATIENCE_S
from tests.support.plans import a_delivery, a_plan, a_step, an_alert
from tests.support.scenes import scenario
from tests.support.world_cluster import START
from tools.kubernetes.actions.catalogue import CATALOGUE, check, tier_of
from tools.kubernetes.actions.set_image import SetImage
from tools.kubernetes.client import Request
from tools.policy.load import PolicyFile


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def another(desk: FrontDesk) -> str:
    """A second plan that waits for its signature in the same channel."""
    now = desk.ledger.now()
    alert = an_alert(now, fingerprint="another")
    found = incidents.accept(desk.ledger, [a_delivery(now, alert, group_key="another")])[0].incident
    assert found is not None
    lease = investigations.take(desk.ledger, found, "the test", 60)
    assert lease is not None
    steps = (a_step(name="cart", uid="uid-cart"),)
    plan = a_plan(now, nonce="2" * 32, incident=f"INC-{found}", steps=steps)
    assert investigations.draft(desk.ledger, lease, plan, "why") == plan.id
    shown = Preview(plan_id=plan.id, at=now, diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(desk.ledger, shown) is None
    investigations.release(desk.ledger, lease)
    desk.run(advance(desk.office, found))
    return plan.id


def standing(desk: FrontDesk, plan_id: str) -> Standing:
    with desk.ledger.read() as session:
        found = moves.standing(session, plan_id)
    assert isinstance(found, Standing)
    return found


def test_approving_all_of_a_session_one_signature_is_for_one_plan(desk: FrontDesk) -> None:
    other = another(desk)
    assert desk.forge.deliver(desk.click()).acknowledged
    wait_until(lambda: desk.state() is PlanState.APPROVED)
    assert standing(desk, other).state is PlanState.PENDING
    with desk.ledger.read() as session:
        assert decisions.decisions_of(session, other) == []


def test_an_old_button_on_a_new_card_signs_neither(desk: FrontDesk) -> None:
    other = another(desk)
    theirs = standing(desk, other).proposal.message_ts
    assert desk.forge.deliver(desk.click(ts=theirs)).acknowledged
    assert len(desk.said(Tag.CLICK_REFUSED)) == 1
    assert desk.state() is standing(desk, other).state is PlanState.PENDING


def test_words_that_a_model_could_take_for_a_yes_are_words(desk: FrontDesk) -> None:
    ada = desk.person()
    for words in ("approve", "yes, go ahead", "LGTM :+1:", f"@midwatch approve {desk.plan.id}", "/approve"):
        ada.say(INCIDENTS, words, desk.card_ts)
    ada.slash(INCIDENTS, f"/midwatch approve {desk.plan.id}")
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []


def test_no_model_stands_between_a_click_and_what_it_means() -> None:
    graph = grimp.build_graph("agents", "tools", cache_dir=None, include_external_packages=True)
    assert graph.chain_exists("agents.investigator", "tools.model", as_packages=True), "there is one to reach"
    for model in ("tools.model", "tools.model_client", "langchain_openai", "langgraph", "openai"):
        for deciding in ("agents.gatekeeper", "agents.actor", "agents.ledger"):
            assert model not in graph.modules or not graph.chain_exists(deciding, model, as_packages=True), (
                f"{deciding} reaches {model}"
            )


def test_a_click_that_nobody_signed_is_no_click(desk: FrontDesk) -> None:
    value = desk.office.seal.button(desk.plan.id)
    payload = {
        "type": "block_actions",
        "user": {"id": ADA},
        "actions": [{"action_id": "approve", "value": value}],
    }
    assert httpx.post(desk.url, json=payload, trust_env=False, timeout=PATIENCE_S).status_code == 401
    assert desk.state() is PlanState.PENDING
    assert desk.passed == []


class GetStatus(SetImage):
    """What calls itself a read and writes."""

    name: ClassVar[str] = "get_status"


def test_a_verb_that_only_calls_itself_a_read_is_refused_and_counted_as_a_change() -> None:
    step = a_step(verb="get_status")
    sent = GetStatus().request(step, "p")
    assert sent.changes, "what a request does is read off its method, not off a name"
    against = check(step)
    assert against is not None
    assert "there is no verb get_status" in against.reason
    assert tier_of(step) == 3, "and what is not known is of the highest risk"
    assert all(
        Request(method=one, path="/api/get_pods").changes for one in ("POST", "PUT", "PATCH", "DELETE")
    )


HOSTILE = (
    "checkout --dry-run=none",
    "checkout?dryRun=",
    "checkout&fieldManager=x",
    "checkout/scale",
    "../kube-system",
    "%2e%2e",
    "-A",
    "--all",
    "checkout;reboot",
    "$(id)",
    "",
)


@pytest.mark.parametrize("argument", HOSTILE)
def test_arguments_hidden_in_a_name_are_refused(argument: str) -> None:
    for field in ("name", "namespace"):
        try:
            step = a_step(**{field: argument})
        except ValueError:
            continue
        assert check(step) is not None, field


@pytest.mark.parametrize("verb", sorted(CATALOGUE))
def test_a_rehearsal_stays_one_whatever_stands_in_the_parameters(verb: str) -> None:
    values = {"/spec/template/spec/containers/0/image": "r/checkout:8 --dry-run=none&dryRun=None"}
    step = a_step(verb=verb, set=values, about={"dryRun": "None", "--dry-run": "none"})
    assert check(step) is not None or "dryRun" not in str(CATALOGUE[verb].request(step, "p").query)
    sent = SetImage().rehearsal(step, "p&dryRun=None")
    assert not sent.changes
    assert [one for one in sent.query if one[0] == "dryRun"] == [("dryRun", "All")]


@pytest.mark.parametrize(
    "text", ["", "version: 1\n", "version: 1\nallow: []\n", "version: 1\nallow: [", "null"]
)
def test_a_gate_that_cannot_tell_is_shut(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    assert refusal(PolicyFile(path=file), a_plan(START), None)
    assert refusal(PolicyFile(path=tmp_path / "gone.yaml"), a_plan(START), None)


def test_a_high_score_opens_nothing_where_no_cause_is_established() -> None:
    at = scenario("scaled-to-zero", ("TargetDown", {"namespace": "shop", "service": "cart"}))
    assert at.reasoned.cause is None
    assert at.reasoned.hypotheses
    assert isinstance(propose(at.case, at.reasoned.cause, Limits()), NoPlan)
    first = at.reasoned.hypotheses[0]
    elsewhere = first.object.model_copy(update={"namespace": "kube-system", "name": "coredns"})
    certain = first.model_copy(update={"score": 1.0, "object": elsewhere})
    assert isinstance(propose(at.case, certain, Limits()), NoPlan)
