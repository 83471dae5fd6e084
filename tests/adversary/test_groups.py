"""Signing by a user group: who is in it, who was, who should never have been (T9, T11, T18, T20, T21, P5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from agents.gatekeeper import attendance
from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.posting import advance
from agents.ledger import decisions, executions, groups
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.sessions import Account
from agents.ledger.tables_looks import ChatGroupRow
from agents.ledger.tags import Tag
from evals import oncall
from evals.world.slack.faults import Fault
from evals.world.slack.people import (
    ADA,
    BEN,
    DORA,
    FOREIGN_TEAM,
    GUS,
    INCIDENTS,
    MIA,
    ONCALL_GROUP,
    ROBO,
    STELLA,
    WANDA,
)
from midwatch.login.roles import Role, Roles
from tests.adversary.test_approvers import claimed, roster
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_decision

ONCALL = {"group": ONCALL_GROUP}
AGED = attendance.YOUNG + timedelta(seconds=1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        roster(made, ONCALL)
        yield made


def members(desk: FrontDesk, *who: str) -> None:
    """Somebody changes the group in Slack, and half a minute passes."""
    desk.slack.call(lambda: desk.slack.workspace.set_group(ONCALL_GROUP, *who))
    now = desk.ledger.now()
    desk.ledger._clock = lambda: now + AGED


def refused(desk: FrontDesk, who: str, **differs: Any) -> str:
    """Why a click of theirs did not count."""
    assert desk.post(desk.forge.request(desk.click(who, **differs)))[0] == 200
    assert desk.decided() == []
    return desk.said(Tag.CLICK_REFUSED)[-1]


def test_whoever_is_in_the_group_signs_and_whoever_is_not_is_told_its_handle(
    desk: FrontDesk,
) -> None:
    assert "not on the roster" in refused(desk, MIA)
    desk.person(MIA).wait_for_ephemeral("who may: @oncall")
    assert oncall.approve(desk.person(BEN), 10).ok
    assert desk.decided() == [BEN]
    assert isinstance(claimed(desk), Claim)


def test_t20_whoever_is_taken_out_of_the_group_after_the_click_does_not_count(desk: FrontDesk) -> None:
    assert oncall.approve(desk.person(ADA), 10).ok
    members(desk, BEN)
    desk.run(roster_now(desk.office))
    assert f'"left":["{ADA}"]' in desk.said(Tag.GROUP_CHANGED)[-1]
    assert claimed(desk) is Objection.APPROVER_LOST_RIGHT
    desk.run(advance(desk.office, 1))
    assert oncall.approve(desk.person(BEN), 10).ok
    assert isinstance(claimed(desk), Claim)


def test_t20_whoever_was_taken_out_before_the_click_is_refused(desk: FrontDesk) -> None:
    desk.run(roster_now(desk.office))
    members(desk, BEN)
    assert "not on the roster" in refused(desk, ADA)


def test_t09_a_group_full_of_guests_strangers_and_people_who_left_lets_none_of_them_sign(
    desk: FrontDesk,
) -> None:
    members(desk, GUS, WANDA, STELLA, DORA)
    assert "guests cannot sign" in refused(desk, GUS)
    assert "guests cannot sign" in refused(desk, WANDA)
    assert "another workspace" in refused(desk, STELLA)
    ours = desk.slack.credentials.team_id
    pretends = {"user": {"team_id": ours}, "team": {"id": ours}}
    assert "Slack did not say who this is" in refused(desk, STELLA, changes=pretends)
    assert "deactivated" in refused(desk, DORA)


def test_t11_a_program_in_the_group_signs_nothing(desk: FrontDesk) -> None:
    members(desk, ROBO, desk.slack.credentials.bot_user_id)
    assert "only people can sign" in refused(desk, ROBO)
    assert "only people can sign" in refused(desk, desk.slack.credentials.bot_user_id)


@pytest.mark.parametrize("shared", [True, False])
def test_t09_a_group_of_another_company_lets_nobody_sign(desk: FrontDesk, shared: bool) -> None:
    if shared:
        desk.slack.call(lambda: desk.slack.workspace.directory.external.add(ONCALL_GROUP))
    else:
        roster(desk, ONCALL | {"team_id": FOREIGN_TEAM})
    assert "not on the roster" in refused(desk, ADA)
    desk.person(ADA).wait_for_ephemeral("it is another workspace's")


def test_t21_another_group_with_the_handle_of_ours_is_another_group(desk: FrontDesk) -> None:
    looks = "S0LOOKALIKE"
    desk.slack.call(lambda: desk.slack.workspace.set_group(looks, MIA))
    desk.slack.call(lambda: desk.slack.workspace.directory.handles.update({looks: "oncall"}))
    assert "not on the roster" in refused(desk, MIA)


def _row(desk: FrontDesk) -> dict[str, Any]:
    with desk.ledger.read() as session:
        found = session.get_one(ChatGroupRow, (desk.slack.credentials.team_id, ONCALL_GROUP))
        return found.model_dump()


def test_t18_a_member_that_was_written_into_the_database_may_nothing(desk: FrontDesk) -> None:
    desk.run(roster_now(desk.office))
    with desk.ledger.writer.begin() as connection:
        connection.execute(text("UPDATE chat_group SET members = :who"), {"who": f"{ADA} {BEN} {MIA}"})
    assert "not on the roster" in refused(desk, MIA)
    assert _row(desk)["members"] == f"{ADA} {BEN}", "what Slack says took its place"
    assert len(desk.said(Tag.GROUP_CHANGED)) == 1, "and nobody came or left"


def test_t18_an_old_look_that_is_put_back_is_too_old_to_count(desk: FrontDesk) -> None:
    assert oncall.approve(desk.person(ADA), 10).ok
    old = _row(desk)
    now = desk.ledger.now()
    desk.ledger._clock = lambda: now + timedelta(seconds=241)
    members(desk, BEN)
    desk.run(roster_now(desk.office))
    with desk.ledger.write() as tx:
        tx.session.merge(ChatGroupRow(**old))
    assert claimed(desk) in {Objection.APPROVER_LOST_RIGHT, Objection.EXPIRED}
    with desk.ledger.read() as session:
        seen = groups.last_seen(session, desk.slack.credentials.team_id, ONCALL_GROUP)
    assert seen is not None
    assert desk.office.seal.vouches(seen), "its seal is genuine: what it lacks is youth"
    assert "not on the roster" in refused_again(desk, ADA)


def refused_again(desk: FrontDesk, who: str) -> str:
    deny = desk.click(who, "reject")
    assert desk.post(desk.forge.request(deny))[0] == 200
    return desk.said(Tag.CLICK_REFUSED)[-1]


def test_t20_when_slack_does_not_say_who_is_in_the_group_nobody_of_it_signs_and_is_told_why(
    desk: FrontDesk,
) -> None:
    desk.slack.fail(Fault(method="usergroups.list", error="missing_scope", times=None))
    assert "not on the roster" in refused(desk, ADA)
    desk.person(ADA).wait_for_ephemeral("Slack has not said lately who is in it")
    desk.slack.recover()
    assert oncall.approve(desk.person(ADA), 10).ok


def test_t20_whoever_is_listed_by_name_signs_also_when_slack_says_nothing_of_groups(desk: FrontDesk) -> None:
    roster(desk, ONCALL, {"user_id": ADA})
    desk.slack.fail(Fault(method="usergroups.list", error="fatal_error", times=None))
    assert oncall.approve(desk.person(ADA), 10).ok
    assert isinstance(claimed(desk), Claim)


def test_one_human_by_name_and_in_the_group_is_one_signature(tmp_path: Path) -> None:
    with front_desk(tmp_path, tier=3, approvals_needed=2) as desk:
        roster(
            desk, ONCALL, {"user_id": ADA, "person": "ada", "tiers": []}, {"user_id": BEN, "person": "ada"}
        )
        desk.slack.call(lambda: desk.slack.workspace.set_group(ONCALL_GROUP, ADA, BEN, MIA))
        assert oncall.approve(desk.person(ADA), 10).ok
        second = oncall.approve(desk.person(BEN), 10)
        assert "the same person signed already" in str(second.errors)
        assert oncall.approve(desk.person(MIA), 10).ok
        assert desk.state() is PlanState.APPROVED
        assert isinstance(claimed(desk), Claim)


def test_t48_a_member_who_asked_for_the_change_or_is_linked_to_who_did_cannot_sign_it(tmp_path: Path) -> None:
    with front_desk(tmp_path, requester=ADA) as desk:
        linked = [{"user_id": one, "person": "ada", "tiers": []} for one in (ADA, BEN)]
        roster(desk, ONCALL, *linked)
        for who in (ADA, BEN):
            assert "whoever asked" in refused(desk, who)


def test_a_member_sees_halts_and_quiets_what_anybody_on_the_roster_may(desk: FrontDesk) -> None:
    ben, mia = desk.person(BEN), desk.person(MIA)
    for person, words in ((ben, "Set the image of"), (mia, "1 more wait for others.")):
        assert person.open_home().ok
        person.wait_for(lambda state, words=words: words in json.dumps(state["home"]) or None)
    assert mia.slash(INCIDENTS, "/midwatch halt drill").ok
    mia.wait_for_ephemeral("not on the roster")
    assert ben.slash(INCIDENTS, "/midwatch halt drill").ok
    ben.wait_for_ephemeral("alted")
    assert len(desk.said(Tag.HALTED)) == 1


def test_the_group_is_called_as_a_whole_when_a_person_has_to_look(desk: FrontDesk) -> None:
    decisions.decide(desk.ledger, a_decision(desk.plan, desk.ledger.now()))
    held = executions.claim(desk.ledger, desk.plan.id, "actor-1", lambda _plan, _decision: True)
    assert isinstance(held, Claim)
    executions.intend(desk.ledger, held, 1, "b" * 64)
    over = held.lease_until + timedelta(seconds=executions.IN_FLIGHT_S + 1)
    desk.ledger._clock = lambda: over
    assert executions.give_up(desk.ledger, desk.plan.id, "no sign of life") is None
    executions.call_for_help(desk.ledger, desk.plan.id, "nobody can tell")
    desk.run(advance(desk.office, 1))
    (call,) = (one for one in desk.person().messages() if '"usergroup"' in json.dumps(one))
    assert ONCALL_GROUP in json.dumps(call["blocks"])
    assert f'"who":["{ONCALL_GROUP}"]' in desk.said(Tag.HUMAN_PAGED)[0]


def test_t53_a_member_is_an_approver_on_the_pages_as_long_as_the_chat_said_so_lately(desk: FrontDesk) -> None:
    team = desk.slack.credentials.team_id

    def role(user: str) -> Role | None:
        account = Account(method="slack", subject=f"{team}/{user}", name=user, ids=frozenset())
        return Roles.of(desk.settings, desk.ledger).role(account)

    assert role(ADA) is None, "nobody looked yet"
    desk.run(roster_now(desk.office))
    assert (role(ADA), role(MIA)) == (Role.APPROVER, None)
    now = desk.ledger.now()
    desk.ledger._clock = lambda: now + timedelta(seconds=241)
    assert role(ADA) is None
