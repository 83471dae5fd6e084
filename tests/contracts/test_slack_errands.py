"""``/midwatch analyze NAMESPACE``: typed in the chat, done by the investigator, told to whoever asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import select

from agents.auditor.verify import verify
from agents.gatekeeper import commands
from agents.gatekeeper.errands import surveyed, tell
from agents.gatekeeper.office import Office
from agents.incident import Approver
from agents.investigator.errands import run
from agents.ledger import errands
from agents.ledger.errands import AN_HOUR, GIVEN_UP_AFTER, TO_DO, TO_TELL, TOGETHER, Errand, Surveyed
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from evals.world.slack import Person
from evals.world.slack.people import ADA, BEN, INCIDENTS, MIA
from midwatch.wiring import office_of
from tests.support.datacentre import data_centre, wait_until
from tests.support.front_desk import settings_for
from tests.support.watch import Watch, watch_in
from tools.slack import Slack, SlackUnreachable


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        running.break_it()
        yield running


@dataclass(kw_only=True)
class Errands:
    """A gatekeeper and an investigator over one ledger; each call is a process of its own to the other."""

    watch: Watch
    office: Office

    def types(self, text: str, who: str = ADA, channel: str = INCIDENTS) -> str:
        home = self.office.home
        body = {"user_id": who, "team_id": home.team_id, "api_app_id": home.app_id, "channel_id": channel}
        # A clock of its own: what Slack says of an account is a minute old at most.
        return asyncio.run(commands.answer(fresh(self.office), body | {"text": text}))

    def does(self, number: int = 1) -> None:
        asyncio.run(run(self.watch.box, number))

    def tells(self, number: int = 1) -> None:
        asyncio.run(tell(fresh(self.office), number))

    def wish(self, number: int = 1) -> Errand:
        with self.watch.ledger.read() as session:
            found = errands.errand(session, number)
        assert found is not None
        return found

    def jobs(self) -> list[tuple[str, int]]:
        return [(job.lane, job.incident) for job in self.watch.woken]

    def notes(self, who: str = ADA) -> str:
        return json.dumps(Person(self.watch.centre.slack.page_url, who).ephemerals())


def fresh(office: Office) -> Office:
    """The same office with a client of the loop that runs now."""
    token = office.slack.client.token
    return replace(office, slack=Slack.open(str(token), office.slack.client.base_url))


@pytest.fixture
def at(centre: DataCentre, tmp_path: Path) -> Iterator[Errands]:
    with watch_in(centre, tmp_path) as watch:
        settings = settings_for(centre.slack, tmp_path, "socket")
        office = asyncio.run(office_of(settings, watch.ledger))
        yield Errands(watch=watch, office=office)


def test_a_namespace_is_looked_at_and_its_person_is_told(at: Errands) -> None:
    wait_until(lambda: at.watch.pulls_fail)
    before = len(at.watch.centre.kubernetes.effects.all())
    assert at.types("analyze shop") == (
        "Looking at shop. Only you will see what is found, here, in a moment; nothing is changed."
    )
    assert at.jobs() == [(TO_DO, 1)]
    at.does()
    assert at.jobs() == [(TO_DO, 1), (TO_TELL, 1)]
    found = Surveyed.model_validate(at.wish().answer)
    assert found.causes
    assert any("checkout" in line for line in found.findings)
    assert found.not_checked
    at.tells()
    notes = at.notes()
    assert found.causes[0].split()[0] in notes
    assert "Causes in shop" in notes
    assert "Could not be checked" in notes
    assert at.wish().told
    assert len(at.watch.centre.kubernetes.effects.all()) == before
    assert verify(at.watch.ledger).ok


def test_what_was_asked_for_and_done_is_in_the_record(at: Errands) -> None:
    at.types("analyze shop")
    at.does()
    with at.watch.ledger.read() as session:
        tags = (Tag.ERRAND_ASKED.value, Tag.ERRAND_DONE.value)
        rows = [row for row in session.exec(select(AuditRow)).all() if row.tag in tags]
    asked, done = (orjson.loads(row.body)["body"] for row in rows)
    who = {"team_id": at.office.home.team_id, "user_id": ADA}
    assert asked == {"n": 1, "kind": "analyze", "subject": "shop", "by": who}
    assert done == {"n": 1, "kind": "analyze"}


def test_a_namespace_that_is_not_there_is_told(at: Errands) -> None:
    at.types("analyze nowhere")
    at.does()
    assert Surveyed.model_validate(at.wish().answer).problem == "there is no namespace nowhere"


def test_a_cluster_that_is_away_is_told(at: Errands) -> None:
    at.types("analyze shop")
    at.watch.cut_off()
    at.does()
    assert Surveyed.model_validate(at.wish().answer).problem


NO_NAMES = ["", "Shop", "a b", "../kube-system", "shop/pods", "-shop", "shop-", "x" * 64, "*", "s\u043dop"]


def test_t04_what_is_no_name_of_a_namespace_reaches_no_cluster(at: Errands) -> None:
    for name in NO_NAMES:
        told = at.types(f"analyze {name}")
        assert told.endswith("Say which namespace: `analyze NAMESPACE`."), name
        assert ("is no name of a namespace" in told) is bool(name)
    assert at.jobs() == []


def test_only_people_of_the_roster_ask_for_a_look(at: Errands) -> None:
    assert "not on the roster" in at.types("analyze shop", who=MIA)
    assert at.types("analyze shop", who="U0NOBODY").startswith("Not done")
    assert at.jobs() == []


def test_one_look_at_a_time_and_few_an_hour(at: Errands) -> None:
    at.types("analyze shop")
    assert "still being looked at" in at.types("analyze shop")
    assert at.types("analyze shop", who=BEN).startswith("Looking")
    for number in range(2, AN_HOUR["analyze"] + 1):
        errands.answer(at.watch.ledger, at.watch.woken[-1].incident if number > 2 else 1, {})
        assert at.types("analyze shop").startswith("Looking"), number
    errands.answer(at.watch.ledger, at.watch.woken[-1].incident, {})
    assert "more than 6 within an hour" in at.types("analyze shop")
    at.watch.clock.ahead += timedelta(hours=1)
    assert at.types("analyze shop").startswith("Looking")


def test_many_people_together_do_not_ask_for_more_than_the_cluster_should_bear(at: Errands) -> None:
    most = AN_HOUR["analyze"] * TOGETHER
    for number in range(most):
        who = Approver(team_id="T", user_id=f"U{number}")
        wish = Errand(kind="analyze", subject="shop", by=who, channel_id="C")
        assert errands.ask(at.watch.ledger, wish) == number + 1
    assert "people asked for more than" in at.types("analyze shop")


def test_a_wish_that_nobody_did_holds_no_place_for_ever_and_is_not_told_too_late(at: Errands) -> None:
    at.types("analyze shop")
    at.watch.clock.ahead += GIVEN_UP_AFTER + timedelta(seconds=1)
    assert at.types("analyze shop").startswith("Looking")
    at.does(1)
    assert at.wish(1).answer is None
    at.does(2)
    before = at.notes()
    at.watch.clock.ahead += GIVEN_UP_AFTER
    at.tells(2)
    assert at.notes() == before
    assert at.wish(2).told


def test_done_and_told_once_whatever_is_started_again(at: Errands) -> None:
    at.types("analyze shop")
    at.does()
    first = at.wish().answer
    at.does()
    assert at.wish().answer == first
    at.tells()
    notes = at.notes()
    at.tells()
    assert at.notes() == notes


def test_where_the_app_is_no_member_the_answer_comes_in_the_channel_of_the_cards(at: Errands) -> None:
    before = at.notes(BEN)
    at.types("analyze shop", who=BEN, channel="C0NOWHERE")
    at.does()
    at.tells()
    assert at.notes(BEN) != before


def test_t39_an_answer_waits_for_slack(at: Errands) -> None:
    at.types("analyze shop")
    at.does()
    away = replace(at.office, slack=Slack.open("xoxb-none", "http://127.0.0.1:9/api/"))
    with pytest.raises(SlackUnreachable):
        asyncio.run(tell(away, 1))
    assert not at.wish().told
    at.tells()
    assert at.wish().told


def test_t25_what_was_found_is_shown_inert_and_the_rest_is_counted() -> None:
    found = Surveyed(
        findings=("warning: Pod x: <!channel> token=ghp_" + "a1B2c3D4e5F6" * 3,), more_findings=9
    )
    blocks = surveyed("shop", found)
    shown: dict[str, Any] = {"blocks": blocks}
    text = json.dumps(shown)
    assert '"type": "mrkdwn"' not in text
    assert "a1B2c3D4e5F6" not in text
    assert "and 9 more" in text
