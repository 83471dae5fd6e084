"""Every reason for which a click does not count is one that somebody can meet, and is told to them alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import yaml

from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import NEXT, NOTHING, Against
from agents.gatekeeper.posting import advance
from agents.incident import Plan, Verdict
from agents.ledger import decisions, moves
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.tags import Tag
from evals.world.slack import FalseClick, Fault
from evals.world.slack.people import ADA, BEN, GUS, INCIDENTS, MIA, ROBO
from evals.world.slack.wire import JsonObject
from tests.adversary.test_storms import drafted, incident, on, state
from tests.contracts.test_ledger_hidden import bend
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.kubernetes_world import eventually
from tests.support.plans import a_decision


@dataclass(kw_only=True)
class Scene:
    """A desk with plans of every kind that is refused for a reason of its own."""

    desk: FrontDesk
    plans: dict[str, Plan]

    def click(self, case: Case) -> JsonObject:
        """The click of this case, otherwise an honest one on the plan's own card."""
        plan = self.plans[case.plan]
        with self.desk.ledger.read() as session:
            found = moves.standing(session, plan.id)
        ts = found.proposal.message_ts if isinstance(found, moves.Standing) else ""
        value = case.value or self.desk.office.seal.button(plan.id)
        button = {"channel": INCIDENTS, "ts": ts or self.desk.card_ts, "value": value}
        false = FalseClick(user_id=case.who, action_id=case.action, changes=case.changes, **button)
        return self.desk.forge.click(false)

    def whispered(self, who: str) -> list[str]:
        """What only this person was told, oldest first."""
        notes = self.desk.slack.call(lambda: list(self.desk.slack.workspace.ephemerals))
        return [json.dumps(note["blocks"]) for note in notes if note["for"] == who]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who clicks on what, and in what the click differs from an honest one."""

    who: str = ADA
    plan: str = "open"
    action: str = "approve"
    value: str = ""
    changes: JsonObject = field(default_factory=dict)


CASES: dict[Refusal | Objection, Case] = {
    Refusal.FORGED: Case(value="made up"),
    Refusal.WRONG_APP: Case(changes={"api_app_id": "A0OTHER"}),
    Refusal.FOREIGN_WORKSPACE: Case(changes={"team": {"id": "T0OTHER"}}),
    Refusal.WRONG_PLACE: Case(changes={"container": {"message_ts": "1.1"}}),
    Refusal.NOT_HUMAN: Case(who=ROBO),
    Refusal.GUEST: Case(who=GUS),
    Refusal.DEACTIVATED: Case(who=MIA),
    Refusal.UNKNOWN_PERSON: Case(who=MIA),
    Refusal.OWN_REQUEST: Case(plan="hers"),
    Refusal.NOT_ON_ROSTER: Case(who=MIA),
    Refusal.NOTHING_TO_EDIT: Case(plan="hers", action="edit"),
    Refusal.DECIDED: Case(plan="decided"),
    Refusal.TOO_LATE: Case(),
    Objection.NO_SUCH_PLAN: Case(plan="nowhere"),
    Objection.TAMPERED: Case(plan="bent"),
}
IN_THE_FORM = {Objection.NOT_CONFIRMED, Objection.DUPLICATE, Objection.SAME_HUMAN}
"""Told beside the field, where what was typed is not lost."""
OVERTAKEN = {Objection.NO_SUCH_EDGE, Objection.EXPIRED}
"""Met only by what changes between the look at a plan and the word on it: ``test_slack_races.py``."""
BY_KEY = {
    Refusal.WRONG_DIGITS,
    Refusal.OTHER_BYTES,
    Refusal.NOT_LATELY,
    Refusal.UNFIT_BEFORE,
    Objection.REPLAYED,
}
"""Told in the terminal of ``midwatch decide`` (``adversary/test_t39_by_key.py``). A click that comes twice is
answered once, and the others no click can meet.
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with front_desk(tmp_path_factory.mktemp("refusals")) as desk:
        no = a_decision(desk.plan, desk.ledger.now(), verdict=Verdict.DENY, reason="no")
        assert isinstance(decisions.decide(desk.ledger, no), decisions.Decided)
        wanted = {
            "open": {},
            "hers": {"requester": ADA, "undo_of": "0" * 16},
            "two": {"tier": 3, "approvals_needed": 2},
            "bent": {},
        }
        plans = {"decided": desk.plan, "nowhere": desk.plan.model_copy(update={"nonce": "f" * 32})}
        for name, changes in wanted.items():
            number = incident(desk, name)
            plans[name], _ = drafted(desk, number, steps=on(name), **changes)
            desk.run(advance(desk.office, number))
            assert state(desk, plans[name]) is PlanState.PENDING
        bend(desk.ledger, "UPDATE plan SET canonical = '{}' WHERE id = :id", id=plans["bent"].id)
        yield Scene(desk=desk, plans=plans)


