"""At the desk: a click judged, counted or refused, and what is written down of it; a real Slack client."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.gatekeeper import desk
from agents.gatekeeper.clicks import Click, Refusal
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.office import Office
from agents.gatekeeper.policing import cancel_refused
from agents.gatekeeper.vouching import vouch
from agents.incident import Approver, Decision, Plan, Preview, Verdict
from agents.ledger import accounts, decisions, incidents, investigations, previews
from agents.ledger.accounts import LOOK_EVERY
from agents.ledger.moves import Standing, standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import story
from evals.world.slack import Person, SlackServer
from evals.world.slack.people import ADA, BEN, DORA, INCIDENTS, MIA
from midwatch.wiring import office_of
from tests.contracts.conftest import HandClock
from tests.contracts.test_actor import passing
from tests.contracts.test_ledger_record import record, woken
from tests.support.front_desk import settings_for
from tests.support.patience import patient
from tests.support.plans import a_decision, a_delivery, a_plan, an_alert
from tests.support.pretend_queue import RememberingQueue
from tools.policy.facts import Radius
from tools.policy.load import PolicyFile


@dataclass(kw_only=True)
class Desk:
    """An office over a ledger whose clock is moved by hand, and one plan on a posted card."""

    office: Office
    slack: SlackServer
    plan: Plan

    @property
    def ledger(self) -> Ledger:
        return self.office.ledger

    def click(self, verdict: Verdict = Verdict.APPROVE, user: str = ADA, **changes: Any) -> Click:
        home = self.office.home
        values: dict[str, Any] = {
            "verdict": verdict,
            "plan_id": None,
            "app_id": home.app_id,
            "team_id": home.team_id,
            "enterprise_id": home.enterprise_id,
            "user_id": user,
            "user_team_id": home.team_id,
            "channel_id": INCIDENTS,
            "message_ts": "1.5",
        }
        return Click(**(values | changes))

    def decide(self, click: Click, nonce: str = "n1", value: str = "") -> str | None:
        button = value or self.office.seal.button(self.plan.id)
        return asyncio.run(desk.decide(self.office, click, button, nonce))

    def stands(self) -> tuple[PlanState, str]:
        with self.ledger.read() as session:
            found = standing(session, self.plan.id)
        assert isinstance(found, Standing)
        return found.state, found.proposal.reason

    def decided(self) -> list[Decision]:
        with self.ledger.read() as session:
            return decisions.decisions_of(session, self.plan.id)


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


@pytest.fixture
def at(slack: SlackServer, clock: HandClock, empty: Path, tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "ledger.db").write_bytes(empty.read_bytes())
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    office = asyncio.run(office_of(settings_for(slack, tmp_path, "socket"), ledger))
    yield Desk(office=office, slack=slack, plan=posted(ledger, clock))
    ledger.close()


def posted(ledger: Ledger, clock: HandClock, **changes: Any) -> Plan:
    incidents.accept(ledger, [a_delivery(clock(), an_alert(clock()))])
    radius = (Radius(labels={"app": "checkout"}, replicas=1),)
    plan = a_plan(clock(), **({"radius": radius} | changes))
    lease = investigations.take(ledger, 1, "the test", 60)
    assert lease is not None
    investigations.draft(ledger, lease, plan, "why")
    investigations.release(ledger, lease)
    shown = Preview(plan_id=plan.id, at=clock(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    card = Posted(channel_id=INCIDENTS, message_ts="1.5", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, card) is None
    woken(ledger)
    return plan


def spent(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def test_an_approval_is_kept_with_what_the_request_said(at: Desk, clock: HandClock) -> None:
    clock.forward(5)
    with passing("c0", "c1") as passed:
        assert at.decide(at.click()) is None
    assert passed == ["c0", "c1"]
    assert at.stands() == (PlanState.APPROVED, ADA)
    (given,) = at.decided()
    who = Approver(team_id=at.office.home.team_id, user_id=ADA)
    said = (given.plan_id, given.plan_digest, given.approver, given.verdict, given.reason, given.at)
    assert said == (at.plan.id, at.plan.digest, who, Verdict.APPROVE, "", clock())
    human = f"{at.office.home.team_id}/{ADA}"
    assert given.request == {"nonce": spent("n1"), "app": at.office.home.app_id, "human": human}
    assert at.office.seal.holds(given)
    assert at.decide(at.click()) is None, "the same delivery again is acknowledged and says nothing"
    assert len(at.decided()) == 1


def test_a_deny_needs_no_digits_and_keeps_its_words(at: Desk) -> None:
    assert at.decide(at.click(Verdict.DENY, typed="", reason="not tonight")) is None
    assert at.stands() == (PlanState.DENIED, f"{ADA}: not tonight")
    assert [one.reason for one in at.decided()] == ["not tonight"]


def test_from_tier_two_on_the_digits_decide_and_are_kept(at: Desk, clock: HandClock) -> None:
    at.plan = posted(at.ledger, clock, tier=2, nonce="2" * 32)
    assert at.decide(at.click()) == Against(why=Objection.NOT_CONFIRMED).words
    assert at.decide(at.click(typed="zzzzzz"), "n2") == Against(why=Objection.NOT_CONFIRMED).words
    assert at.stands()[0] is PlanState.PENDING
    assert at.decide(at.click(typed=at.plan.digest[:6]), "n3") is None
    assert at.decided()[0].request["typed"] == at.plan.digest[:6]
    assert at.decide(at.click(Verdict.DENY, BEN), "n4") is None
    assert at.stands()[0] is PlanState.DENIED


def test_a_refusal_is_on_record_without_the_names_of_those_who_may(at: Desk) -> None:
    roster = {"team_id": at.office.home.team_id, "tiers": [1], "namespaces": ["*"]}
    people = [roster | {"user_id": ADA, "name": "Ada"}, roster | {"user_id": BEN}]
    at.office.roster_file.write_text(yaml.safe_dump({"approvers": people}))
    why = Refusal.NOT_ON_ROSTER
    assert at.decide(at.click(user=MIA)) == Against(why=why, aside=f"; who may: Ada, {BEN}").words
    assert at.decide(at.click(user=MIA)) is None, "its person was told before"
    at.office.roster_file.write_text("approvers: []\n")
    assert at.decide(at.click(user=MIA), "n2") == Against(why=why, aside="; who may: nobody").words
    body = {"user": MIA, "team": at.office.home.team_id, "verdict": "approve", "why": why.value}
    assert (
        record(at.ledger, "gatekeeper:click:refuse") == [("gatekeeper:click:refuse", body, 1, at.plan.id)] * 2
    )


def test_a_button_that_is_not_ours_is_on_record_without_a_plan(at: Desk) -> None:
    assert at.decide(at.click(), value=f"{at.plan.id}.{'0' * 32}") == Against(why=Refusal.FORGED).words
    ((_, body, incident, plan_id),) = record(at.ledger, "gatekeeper:click:refuse")
    assert (body["why"], incident, plan_id) == (Refusal.FORGED.value, None, "")
    nowhere = at.office.seal.button("f" * 16)
    assert at.decide(at.click(), "n2", nowhere) == Against(why=Objection.NO_SUCH_PLAN).words


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"app_id": "A0OTHER"}, Refusal.WRONG_APP),
        ({"enterprise_id": "E0OTHER"}, Refusal.FOREIGN_WORKSPACE),
        ({"channel_id": "C0OTHER"}, Refusal.WRONG_PLACE),
        ({"message_ts": "1.6"}, Refusal.WRONG_PLACE),
        ({"user_id": "U0NOBODY"}, Refusal.UNKNOWN_PERSON),
        ({"user_id": DORA}, Refusal.DEACTIVATED),
    ],
)
def test_a_click_from_elsewhere_is_refused_with_its_reason(
    at: Desk, changes: dict[str, str], why: Refusal
) -> None:
    assert at.decide(at.click(**changes)) == Against(why=why).words
    assert at.stands()[0] is PlanState.PENDING


def test_a_late_click_is_told_when_it_was_decided_and_where_the_newer_plan_is(
    at: Desk, clock: HandClock
) -> None:
    assert at.decide(at.click()) is None
    clock.forward(60)
    told = Against(why=Refusal.DECIDED, facts=": APPROVED at 00:30:00 UTC")
    assert at.decide(at.click(user=BEN), "n2") == told.words
    posted(at.ledger, clock, nonce="3" * 32)
    newer = f": SUPERSEDED at 00:31:00 UTC; the newer plan: {at.office.public_url}/incidents/1"
    assert at.decide(at.click(user=BEN), "n3") == Against(why=Refusal.DECIDED, facts=newer).words


def test_whoever_is_refused_hears_why_where_only_they_see_it(at: Desk) -> None:
    mia, why = Person(at.slack.page_url, MIA), secrets.token_hex(8)
    at.office.channel_id = "C0NOWHERE"
    asyncio.run(desk.explain(at.office, {"container": {"channel_id": INCIDENTS}, "user": {"id": MIA}}, why))
    assert mia.wait_for_ephemeral(why)["text"] == why
    at.office.channel_id = INCIDENTS
    asyncio.run(desk.explain(at.office, {"user": {"id": MIA}}, f"{why}, without a place"))
    mia.wait_for_ephemeral(f"{why}, without a place")
    asyncio.run(desk.explain(at.office, {"container": {"channel_id": "C0NOWHERE"}}, "nobody hears this"))


RULES = "version: 1\nallow: [{name: all}]\nrules: [%s]\n"
WARNED = "{name: grave, when: incident.severity == 'warning', deny: not at night}"


@pytest.mark.parametrize(
    ("rules", "why"),
    [(WARNED, "'grave' refuses it: not at night"), ("{name: soon, pending_minutes: 5}", "300 s")],
)
def test_what_the_policy_refuses_stops_asking_and_what_is_signed_is_the_actors_to_judge(
    at: Desk, clock: HandClock, rules: str, why: str
) -> None:
    policy = at.office.roster_file.with_name("policy.yaml")
    at.office.policy_file = PolicyFile(path=policy)
    policy.write_text(RULES % "")
    cancel_refused(at.office, 1)
    assert at.stands()[0] is PlanState.PENDING
    policy.write_text(RULES % rules)
    cancel_refused(at.office, 1)
    state, said = at.stands()
    assert state is PlanState.CANCELLED
    assert why in said
    policy.write_text(RULES % "")
    at.plan = posted(at.ledger, clock, nonce="4" * 32)
    assert at.decide(at.click(), "n2") is None
    policy.write_text(RULES % rules)
    cancel_refused(at.office, 1)
    assert at.stands()[0] is PlanState.APPROVED


def test_whoever_approved_is_looked_at_again_in_time_and_under_our_seal(at: Desk, clock: HandClock) -> None:
    who = Approver(team_id=at.office.home.team_id, user_id=ADA)
    assert at.decide(at.click()) is None
    clicked = clock()

    def looked() -> accounts.Seen | None:
        told = story(at.ledger, 1)
        assert told is not None
        woken(at.ledger)
        asyncio.run(vouch(at.office, told))
        assert woken(at.ledger) == [("gatekeeper", 1, clock() + LOOK_EVERY / 3)]
        with at.ledger.read() as session:
            return accounts.last_seen(session, who)

    clock.forward(LOOK_EVERY.total_seconds() - 1)
    assert looked() is None
    clock.forward(1)
    seen = looked()
    assert seen is not None
    assert (seen.good, seen.at, at.office.seal.vouches(seen)) == (True, clicked + LOOK_EVERY, True)
    clock.forward(LOOK_EVERY.total_seconds() - 1)
    assert looked() == seen


def test_whoever_left_is_not_vouched_for_and_who_denied_is_not_looked_at(at: Desk, clock: HandClock) -> None:
    home, plan = at.office.home.team_id, at.plan
    at.plan = plan = posted(at.ledger, clock, tier=3, approvals_needed=2, nonce="5" * 32)
    left, typed = Approver(team_id=home, user_id=DORA), {"typed": plan.digest[:6]}
    decisions.decide(at.ledger, a_decision(plan, clock(), approver=left, request=typed))
    clock.forward(LOOK_EVERY.total_seconds())
    asyncio.run(vouch(at.office, story(at.ledger, 1)))  # type: ignore[arg-type]
    with at.ledger.read() as session:
        seen = accounts.last_seen(session, left)
    assert seen is not None
    assert (seen.good, at.office.seal.vouches(seen)) == (False, True)
    assert at.decide(at.click(Verdict.DENY, BEN)) is None
    woken(at.ledger)
    asyncio.run(vouch(at.office, story(at.ledger, 1)))  # type: ignore[arg-type]
    assert woken(at.ledger) == [], "what is over needs no look"
    with at.ledger.read() as session:
        assert accounts.last_seen(session, Approver(team_id=home, user_id=BEN)) is None
