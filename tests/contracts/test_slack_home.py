"""The App Home and ``/midwatch incident`` in the pretend Slack: each person sees what is theirs to see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.incident import Approver
from agents.ledger import brake, moves
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.waiting import asking, decided_by
from evals.world.slack.people import ADA, BEN, GUS, INCIDENTS, MIA
from tests.contracts.test_ledger_hidden import bend
from tests.support.front_desk import FrontDesk, front_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    with front_desk(tmp_path_factory.mktemp("home"), requester=BEN) as opened:
        yield opened


def home(desk: FrontDesk, who: str, words: str) -> str:
    """The person's home, once it says this."""
    person = desk.person(who)
    assert person.open_home().ok
    return json.dumps(person.wait_for(lambda state: _with(words, state["home"])))


def _with(words: str, found: object) -> object | None:
    return found if words in json.dumps(found) else None


def told(desk: FrontDesk, who: str, text: str, words: str) -> str:
    person = desk.person(who)
    assert person.slash(INCIDENTS, f"/midwatch {text}").ok
    return json.dumps(person.wait_for_ephemeral(words))


def test_whoever_may_sign_sees_what_waits_with_a_link(desk: FrontDesk) -> None:
    shown = home(desk, ADA, "Waits for your signature")
    assert f"{desk.office.public_url}/incidents/1" in shown
    assert "Set the image of" in shown
    assert "on watch" in shown


@pytest.mark.parametrize("who", [BEN, MIA])
def test_whoever_asked_for_it_or_may_not_sign_sees_only_that_others_are_waited_for(
    desk: FrontDesk, who: str
) -> None:
    shown = home(desk, who, "1 more wait for others.")
    assert "Set the image of" not in shown


def test_a_guest_is_shown_nothing(desk: FrontDesk) -> None:
    before = len(desk.slack.calls)
    assert desk.person(GUS).open_home().ok
    told(desk, GUS, "incident 1", f"Not told: {Refusal.GUEST.value}.")
    assert "views.publish" not in [call.method for call in desk.slack.calls[before:]]


def test_an_incident_is_told_in_a_few_lines_with_its_page(desk: FrontDesk) -> None:
    for named in ("incident INC-1", "incident 1", "incident inc-1"):
        assert f"{desk.office.public_url}/incidents/1" in told(desk, MIA, named, "INC-1 KubePodNotReady")


@pytest.mark.parametrize(
    "named", ["incident", "incident 99", "incident 0", "incident <!channel>", "incident 1; drop"]
)
def test_an_incident_that_is_none_is_answered_with_how_to_ask(desk: FrontDesk, named: str) -> None:
    shown = told(desk, MIA, named, "Say its number: `incident INC-7`.")
    assert "<!channel>" not in shown
    assert ("There is no incident" in shown) is (named != "incident")


def test_what_was_decided_and_a_halt_are_seen_there(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        ada = desk.person()
        assert ada.click(ada.wait_for_button("approve")).ok
        brake.halt(desk.ledger, desk.office.halt_file, ("U0BEN in Slack", "a drill"))
        shown = home(desk, ADA, "approve: plan")
        assert PlanState.APPROVED.value in shown
        assert "a drill" in shown
        who = Approver(team_id=desk.office.home.team_id, user_id=ADA)
        with desk.ledger.read() as session:
            assert [one.plan_id for one in decided_by(session, who, 5)] == [desk.plan.id]
            assert asking(session) == []


def test_where_a_signature_does_not_hold_any_more_the_others_are_waited_for(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        ada = desk.person()
        assert ada.click(ada.wait_for_button("approve")).ok
        with desk.ledger.write() as tx:
            found = moves.standing(tx.session, desk.plan.id)
            assert isinstance(found, moves.Standing)
            moves.hinder(tx, found, Objection.APPROVER_LOST_RIGHT.value)
        begins = found.proposal.state_at + timedelta(seconds=desk.plan.claim_within_s)
        shown = home(desk, BEN, f"until {begins:%H:%M} UTC")
        assert "Set the image of" in shown
        # Whoever signed it already cannot give the next signature.
        assert "Set the image of" not in home(desk, ADA, "1 more wait for others.")


def test_a_bent_plan_waits_for_nobody(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        bend(desk.ledger, "UPDATE plan SET canonical = x'7b7d'")
        with desk.ledger.read() as session:
            assert asking(session) == []