@pytest.fixture
def as_it_must_be(scene: Scene, why: Refusal | Objection) -> Iterator[None]:
    """What has to be so beside the click, for this reason alone."""
    slack, ledger = scene.desk.slack, scene.desk.ledger
    mia = slack.workspace.user(MIA)
    if why is Refusal.DEACTIVATED:
        slack.call(lambda: mia.update(deleted=True))
    if why is Refusal.UNKNOWN_PERSON:
        slack.fail(Fault(method="users.info", times=None, error="internal_error"))
    if why is Refusal.TOO_LATE:
        late = ledger.now() + timedelta(hours=1)
        ledger._clock = lambda: late
    scene.desk.office._people.clear()
    yield
    slack.recover()
    slack.call(lambda: mia.update(deleted=False))
    ledger._clock = None
    scene.desk.office._people.clear()


def test_no_reason_is_left_out() -> None:
    assert set(CASES) | IN_THE_FORM | OVERTAKEN | BY_KEY == set(NEXT)


@pytest.mark.parametrize("why", CASES, ids=lambda why: why.name)
@pytest.mark.usefixtures("as_it_must_be")
def test_a_click_that_does_not_count_is_explained_to_whoever_clicked(
    scene: Scene, why: Refusal | Objection
) -> None:
    case, desk = CASES[why], scene.desk
    before, recorded = scene.whispered(case.who), len(desk.said(Tag.CLICK_REFUSED))
    assert desk.post(desk.forge.request(scene.click(case)))[0] == 200
    eventually(lambda: len(scene.whispered(case.who)) > len(before))
    (told,) = scene.whispered(case.who)[len(before) :]
    assert f"Not counted: {why.value}" in told
    assert f"{NOTHING} {NEXT[why]}" in told
    assert why.value in desk.said(Tag.CLICK_REFUSED)[recorded]
    assert state(desk, scene.plans["open"]) is PlanState.PENDING


def test_wrong_digits_a_second_word_and_a_second_account_are_told_in_the_form(scene: Scene) -> None:
    desk, plan = scene.desk, scene.plans["two"]
    right = plan.digest[: moves.TYPED_DIGITS]
    wrong = "000000" if right != "000000" else "111111"
    roster = yaml.safe_load(desk.office.roster_file.read_text(encoding="utf-8"))
    for one in roster["approvers"]:
        one["person"] = "one and the same"
    desk.office.roster_file.write_text(yaml.safe_dump(roster), encoding="utf-8")
    answers = []
    for who, typed in ((ADA, wrong), (ADA, right), (ADA, right), (BEN, right)):
        assert desk.post(desk.forge.request(scene.click(Case(who=who, plan="two"))))[0] == 200
        person = desk.person(who)
        view = person.wait_for_view("approve")
        done = person.submit(view["id"], {"typed": typed})
        answers.append(done.errors.get("digits", ""))
        if not done.ok:
            person.close_view(view["id"])
    assert answers == [
        Against(why=Objection.NOT_CONFIRMED).words,
        "",
        Against(why=Objection.DUPLICATE).words,
        Against(why=Objection.SAME_HUMAN).words,
    ]
    assert state(desk, plan) is PlanState.PENDING
