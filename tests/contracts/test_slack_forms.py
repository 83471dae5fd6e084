"""From a click to a decision, with a form in between where one is needed: a form counts under its mark."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from agents.gatekeeper import forms
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import NOTHING, Against
from agents.gatekeeper.modals import approve_view
from agents.incident import Verdict
from agents.ledger import moves
from agents.ledger.protocol import Objection, PlanState
from evals.world.slack import Person
from evals.world.slack.people import ADA, BEN, MIA
from evals.world.slack.wire import JsonObject
from tests.contracts import test_slack_desk
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_desk import Desk, posted, spent
from tools.kubernetes.objects import JsonObject as Json

slack, at = test_slack_desk.slack, test_slack_desk.at


def pressed(at: Desk, who: str = ADA, **changes: Any) -> JsonObject:
    """A click of this person on the card's button, as Slack delivers it."""
    home = at.office.home
    return {
        "api_app_id": home.app_id,
        "team": {"id": home.team_id},
        "user": {"id": who, "team_id": home.team_id},
        "container": {"channel_id": "C0INCIDENTS", "message_ts": "1.5"},
        "actions": [{"value": at.office.seal.button(at.plan.id)}],
        "trigger_id": at.slack.call(lambda: at.slack.workspace.new_trigger(who)),
    } | changes


def opened(at: Desk, name: str, who: str = ADA) -> JsonObject:
    return Person(at.slack.page_url, who).wait_for_view(name)


def sent(at: Desk, form: JsonObject, block: str, said: Json, who: str = ADA) -> JsonObject:
    """The form as it comes back from this person."""
    view = {"private_metadata": form["private_metadata"], "state": {"values": {block: said}}}
    return pressed(at, who) | {"view": view, "container": None, "actions": None}


def test_a_click_on_tier_one_is_the_approval(at: Desk) -> None:
    assert asyncio.run(forms.approve(at.office, pressed(at), "n1")) is None
    assert at.stands() == (PlanState.APPROVED, ADA)
    assert at.decided()[0].request["nonce"] == spent("n1")


def test_from_tier_two_on_a_click_opens_the_form_and_the_form_is_the_approval(
    at: Desk, clock: HandClock
) -> None:
    at.plan = posted(at.ledger, clock, tier=2, nonce="2" * 32)
    assert asyncio.run(forms.approve(at.office, pressed(at), "n1")) is None
    assert at.decided() == []
    form = opened(at, "approve")
    private = orjson.loads(form["private_metadata"])
    where = {"value": at.office.seal.button(at.plan.id), "channel": "C0INCIDENTS", "ts": "1.5", "seen": "n1"}
    assert private == where | {"mark": private["mark"]}
    shown = approve_view(at.plan, forms._preview(at.office, at.plan.id), "")
    assert [block["type"] for block in form["blocks"]] == [block["type"] for block in shown["blocks"]]  # type: ignore[attr-defined]
    assert "-a\\n+b" in orjson.dumps(form["blocks"]).decode()
    typed = {"typed": {"value": f"  {at.plan.digest[:6].upper()} "}}
    assert asyncio.run(forms.confirm(at.office, sent(at, form, "digits", typed), "n2")) is None
    assert at.stands() == (PlanState.APPROVED, ADA)
    (given,) = at.decided()
    assert (given.verdict, given.request["typed"], given.request["nonce"]) == (
        Verdict.APPROVE,
        at.plan.digest[:6],
        spent("n2"),
    )


def test_a_rejection_asks_why_and_keeps_the_first_five_hundred_characters(at: Desk) -> None:
    assert asyncio.run(forms.ask_why(at.office, pressed(at, BEN), "n1")) is None
    form = opened(at, "reject", BEN)
    reason = {"reason": {"value": "x" * 501}}
    assert asyncio.run(forms.reject(at.office, sent(at, form, "why", reason, BEN), "n2")) is None
    (given,) = at.decided()
    assert (given.verdict, given.reason, given.request) == (
        Verdict.DENY,
        "x" * 500,
        {"nonce": spent("n2"), "app": at.office.home.app_id, "human": f"{at.office.home.team_id}/{BEN}"},
    )


def test_whoever_may_not_reject_sees_no_form_and_is_on_record(at: Desk) -> None:
    why = asyncio.run(forms.ask_why(at.office, pressed(at, MIA), "n1"))
    assert why is not None
    assert why.startswith(f"Not counted: {Refusal.NOT_ON_ROSTER.value}; who may: ")
    ((_, body, _, plan_id),) = record(at.ledger, "gatekeeper:click:refuse")
    assert (body["user"], body["verdict"], body["why"], plan_id) == (
        MIA,
        "deny",
        Refusal.NOT_ON_ROSTER.value,
        at.plan.id,
    )
    assert Person(at.slack.page_url, MIA).open_views() == []


def test_a_form_from_somebody_else_is_not_ours_and_is_on_record(at: Desk) -> None:
    asyncio.run(forms.ask_why(at.office, pressed(at), "n1"))
    stolen = sent(at, opened(at, "reject"), "why", {"reason": {"value": "no"}}, BEN)
    assert asyncio.run(forms.reject(at.office, stolen, "n2")) == Against(why=Refusal.FORGED).words
    ((_, body, _, plan_id),) = record(at.ledger, "gatekeeper:click:refuse")
    assert (body["user"], body["why"], plan_id) == (BEN, Refusal.FORGED.value, at.plan.id)
    assert at.stands()[0] is PlanState.PENDING


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"view": {"private_metadata": "no JSON"}}, Refusal.FORGED),
        ({"view": {"private_metadata": "[]"}}, Refusal.FORGED),
        ({"view": {}}, Refusal.FORGED),
        ({"user": {"id": ADA}}, Refusal.UNKNOWN_PERSON),
        ({"user": {"team_id": "T0OURS"}}, Refusal.UNKNOWN_PERSON),
    ],
)
def test_a_form_that_cannot_be_read_decides_nothing(at: Desk, changes: JsonObject, why: Refusal) -> None:
    payload = {"view": {"private_metadata": "{}"}} | pressed(at) | changes
    assert asyncio.run(forms.confirm(at.office, payload, "n1")) == Against(why=why).words
    assert at.stands()[0] is PlanState.PENDING


def test_a_form_that_slack_does_not_open_asks_for_another_click(at: Desk) -> None:
    told = asyncio.run(forms.ask_why(at.office, pressed(at, trigger_id="old"), "n1"))
    says = "Slack did not open the form (views.open: invalid_trigger_id)."
    assert told == f"{says} {NOTHING} Please click again."
    assert at.stands()[0] is PlanState.PENDING


def test_when_an_approver_lost_the_right_somebody_else_may_approve(at: Desk) -> None:
    assert asyncio.run(forms.approve(at.office, pressed(at), "n1")) is None
    late = asyncio.run(forms.approve(at.office, pressed(at, BEN), "n2"))
    assert late is not None
    assert late.startswith(f"Not counted: {Refusal.DECIDED.value}: APPROVED at ")
    with at.ledger.write() as tx:
        found = moves.standing(tx.session, at.plan.id)
        assert isinstance(found, moves.Standing)
        moves.hinder(tx, found, Objection.APPROVER_LOST_RIGHT.value)
    assert asyncio.run(forms.approve(at.office, pressed(at, BEN), "n3")) is None
    assert [one.approver.user_id for one in at.decided()] == [ADA, BEN]
