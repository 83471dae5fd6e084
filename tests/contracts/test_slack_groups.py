"""User groups with the real client: as the pretend Slack tells them, and what the gatekeeper makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.errors import SlackApiError

from agents.gatekeeper import attendance
from agents.gatekeeper.attendance import keep_up, roster_now
from agents.incident import Approver
from agents.ledger import groups
from agents.ledger.accounts import CLICK_MAY_RELY_ON, MOST_MEMBERS, Flaw, SeenGroup
from agents.ledger.roster import Group, Roster
from agents.ledger.tags import Tag
from evals.world.slack import SlackServer
from evals.world.slack.faults import Fault
from evals.world.slack.options import DEFAULT_SCOPES
from evals.world.slack.people import ADA, BEN, DORA, FOREIGN_TEAM, MIA, ONCALL_GROUP
from midwatch.check_result import Result
from midwatch.check_slack import slack as check
from tests.contracts import test_slack_desk
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_desk import Desk
from tests.support.front_desk import settings_for
from tests.support.kubernetes_world import eventually
from tests.support.patience import patient
from tests.support.slack_world import web_client

at = test_slack_desk.at
OTHERS = "S0OTHERS001"
PATIENT_S = 20.0
"""A busy machine is no answer of Slack's."""
METHODS = ("usergroups.list", "usergroups.users.list")


@pytest.fixture(scope="module")
def running() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


@pytest.fixture
def slack(running: SlackServer) -> Iterator[SlackServer]:
    """One workspace for all tests here; each leaves its groups as it found them."""
    yield running
    found = running.workspace.directory
    running.recover()
    running.call(lambda: (found.groups.clear(), found.disabled.clear(), found.external.clear()))
    running.call(lambda: running.workspace.set_group(ONCALL_GROUP, ADA, BEN))


def listed(at: Desk, *entries: dict[str, Any]) -> None:
    """A roster of these; without any, of the on-call group alone."""
    team = {"team_id": at.office.home.team_id, "tiers": [1, 2, 3], "namespaces": ["*"]}
    wanted = entries or ({"group": ONCALL_GROUP},)
    text = yaml.safe_dump({"approvers": [team | one for one in wanted]})
    at.office.roster_file.write_text(text, encoding="utf-8")
    at.office.click_waits_s = PATIENT_S


def now(at: Desk) -> Roster:
    return asyncio.run(roster_now(at.office))


def signs(at: Desk, user: str, roster: Roster) -> bool:
    return roster.may(Approver(team_id=at.office.home.team_id, user_id=user), at.plan)


def asked(at: Desk) -> list[str]:
    """What was asked about groups since this was called last."""
    found = [call.method for call in at.slack.calls if call.method in METHODS]
    at.slack.call(at.slack.workspace.journal.calls.clear)
    return found


def seen(at: Desk, group: str = ONCALL_GROUP, team: str = "") -> SeenGroup | None:
    with at.ledger.read() as session:
        return groups.last_seen(session, team or at.office.home.team_id, group)


async def test_a_group_has_every_field_that_slack_gives_it(slack: SlackServer) -> None:
    client = web_client(slack)
    (group,) = (await client.usergroups_list(include_count=True))["usergroups"]
    assert {key: group[key] for key in ("id", "team_id", "handle", "is_usergroup", "is_external")} == {
        "id": ONCALL_GROUP,
        "team_id": slack.credentials.team_id,
        "handle": "oncall",
        "is_usergroup": True,
        "is_external": False,
    }
    assert (group["date_delete"], group["deleted_by"], group["user_count"]) == (0, None, 2)
    assert 0 < group["date_create"] <= group["date_update"]
    assert group["prefs"] == {"channels": [], "groups": []}


async def test_a_disabled_group_is_told_only_to_who_asks_for_those(slack: SlackServer) -> None:
    client = web_client(slack)
    slack.call(lambda: slack.workspace.directory.disabled.add(ONCALL_GROUP))
    assert (await client.usergroups_list())["usergroups"] == []
    (group,) = (await client.usergroups_list(include_disabled=True))["usergroups"]
    assert (group["date_delete"] > 0, group["deleted_by"]) == (True, ADA)
    with pytest.raises(SlackApiError, match="no_such_subteam"):
        await client.usergroups_users_list(usergroup=ONCALL_GROUP)
    told = await client.usergroups_users_list(usergroup=ONCALL_GROUP, include_disabled=True)
    assert told["users"] == [ADA, BEN]


async def test_groups_need_their_scope_and_a_limit_says_how_long_to_wait() -> None:
    with SlackServer(patient(scopes=DEFAULT_SCOPES - {"usergroups:read"})) as slack:
        client = web_client(slack)
        for ask in (client.usergroups_list(), client.usergroups_users_list(usergroup=ONCALL_GROUP)):
            with pytest.raises(SlackApiError, match="missing_scope"):
                await ask
    with SlackServer(patient()) as slack:
        slack.fail(Fault(method="usergroups.list", status=429, retry_after_s=7))
        with pytest.raises(SlackApiError) as refused:
            await web_client(slack).usergroups_list()
        assert refused.value.response.headers["Retry-After"] == "7"


