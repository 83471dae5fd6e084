"""User groups in the roster: who gets which right by them, and who is named and called for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gatekeeper.paging import pages
from agents.incident import Approver
from agents.ledger.accounts import Flaw, SeenGroup
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import Entry, Group, Mention, RosterError, RosterFile, read_roster
from agents.ledger.story import PlanView
from tests.support.plans import ADA, BEN, a_plan, a_step
from tests.support.told import a_story, a_view

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TEAM, ONCALL = "T0OURS", "S0ONCALL"
SHOP = frozenset({"shop"})


def group(**changes: object) -> Group:
    values: dict[str, object] = {"group": ONCALL, "team_id": TEAM, "namespaces": SHOP}
    return Group(**(values | changes))  # type: ignore[arg-type]


def look(*members: str, **changes: object) -> SeenGroup:
    values: dict[str, object] = {"team_id": TEAM, "group": ONCALL, "handle": "oncall", "at": NOW}
    return SeenGroup(**(values | {"members": members} | changes))  # type: ignore[arg-type]


def test_whoever_is_in_a_group_may_sign_what_its_entry_covers_and_nothing_else() -> None:
    roster = RosterFile(approvers=(group(tiers={1, 2}),)).with_members([look(ADA.user_id)])
    assert [roster.may(who, a_plan(NOW)) for who in (ADA, BEN)] == [True, False]
    assert [roster.may(ADA, a_plan(NOW, tier=tier)) for tier in (2, 3)] == [True, False]
    assert not roster.may(ADA, a_plan(NOW, steps=(a_step(namespace="bank"),)))
    assert not roster.may(Approver(team_id="T0OTHER", user_id=ADA.user_id), a_plan(NOW))
    assert [roster.listed(who) for who in (ADA, BEN)] == [True, False]


def test_a_group_nobody_looked_at_gives_nobody_a_right() -> None:
    file = RosterFile(approvers=(group(),))
    other = look(ADA.user_id, group="S0OTHERS"), look(ADA.user_id, team_id="T0OTHER")
    for looks in ((), other):
        roster = file.with_members(looks)
        assert not roster.may(ADA, a_plan(NOW))
        assert not roster.listed(ADA)


@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw])
def test_a_flawed_group_gives_nobody_a_right_whoever_is_in_it(flaw: Flaw) -> None:
    roster = RosterFile(approvers=(group(),)).with_members([look(ADA.user_id, flaw=flaw)])
    assert not roster.may(ADA, a_plan(NOW))
    assert [one.words for one in roster.signers(a_plan(NOW))] == [f"@oncall ({flaw})"]


def test_rights_add_up_and_no_two_entries_make_one_that_covers_more() -> None:
    own = Entry(user_id=ADA.user_id, team_id=TEAM, tiers=frozenset({1}), namespaces=frozenset({"bank"}))
    more = group(tiers={2}, namespaces={"*"})
    roster = RosterFile(approvers=(own, group(), more)).with_members([look(ADA.user_id)])
    bank = (a_step(namespace="bank"),)
    assert roster.may(ADA, a_plan(NOW))
    assert roster.may(ADA, a_plan(NOW, steps=bank))
    assert roster.may(ADA, a_plan(NOW, tier=2, steps=bank))
    assert not roster.may(ADA, a_plan(NOW, steps=(a_step(), a_step(namespace="bank"))))


def test_a_member_is_the_human_that_their_own_entry_names() -> None:
    none: frozenset[int] = frozenset()
    people = [Entry(user_id=who.user_id, team_id=TEAM, tiers=none, person="ada") for who in (ADA, BEN)]
    roster = RosterFile(approvers=(group(), *people)).with_members([look(BEN.user_id, "U0MIA")])
    mia = Approver(team_id=TEAM, user_id="U0MIA")
    assert [roster.human(who) for who in (ADA, BEN, mia)] == ["ada", "ada", "T0OURS/U0MIA"]
    plan = a_plan(NOW, requester=ADA.user_id)
    assert [roster.asked(who, plan) for who in (ADA, BEN, mia)] == [True, True, False]
    assert [roster.may(who, plan) for who in (ADA, BEN, mia)] == [False, True, True]


USERS = [f"U{n}" for n in range(4)]
RIGHTS = st.fixed_dictionaries(
    {
        "tiers": st.frozensets(st.sampled_from([1, 2, 3])),
        "namespaces": st.frozensets(st.sampled_from(["shop", "bank", "*"])),
    }
)
PEOPLE = st.dictionaries(st.sampled_from(USERS), st.tuples(RIGHTS, st.sampled_from(["", "ada", "ben"])))
GROUPS = st.lists(
    st.tuples(st.sampled_from(["S01", "S02"]), st.sampled_from(["T1", "T2"]), RIGHTS), max_size=4
)
LOOKS = st.lists(
    st.builds(
        SeenGroup,
        team_id=st.sampled_from(["T1", "T2"]),
        group=st.sampled_from(["S01", "S02"]),
        handle=st.just("g"),
        members=st.lists(st.sampled_from(USERS), unique=True).map(tuple),
        flaw=st.sampled_from([Flaw.NONE, Flaw.NONE, Flaw.DISABLED]),
        at=st.just(NOW),
    ),
    unique_by=lambda one: (one.team_id, one.group),
)


@settings(max_examples=60, deadline=None)
@given(PEOPLE, GROUPS, LOOKS, st.sampled_from([1, 2, 3]), st.sampled_from(USERS))
def test_over_all_rosters_a_right_comes_from_an_entry_or_from_a_good_look_at_its_group(
    people: dict[str, tuple[dict[str, frozenset[str]], str]],
    groups: list[tuple[str, str, dict[str, frozenset[str]]]],
    looks: list[SeenGroup],
    tier: int,
    requester: str,
) -> None:
    listed = {
        user: Entry(user_id=user, team_id="T1", person=person, **rights)  # type: ignore[arg-type]
        for user, (rights, person) in people.items()
    }
    named = [Group(group=name, team_id=team, **rights) for name, team, rights in groups]  # type: ignore[arg-type]
    roster = RosterFile(approvers=(*named, *listed.values())).with_members(looks)
    plan = a_plan(NOW, tier=tier, requester=requester)
    for team in ("T1", "T2"):
        inside = {
            user: [
                one
                for one in named
                for seen in looks
                if one.team_id == seen.team_id == team and one.group == seen.group
                if user in seen.members and not seen.flaw
            ]
            for user in USERS
        }
        for user in USERS:
            who, own = Approver(team_id=team, user_id=user), listed.get(user) if team == "T1" else None
            entries = [*inside[user], *([own] if own else [])]
            assert roster.may(who, plan) is any(entry.covers(plan) for entry in entries)
            assert roster.listed(who) is any(entry.tiers for entry in entries)
            assert roster.human(who) == (own.human if own else f"{team}/{user}")
            _asked(roster.asked(who, plan), who, requester, listed)


def _asked(found: bool, who: Approver, requester: str, listed: dict[str, Entry]) -> None:
    own, other = listed.get(who.user_id), listed.get(requester)
    linked = who.team_id == "T1" and own and other and own.person and own.person == other.person
    if who.user_id == requester or linked:
        assert found
    else:
        assert not found


def test_a_group_is_named_by_its_handle_with_why_nobody_of_it_may_sign() -> None:
    ben = Entry(user_id="U0BEN", team_id=TEAM, name="Ben", namespaces=SHOP)
    file = RosterFile(approvers=(ben, group(name="The night shift"), group(group="S0ADMINS")))
    plan = a_plan(NOW)

    def named(*looks: SeenGroup) -> list[str]:
        return [one.words for one in file.with_members(looks).signers(plan)]

    unsaid = "(Slack has not said lately who is in it)"
    assert named() == [f"The night shift {unsaid}", f"S0ADMINS {unsaid}", "Ben"]
    assert named(look("U1"), look(group="S0ADMINS", handle="admins")) == [
        "@oncall",
        "@admins (nobody is in it)",
        "Ben",
    ]
    gone = look(handle="", flaw=Flaw.GONE)
    assert named(gone)[0] == f"The night shift ({Flaw.GONE})"
    assert "\u202e" not in named(look("U1", handle="on\u202ecall"))[0], "a handle is a stranger's text"


def called(file: RosterFile, *looks: SeenGroup) -> tuple[tuple[str, str], ...]:
    lost = a_story(a_view(PlanState.UNKNOWN, obstacle="no answer"))
    (page,) = pages(lost, file.with_members(looks))
    return page.who


def test_a_group_is_called_as_one_before_people_and_not_when_nobody_would_hear_it() -> None:
    ben = Entry(user_id="U0BEN", team_id=TEAM, namespaces=SHOP)
    far = Entry(user_id="U0FAR", team_id=TEAM)
    file = RosterFile(approvers=(ben, far, group(), group(group="S0ADMINS", tiers=())))
    assert called(file, look("U1", "U2")) == (("usergroup", ONCALL), ("user", "U0BEN"))
    assert called(file, look()) == (("user", "U0BEN"),)
    assert called(file) == (("user", "U0BEN"),)
    alone = RosterFile(approvers=(far, group(), group(group="S0ADMINS", tiers=())))
    assert called(alone) == (("usergroup", ONCALL), ("user", "U0FAR")), "better one too many than nobody"


def test_whoever_is_to_be_woken_is_called_when_a_signature_is_wanted_and_nobody_else() -> None:
    ben = Entry(user_id="U0BEN", team_id=TEAM, namespaces=SHOP, wake=True)
    mia = Entry(user_id="U0MIA", team_id=TEAM, namespaces=SHOP)
    far = Entry(user_id="U0FAR", team_id=TEAM, wake=True)
    file = RosterFile(approvers=(mia, ben, far, group(wake=True), group(group="S0QUIET")))
    oncall, lost = ("usergroup", ONCALL), Objection.APPROVER_LOST_RIGHT.value

    def woken(view: PlanView, *looks: SeenGroup) -> list[tuple[str, tuple[Mention, ...]]]:
        made = pages(a_story(view), file.with_members(looks))
        return [(page.key.rpartition("-")[2], page.who) for page in made]

    waits, again = a_view(PlanState.PENDING), a_view(PlanState.APPROVED, obstacle=lost)
    assert woken(waits, look("U1")) == [("waits", (oncall, ben.mention))]
    assert woken(again, look("U1")) == [("again", (oncall, ben.mention))]
    assert woken(waits) == [("waits", (oncall, ben.mention))], "they may be there all the same"
    assert woken(waits, look()) == [("waits", (ben.mention,))]
    held = a_view(PlanState.APPROVED, obstacle=Objection.HALTED.value)
    for view in (a_view(PlanState.APPROVED), held, a_view(PlanState.DRAFT), a_view(PlanState.DENIED)):
        assert woken(view, look("U1")) == []
    (page,) = pages(a_story(waits), file.with_members(()))
    assert page.why == f"a change waits for a signature until {waits.plan.pending_until:%H:%M} UTC"
    quiet = RosterFile(approvers=(mia, group())).with_members([look("U1")])
    assert pages(a_story(waits), quiet) == []


def test_a_file_may_name_a_group_more_than_once_and_a_person_only_once(tmp_path: Path) -> None:
    path = tmp_path / "roster.yaml"
    line = "{group: S0ONCALL, team_id: T0OURS, tiers: [%s]}"
    path.write_text(f"approvers: [{line % 1}, {line % 2}, {{user_id: U1, team_id: T0OURS}}]")
    found = read_roster(path)
    assert [one.tiers for one in found.groups] == [frozenset({1}), frozenset({2})]
    assert [one.user_id for one in found.people] == ["U1"]


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("{group: oncall, team_id: T1}", "approvers.0.group.group"),
        ("{group: S0ONCALL}", "approvers.0.group.team_id"),
        ("{group: S0ONCALL, team_id: T1, user_id: U1}", "approvers.0.group.user_id"),
        ("{group: S0ONCALL, team_id: T1, person: ada}", "approvers.0.group.person"),
        ('{group: "S0ONCALL\\n", team_id: T1}', "approvers.0.group.group"),
        ("{group: null, user_id: U1, team_id: T1}", "approvers.0.person.group"),
        ("{group: S0ONCALL, team_id: T1, tiers: [4]}", "approvers.0.group.tiers.0"),
    ],
)
def test_a_group_that_is_misspelt_is_told_where_and_lets_nobody_sign(
    tmp_path: Path, entry: str, what: str
) -> None:
    path = tmp_path / "roster.yaml"
    path.write_text(f"approvers: [{entry}]", encoding="utf-8")
    with pytest.raises(RosterError, match=f"(: |; ){re.escape(what)}: "):
        read_roster(path)
