"""A click counts only when everything about it is as recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.gatekeeper.clicks import Click, Home, Person, Question, Refusal, admissible
from agents.incident import Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Entry, Roster
from agents.ledger.seals import SealKey
from tests.support.plans import a_decision, a_plan

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PLAN = a_plan(NOW)
HOME = Home(app_id="A1", team_id="T0OURS")
ROSTER = Roster(
    approvers=(
        Entry(user_id="U0ADA", team_id="T0OURS", tiers=frozenset({1}), namespaces=frozenset({"shop"})),
    )
)
QUESTION = Question(plan=PLAN, state=PlanState.PENDING, channel_id="C1", message_ts="1.1", home=HOME)
CLICK = Click(
    verdict=Verdict.APPROVE,
    plan_id=PLAN.id,
    app_id="A1",
    team_id="T0OURS",
    enterprise_id=None,
    user_id="U0ADA",
    user_team_id="T0OURS",
    channel_id="C1",
    message_ts="1.1",
)
FLAGS = ("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted")
ADA = Person(id="U0ADA", team_id="T0OURS", **dict.fromkeys(FLAGS, False))


def verdict(now=NOW, person=ADA, roster=ROSTER, question=QUESTION, **changes) -> Refusal | None:
    return admissible(CLICK.model_copy(update=changes), question, (person, roster), now)


def test_the_one_right_click_counts():
    assert verdict() is None


@pytest.mark.parametrize(
    ("field", "value", "refusal"),
    [
        ("plan_id", None, Refusal.FORGED),
        ("plan_id", "0" * 16, Refusal.FORGED),
        ("app_id", "A2", Refusal.WRONG_APP),
        ("app_id", "", Refusal.WRONG_APP),
        ("team_id", "T0FOREIGN", Refusal.FOREIGN_WORKSPACE),
        ("user_team_id", "T0FOREIGN", Refusal.FOREIGN_WORKSPACE),
        ("enterprise_id", "E1", Refusal.FOREIGN_WORKSPACE),
        ("channel_id", "C2", Refusal.WRONG_PLACE),
        ("message_ts", "1.2", Refusal.WRONG_PLACE),
    ],
)
def test_a_click_from_anywhere_else_is_refused(field, value, refusal):
    assert verdict(**{field: value}) is refusal


@pytest.mark.parametrize("flag", FLAGS)
def test_only_people_of_our_workspace_sign(flag):
    assert verdict(person=ADA.model_copy(update={flag: True})) is not None


def test_an_account_slack_tells_nothing_about_is_refused():
    assert verdict(person=None) is Refusal.UNKNOWN_PERSON
    assert verdict(person=Person(id="U0ADA", team_id="T0OURS")) is Refusal.DEACTIVATED


def test_an_empty_roster_lets_nobody_sign():
    assert verdict(roster=Roster()) is Refusal.NOT_ON_ROSTER


def test_a_tier_or_namespace_that_is_not_yours_is_refused():
    wider = QUESTION.model_copy(update={"plan": a_plan(NOW, tier=2)})
    assert verdict(question=wider, plan_id=wider.plan.id) is Refusal.NOT_ON_ROSTER
    entry = ROSTER.approvers[0].model_copy(update={"namespaces": frozenset({"billing"})})
    assert verdict(roster=Roster(approvers=(entry,))) is Refusal.NOT_ON_ROSTER


def test_whoever_asked_for_a_change_cannot_approve_but_can_deny_it():
    own = QUESTION.model_copy(update={"plan": a_plan(NOW, requester="U0ADA")})
    assert verdict(question=own, plan_id=own.plan.id) is Refusal.OWN_REQUEST
    assert verdict(question=own, plan_id=own.plan.id, verdict=Verdict.DENY) is None


def test_a_click_of_nobody_is_refused_as_ones_own():
    """Slack tells who clicked; an account without a name would otherwise be nobody's and anybody's."""
    assert verdict(user_id="", person=ADA.model_copy(update={"id": ""})) is Refusal.OWN_REQUEST


@pytest.mark.parametrize("state", [s for s in PlanState if s is not PlanState.PENDING])
def test_an_approval_counts_only_while_the_plan_waits_for_one(state):
    assert verdict(question=QUESTION.model_copy(update={"state": state})) is Refusal.DECIDED


def test_an_approved_plan_can_still_be_denied():
    question = QUESTION.model_copy(update={"state": PlanState.APPROVED})
    assert verdict(question=question, verdict=Verdict.DENY) is None


def test_the_last_moment_counts_and_the_next_does_not():
    assert verdict(now=PLAN.pending_until) is None
    assert verdict(now=PLAN.pending_until + timedelta(milliseconds=1)) is Refusal.TOO_LATE


def test_a_button_of_another_key_is_not_ours(tmp_path):
    ours, theirs = SealKey.load(tmp_path / "a"), SealKey.load(tmp_path / "b")
    assert ours.plan_of(ours.button(PLAN.id)) == PLAN.id
    assert ours.plan_of(theirs.button(PLAN.id)) is None
    assert ours.plan_of(PLAN.id) is None
    assert ours.plan_of("é.\u202e") is None


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "seal"
    first = SealKey.load(path)
    assert SealKey.load(path).button("x") == first.button("x")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("field", ["plan_id", "reason", "at", "verdict"])
def test_a_decision_changed_in_the_database_no_longer_holds(tmp_path, field):
    key = SealKey.load(tmp_path / "seal")
    sealed = key.sealed(a_decision(PLAN, NOW))
    assert key.holds(sealed)
    changed = {"plan_id": "f" * 16, "reason": "x", "at": NOW + timedelta(seconds=1), "verdict": Verdict.DENY}
    assert not key.holds(sealed.model_copy(update={field: changed[field]}))


def test_every_reason_to_refuse_a_click_has_words_of_its_own() -> None:
    for why in Refusal:
        assert why.value == why.value.strip().rstrip(".")
    assert len({why.value for why in Refusal}) == len(Refusal)
