"""Threat T39, the second way to sign: what a key of one's own may do, and what nobody can do with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.auditor.verify import verify
from agents.gatekeeper.away import OPENED, go_on
from agents.gatekeeper.clicks import Person, Refusal
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.signed import Heard, Reply
from agents.incident import Approver
from agents.ledger import accounts, cards
from agents.ledger.accounts import Seen
from agents.ledger.cards import Need
from agents.ledger.executions import Claim
from agents.ledger.lines import AGAIN, MOST_ASKING, NOWHERE
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger, set_halt
from agents.ledger.tags import Tag
from midwatch.check import _roster as roster_looked_at
from midwatch.settings import Settings
from tests.contracts.conftest import HandClock
from tests.support.by_key import TEAM, ByKey, by_key, entry, events, rehearsed
from tests.support.plans import a_step
from tests.support.pretend_queue import RememberingQueue
from tools.queue.port import Job

FIT = dict.fromkeys(("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted"), False)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    made = Ledger(f"sqlite:///{path}", RememberingQueue())
    upgrade(made.writer)
    made.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path, clock: HandClock, empty: Path) -> Iterator[Ledger]:
    shutil.copy(empty, tmp_path / "ledger.db")
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    yield opened
    opened.close()


@pytest.fixture
def at(tmp_path: Path, ledger: Ledger) -> ByKey:
    return by_key(tmp_path, ledger)


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"cluster_uid": "elsewhere"}, Refusal.OTHER_BYTES),
        ({"typed": "000000"}, Refusal.WRONG_DIGITS),
        ({"plan_digest": "0" * 64}, Objection.NO_SUCH_PLAN),
    ],
)
async def test_t39_what_is_signed_for_something_else_is_refused_and_recorded(at: ByKey, differs, why) -> None:
    reply = await at.hand_in(at.said(**differs))
    assert reply == Reply(heard=Heard.REFUSED, words=Against(why=why).words)
    assert at.decided() == []
    assert events(at, Tag.CLICK_REFUSED)[0]["why"] == why.value


async def test_t39_a_plan_of_the_same_id_and_another_digest_is_not_this_one(at: ByKey) -> None:
    digest = at.plan.digest[:16] + "0" * 48
    assert (await at.hand_in(at.said(plan_digest=digest))).words.startswith(
        f"Not counted: {Refusal.OTHER_BYTES.value}. "
    )
    assert at.decided() == []


@pytest.mark.parametrize("seconds", [61, -61])
async def test_t39_a_statement_of_another_minute_is_refused(
    at: ByKey, clock: HandClock, seconds: float
) -> None:
    statement = at.said()
    clock.forward(seconds)
    assert (await at.hand_in(statement)).words == Against(why=Refusal.NOT_LATELY).words
    assert at.decided() == []


async def test_t39_a_statement_within_the_minute_counts(at: ByKey, clock: HandClock) -> None:
    statement = at.said()
    clock.forward(60)
    assert (await at.hand_in(statement)).heard is Heard.COUNTED


async def test_t39_a_plan_that_has_expired_is_signed_by_nobody(at: ByKey, clock: HandClock) -> None:
    clock.forward(30 * 60 + 1)
    assert (await at.hand_in()).words == Against(why=Refusal.TOO_LATE).words
    assert at.decided() == []


async def test_t39_a_key_that_is_not_the_speakers_is_told_so_and_nothing_is_written(at: ByKey) -> None:
    before = verify(at.ledger).events
    assert (await at.hand_in(at.said(), key="U0BEN")).heard is Heard.NOT_SIGNED
    at.roster(entry("U0ADA", key=""), entry("U0BEN"))
    assert (await at.hand_in()).heard is Heard.NOT_SIGNED, "an entry without a key signs nothing"
    (at.folder / "roster.yaml").write_text("approvers: [", encoding="utf-8")
    assert (await at.hand_in()).heard is Heard.NOT_SIGNED, "a roster that cannot be read has no keys"
    assert verify(at.ledger).events == before


@pytest.mark.parametrize("differs", [{"tiers": [2]}, {"namespaces": ["payments"]}, {"tiers": []}])
async def test_t39_tiers_and_namespaces_hold_for_keys_as_for_clicks(at: ByKey, differs) -> None:
    at.roster(entry("U0ADA", **differs), entry("U0BEN"))
    reply = await at.hand_in()
    assert Refusal.NOT_ON_ROSTER.value in reply.words
    assert "U0BEN" in reply.words
    assert "U0BEN" not in events(at, Tag.CLICK_REFUSED)[0]["why"]


async def test_t39_whoever_asked_for_a_change_does_not_sign_it_by_key(tmp_path: Path, ledger: Ledger) -> None:
    at = by_key(tmp_path, ledger, requester="U0ADA")
    assert (await at.hand_in()).words == Against(why=Refusal.OWN_REQUEST).words
    assert (await at.hand_in(at.said(user_id="U0BEN"))).heard is Heard.COUNTED


async def test_t39_nor_through_the_key_of_another_account_of_theirs(tmp_path: Path, ledger: Ledger) -> None:
    at = by_key(tmp_path, ledger, requester="U0ADA")
    at.roster(entry("U0ADA", person="ada"), entry("U0BEN", person="ada"))
    assert (await at.hand_in(at.said(user_id="U0BEN"))).words.startswith(
        f"Not counted: {Refusal.OWN_REQUEST.value}. "
    )


async def test_t39_two_keys_of_one_human_are_one_signature(tmp_path: Path, ledger: Ledger) -> None:
    at = by_key(tmp_path, ledger, tier=3, approvals_needed=2)
    at.roster(entry("U0ADA", person="ada"), entry("U0BEN", person="ada"))
    assert (await at.hand_in()).words == "PENDING"
    assert (await at.hand_in(at.said(user_id="U0BEN"))).words.startswith(
        f"Not counted: {Objection.SAME_HUMAN.value}. "
    )
    assert at.state() is PlanState.PENDING


async def test_t39_a_reason_that_was_not_signed_or_must_not_be_kept_is_not_taken(at: ByKey) -> None:
    secret = "token=ghp_" + "a1B2c3D4e5F6" * 3
    assert (await at.hand_in(at.said(), reason=secret)).heard is Heard.NOT_SIGNED
    assert at.decided() == []


async def test_t20_a_key_that_was_replaced_after_the_signature_does_not_count(at: ByKey) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    at.roster(entry("U0ADA", key=entry("U0BEN")["key"]))
    assert at.claim() is Objection.APPROVER_LOST_RIGHT


async def test_t20_a_person_taken_off_the_roster_after_the_signature_does_not_count(at: ByKey) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    at.roster(entry("U0BEN"))
    assert at.claim() is Objection.APPROVER_LOST_RIGHT


async def test_t39_what_the_chat_says_of_an_account_counts_when_it_says_something(at: ByKey) -> None:
    at.people = {}
    assert (await at.hand_in()).words == Against(why=Refusal.UNKNOWN_PERSON).words, (
        "an answer that is no account is a no"
    )
    gone = Person(id="U0ADA", team_id=TEAM, **FIT | {"deleted": True})
    at.people["U0ADA"] = gone
    assert (await at.hand_in()).words == Against(why=Refusal.DEACTIVATED).words
    at.people["U0ADA"] = Person(id="U0ADA", team_id=TEAM, **FIT)
    assert (await at.hand_in()).heard is Heard.COUNTED


def looked(at: ByKey, *, good: bool) -> None:
    who = Approver(team_id=TEAM, user_id="U0ADA")
    accounts.record(at.ledger, 1, at.bench.seal.vouched(Seen(approver=who, good=good, at=at.ledger.now())))


async def test_t39_an_account_that_was_last_seen_unfit_does_not_sign_while_nobody_can_ask(at: ByKey) -> None:
    looked(at, good=False)
    assert (await at.hand_in()).words == Against(why=Refusal.UNFIT_BEFORE).words
    assert at.decided() == []


async def test_t18_a_good_look_that_was_written_into_the_database_lets_nobody_sign(at: ByKey) -> None:
    who = Approver(team_id=TEAM, user_id="U0ADA")
    accounts.record(at.ledger, 1, Seen(approver=who, good=True, at=at.ledger.now(), mac="0" * 64))
    assert (await at.hand_in()).words == Against(why=Refusal.UNFIT_BEFORE).words


async def test_t39_an_old_bad_look_is_forgotten_where_the_chat_said_yes_at_the_signature(
    at: ByKey, clock: HandClock
) -> None:
    looked(at, good=False)
    clock.forward(1)
    at.people = {}
    at.people["U0ADA"] = Person(id="U0ADA", team_id=TEAM, **FIT)
    assert (await at.hand_in()).words == "APPROVED"
    assert isinstance(at.claim(), Claim)


@pytest.fixture
def unseen(tmp_path: Path, ledger: Ledger) -> ByKey:
    """A plan with its dry-run that was posted nowhere."""
    made = ByKey(folder=tmp_path, ledger=ledger, plan=rehearsed(ledger))
    made.roster(entry("U0ADA"), entry("U0BEN"))
    return made


async def test_t39_a_plan_without_a_card_is_opened_for_keys_alone(unseen: ByKey) -> None:
    assert (await unseen.hand_in()).heard is Heard.REFUSED, "a draft is signed by nobody"
    go_on(unseen.bench, 1)
    assert unseen.state() is PlanState.PENDING
    assert events(unseen, Tag.PLAN_MOVED)[0]["reason"] == OPENED
    assert (await unseen.hand_in()).words == "APPROVED"
    assert isinstance(unseen.claim(), Claim)
    assert verify(unseen.ledger).ok


def test_t39_where_nobody_has_a_key_for_it_a_plan_stays_a_draft(unseen: ByKey) -> None:
    unseen.roster(entry("U0ADA", key=""), entry("U0BEN", namespaces=["payments"]))
    go_on(unseen.bench, 1)
    assert unseen.state() is PlanState.DRAFT


def test_t39_what_was_opened_expires_like_everything_else(unseen: ByKey, clock: HandClock) -> None:
    go_on(unseen.bench, 1)
    clock.forward(30 * 60 + 1)
    go_on(unseen.bench, 1)
    assert unseen.state() is PlanState.EXPIRED


def test_t33_no_more_plans_are_opened_than_people_can_weigh(tmp_path: Path, ledger: Ledger) -> None:
    states = []
    for number in range(1, MOST_ASKING + 2):
        step = a_step(name=f"checkout-{number}", uid=f"uid-{number}")
        plan = rehearsed(ledger, number=number, steps=(step,), incident=f"INC-{number}")
        at = ByKey(folder=tmp_path, ledger=ledger, plan=plan)
        at.roster(entry("U0ADA"))
        go_on(at.bench, number)
        states.append(at.state())
    assert states == [PlanState.PENDING] * MOST_ASKING + [PlanState.DRAFT]


def test_t39_without_a_chat_drafts_that_nobody_can_sign_take_no_places(
    tmp_path: Path, ledger: Ledger
) -> None:
    for number in range(1, MOST_ASKING + 2):
        steps = (
            a_step(name=f"w-{number}", uid=f"uid-{number}", namespace="shop" if number > 5 else "payments"),
        )
        plan = rehearsed(ledger, number=number, steps=steps, incident=f"INC-{number}")
    at = ByKey(folder=tmp_path, ledger=ledger, plan=plan)
    at.roster(entry("U0ADA", namespaces=["shop"]))
    nowhere = replace(at.bench, channel_id="")
    for number in range(1, MOST_ASKING + 2):
        go_on(nowhere, number)
    assert at.state() is PlanState.PENDING, "and no place is taken by what has none"
    assert at.place() == NOWHERE


def test_t39_without_a_chat_somebody_comes_by_again_for_a_key_that_is_added_later(
    unseen: ByKey, clock: HandClock
) -> None:
    unseen.roster(entry("U0ADA", key=""))
    go_on(unseen.bench, 1)
    queue = unseen.ledger.queue
    assert isinstance(queue, RememberingQueue)
    assert Job(lane="gatekeeper", incident=1, run_at=clock() + AGAIN) in queue.jobs


def test_t33_a_plan_takes_its_place_where_its_card_is_whatever_the_routes_say_by_then(unseen: ByKey) -> None:
    assert cards.begin_card(unseen.ledger, 1, "C0BEFORE", Need.TELLS)
    go_on(unseen.bench, 1)
    assert (unseen.state(), unseen.place()) == (PlanState.PENDING, "C0BEFORE")


async def test_t39_a_halt_holds_what_was_signed_by_key(at: ByKey) -> None:
    set_halt(at.ledger, halted=True, by="somebody", reason="")
    assert (await at.hand_in()).words == "APPROVED"
    assert at.claim() is Objection.HALTED


async def test_t39_check_says_whether_anybody_can_sign_while_slack_is_away(at: ByKey) -> None:
    settings = Settings(state_dir=at.folder, roster_file=at.folder / "roster.yaml")
    (told,) = await roster_looked_at(settings)
    assert (told.ok, told.says) == (True, "who may sign: people: 2, user groups: 0, by key: 2")
    at.roster(entry("U0ADA", key=""))
    (told,) = await roster_looked_at(settings)
    assert (told.ok, told.says) == (
        True,
        "who may sign: people: 1, user groups: 0, nobody by key, so while Slack is away plans expire",
    )
