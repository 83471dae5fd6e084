"""Who may sign what, as the file says it: by account, by person, by tier and by place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.incident import Approver
from agents.ledger.roster import (
    Entry,
    Roster,
    RosterError,
    RosterFile,
    Route,
    read_roster,
    roster_or_nobody,
)
from tests.support.plans import ADA, BEN, a_plan, a_step, an_alert
from tests.support.told import a_story

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LOUD = {"severity": "critical"}
SHOP = frozenset({"shop"})
STRANGER = Approver(team_id="T0OTHER", user_id=ADA.user_id)


def entry(who: Approver, **more: object) -> Entry:
    return Entry(user_id=who.user_id, team_id=who.team_id, **({"namespaces": SHOP} | more))  # type: ignore[arg-type]


def test_an_entry_covers_its_tiers_in_its_namespaces() -> None:
    one = entry(ADA, tiers={1, 2})
    both = (a_step(), a_step(namespace="pay"))
    assert one.covers(a_plan(NOW))
    assert one.covers(a_plan(NOW, tier=2))
    assert not one.covers(a_plan(NOW, tier=3))
    assert not one.covers(a_plan(NOW, steps=both))
    assert entry(ADA, namespaces={"shop", "pay"}).covers(a_plan(NOW, steps=both))
    assert entry(ADA, namespaces={"*"}).covers(a_plan(NOW, steps=both))
    assert not entry(ADA, namespaces=()).covers(a_plan(NOW))


def test_an_account_is_known_by_its_workspace_and_its_id() -> None:
    listed = Roster(
        approvers=(entry(BEN), entry(ADA, person="ada"), entry(Approver(team_id="T", user_id="U"), tiers=()))
    )
    assert (listed.human(ADA), listed.human(BEN), listed.human(STRANGER)) == (
        "ada",
        "T0OURS/U0BEN",
        "T0OTHER/U0ADA",
    )
    assert [listed.listed(who) for who in (ADA, BEN, STRANGER, Approver(team_id="T", user_id="U"))] == [
        True,
        True,
        False,
        False,
    ]
    assert [listed.may(who, a_plan(NOW)) for who in (ADA, BEN, STRANGER)] == [True, True, False]
    assert [one.words for one in listed.signers(a_plan(NOW))] == ["U0BEN", "U0ADA"]
    assert listed.signers(a_plan(NOW, tier=3)) == ()


def test_whoever_asked_for_a_plan_did_so_through_any_of_their_accounts() -> None:
    other = Approver(team_id="T0OURS", user_id="U0ADA2")
    listed = Roster(approvers=(entry(ADA, person="ada"), entry(other, person="ada"), entry(BEN)))
    asked = a_plan(NOW, requester="U0ADA2")
    assert [listed.asked(who, asked) for who in (ADA, other, BEN)] == [True, True, False]
    assert Roster().asked(BEN, a_plan(NOW, requester="U0BEN")), "also who is not listed"
    assert not Roster().asked(BEN, a_plan(NOW))


def test_nobody_is_listed_twice() -> None:
    with pytest.raises(ValueError, match="somebody is listed twice"):
        RosterFile(approvers=(entry(ADA), entry(ADA, person="ada")))
    assert len(RosterFile(approvers=(entry(ADA), entry(STRANGER))).people) == 2


@pytest.mark.parametrize("text", ["approvers: [", "approvers: [{user_id: U1}]", "people: []", "\udcff"])
def test_a_file_with_anything_wrong_lets_nobody_sign(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RosterError, match=f"^the roster {path} cannot be used: "):
        read_roster(path)
    assert roster_or_nobody(path) == RosterFile()
    assert roster_or_nobody(tmp_path / "none.yaml") == RosterFile()


def test_a_slip_in_the_file_is_told_without_the_words_of_a_library(tmp_path: Path) -> None:
    path = tmp_path / "roster.yaml"
    path.write_text("approvers: [{user: U1}]")
    with pytest.raises(RosterError) as slip:
        read_roster(path)
    told = str(slip.value).removeprefix(f"the roster {path} cannot be used: ").split("; ")
    assert "approvers.0.person.team_id: Field required" in told
    assert "approvers.0.person.user: unknown key" in told
    assert "pydantic" not in str(slip.value)


def test_a_file_says_who_in_any_language_and_an_empty_one_says_nobody(tmp_path: Path) -> None:
    path = tmp_path / "roster.yaml"
    path.write_text("approvers: [{user_id: U1, team_id: T1, name: Zoë}]\n", encoding="utf-8")
    (one,) = read_roster(path).people
    assert (one.name, one.tiers, one.namespaces) == ("Zoë", frozenset({1}), frozenset())
    path.write_text("")
    assert read_roster(path) == RosterFile()


@pytest.mark.parametrize(
    ("labels", "goes"),
    [
        ({"team": "payments", "severity": "warning"}, "C0PAY"),
        ({"team": "payments", "severity": "critical"}, "C0PAY"),
        ({"team": "search", "severity": "critical"}, "C0LOUD"),
        ({"team": "search"}, None),
        ({}, None),
    ],
)
def test_the_first_route_whose_labels_all_alerts_have_takes_the_card(
    labels: dict[str, str], goes: str | None
) -> None:
    routes = (Route(channel="C0PAY", labels={"team": "payments"}), Route(channel="C0LOUD", labels=LOUD))
    roster = RosterFile(channels=routes)
    alone = a_story().incident.model_copy(update={"alerts": (an_alert(NOW, labels=labels),)})
    assert roster.channel_of(alone) == goes
    mixed = alone.model_copy(update={"alerts": (*alone.alerts, an_alert(NOW, labels={"x": "y"}))})
    assert roster.channel_of(mixed) is None
    assert roster.channel_of(alone.model_copy(update={"alerts": ()})) is None