def test_whoever_is_in_the_group_may_sign_and_slack_is_asked_once_for_all_that_click(at: Desk) -> None:
    listed(at)
    asked(at)
    assert [signs(at, user, now(at)) for user in (ADA, BEN, MIA)] == [True, True, False]
    assert asked(at) == list(METHODS)
    found = seen(at)
    assert found is not None
    assert (found.members, found.handle, at.office.seal.vouches(found)) == ((ADA, BEN), "oncall", True)


def test_slack_is_asked_again_before_what_it_said_is_a_minute_old(at: Desk, clock: HandClock) -> None:
    listed(at)
    assert signs(at, BEN, now(at))
    at.slack.call(lambda: at.slack.workspace.set_group(ONCALL_GROUP, ADA))
    asked(at)
    clock.forward(attendance.YOUNG.total_seconds())
    assert signs(at, BEN, now(at))
    assert asked(at) == []
    clock.forward(1)
    assert attendance.YOUNG + timedelta(seconds=1) < CLICK_MAY_RELY_ON
    assert not signs(at, BEN, now(at))
    assert [(body["came"], body["left"]) for _, body, *_ in record(at.ledger, Tag.GROUP_CHANGED)] == [
        ([ADA, BEN], []),
        ([], [BEN]),
    ]


def test_a_roster_without_groups_asks_nothing(at: Desk) -> None:
    listed(at, {"user_id": ADA})
    asked(at)
    assert signs(at, ADA, now(at))
    assert asked(at) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="usergroups.list", error="fatal_error"),
        Fault(method="usergroups.users.list", error="plan_upgrade_required"),
        Fault(method="usergroups.list", status=503),
        Fault(method="usergroups.users.list", lost="answer"),
        Fault(method="usergroups.list", status=429, retry_after_s=30),
    ],
)
def test_when_slack_does_not_say_what_was_seen_before_counts_for_its_minute(
    at: Desk, clock: HandClock, fault: Fault
) -> None:
    listed(at)
    assert signs(at, ADA, now(at))
    at.office.click_waits_s = 0.5 if fault.status == 429 else PATIENT_S
    clock.forward(CLICK_MAY_RELY_ON.total_seconds())
    at.slack.fail(fault)
    assert signs(at, ADA, now(at))
    clock.forward(1)
    at.slack.fail(fault)
    roster = now(at)
    at.slack.recover()
    at.office.click_waits_s = PATIENT_S
    assert not signs(at, ADA, roster)
    assert "Slack has not said lately" in roster.signers(at.plan)[0].words
    assert signs(at, ADA, now(at)), "and the next click may count again"


def test_a_group_that_slack_does_not_tell_of_leaves_the_others_known(at: Desk) -> None:
    at.slack.call(lambda: at.slack.workspace.set_group(OTHERS, MIA))
    listed(at, {"group": ONCALL_GROUP}, {"group": OTHERS, "tiers": [1]}, {"group": OTHERS, "tiers": [2]})
    at.slack.fail(Fault(method="usergroups.users.list", error="fatal_error"))
    asked(at)
    first = now(at)
    assert [signs(at, user, first) for user in (ADA, MIA)] in ([False, True], [True, False])
    assert asked(at) == [METHODS[0], METHODS[1], METHODS[1]], "a group named twice is asked for once"
    assert [signs(at, user, now(at)) for user in (ADA, MIA)] == [True, True]


def disabled(slack: SlackServer) -> None:
    slack.workspace.directory.disabled.add(ONCALL_GROUP)


def external(slack: SlackServer) -> None:
    slack.workspace.directory.external.add(ONCALL_GROUP)


def deleted(slack: SlackServer) -> None:
    del slack.workspace.directory.groups[ONCALL_GROUP]


def crowded(slack: SlackServer) -> None:
    slack.workspace.set_group(ONCALL_GROUP, ADA, *(f"U{n}" for n in range(MOST_MEMBERS)))


def empty(slack: SlackServer) -> None:
    slack.workspace.set_group(ONCALL_GROUP)


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [
        (disabled, Flaw.DISABLED),
        (external, Flaw.FOREIGN),
        (deleted, Flaw.GONE),
        (crowded, Flaw.CROWD),
        (empty, Flaw.NONE),
    ],
)
def test_a_group_that_is_none_to_go_by_gives_nobody_a_right_and_says_why(
    at: Desk, clock: HandClock, spoil: Any, flaw: Flaw
) -> None:
    listed(at)
    assert signs(at, ADA, now(at))
    at.slack.call(lambda: spoil(at.slack))
    clock.forward(attendance.YOUNG.total_seconds() + 1)
    roster = now(at)
    assert not signs(at, ADA, roster)
    assert (flaw or "nobody is in it") in roster.signers(at.plan)[0].words
    told = record(at.ledger, Tag.GROUP_CHANGED)[-1][1]
    assert (told["group"], told["came"], told["left"], told["flaw"]) == (ONCALL_GROUP, [], [ADA, BEN], flaw)


@pytest.mark.parametrize(
    ("ours", "differs", "flaw"),
    [
        (True, {}, Flaw.NONE),
        (True, {"date_delete": 1_795_800_000}, Flaw.DISABLED),
        (True, {"date_delete": None}, Flaw.DISABLED),
        (True, {"is_external": True}, Flaw.FOREIGN),
        (True, {"is_external": None}, Flaw.FOREIGN),
        (True, {"team_id": FOREIGN_TEAM}, Flaw.FOREIGN),
        (True, {"team_id": None}, Flaw.FOREIGN),
        (False, {"team_id": FOREIGN_TEAM}, Flaw.FOREIGN),
        (False, {}, Flaw.FOREIGN),
    ],
)
def test_what_is_odd_in_slacks_list_is_read_as_the_worst(
    at: Desk, ours: bool, differs: dict[str, Any], flaw: Flaw
) -> None:
    home = at.office.home.team_id
    said = {"id": ONCALL_GROUP, "team_id": home, "is_external": False, "date_delete": 0} | differs
    group = Group(group=ONCALL_GROUP, team_id=home if ours else FOREIGN_TEAM)
    assert attendance._flaw(at.office, group, said) is flaw


def test_a_group_of_another_workspace_is_not_asked_for(at: Desk) -> None:
    listed(at, {"group": ONCALL_GROUP, "team_id": FOREIGN_TEAM})
    asked(at)
    roster = now(at)
    assert not roster.members
    assert asked(at) == ["usergroups.list"]
    found = seen(at, team=FOREIGN_TEAM)
    assert found is not None
    assert found.flaw is Flaw.FOREIGN


def test_whoever_is_deactivated_is_out_of_the_group(at: Desk) -> None:
    at.slack.call(lambda: at.slack.workspace.set_group(ONCALL_GROUP, ADA, DORA))
    listed(at)
    assert [entry.user_id for entry in now(at).members] == [ADA]


async def test_the_groups_are_looked_at_again_and_again_also_after_trouble(
    at: Desk, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "LOOK_EVERY", timedelta(milliseconds=1))
    listed(at)
    at.slack.fail(Fault(method="usergroups.list", error="fatal_error"))
    stop = asyncio.Event()
    running = asyncio.create_task(keep_up(at.office, stop))
    try:
        await asyncio.to_thread(eventually, lambda: seen(at) is not None)
        first = seen(at)
        clock.forward(attendance.YOUNG.total_seconds() + 1)
        await asyncio.to_thread(eventually, lambda: seen(at) != first)
    finally:
        stop.set()
        await running
    found = seen(at)
    assert found is not None
    assert (found.members, found.at) == ((ADA, BEN), clock())


def checked(folder: Path, slack: SlackServer, *entries: dict[str, Any]) -> dict[str, str]:
    """What the check says of scopes and groups; ``fine`` where nothing is wrong."""
    settings = settings_for(slack, folder, "socket")
    team = {"team_id": slack.credentials.team_id}
    text = yaml.safe_dump({"approvers": [team | one for one in entries]})
    (folder / "roster.yaml").write_text(text, encoding="utf-8")
    found: list[Result] = asyncio.run(check(settings))
    told = [one for one in found if one.what.startswith(("slack group", "slack scopes"))]
    return {one.what: f"{'fine: ' if one.ok else ''}{one.says}" for one in told}


FINE = {"slack scopes": "fine: all that are used are there"}


def test_the_check_tells_of_each_group_whether_anybody_may_sign_by_it(
    tmp_path: Path, slack: SlackServer
) -> None:
    slack.call(lambda: slack.workspace.set_group(OTHERS))
    wanted = ({"group": ONCALL_GROUP}, {"group": OTHERS}, {"group": "S0NONE"})
    assert checked(tmp_path, slack, *wanted) == FINE | {
        "slack group @oncall": "fine: accounts in it: 2",
        f"slack group @{OTHERS.lower()}": "nobody is in it, so nobody may sign by it",
        "slack group S0NONE": "there is no such group, so nobody may sign by it: is S0NONE its id?",
    }
    slack.fail(Fault(method="usergroups.users.list", error="fatal_error"))
    unsaid = {"slack groups": "usergroups.users.list: fatal_error"}
    assert checked(tmp_path, slack, {"group": ONCALL_GROUP}) == FINE | unsaid


def test_the_check_asks_for_the_scope_of_groups_only_where_the_roster_names_one(tmp_path: Path) -> None:
    with SlackServer(patient(scopes=DEFAULT_SCOPES - {"usergroups:read"})) as slack:
        assert checked(tmp_path, slack, {"user_id": ADA}) == FINE
        bad = checked(tmp_path, slack, {"group": ONCALL_GROUP})
    assert "missing: usergroups:read;" in bad["slack scopes"]
    assert "missing_scope" in bad["slack groups"]
