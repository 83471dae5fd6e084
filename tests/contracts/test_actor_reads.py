"""What the actor makes of what it reads: after a crash, of an approver's right, and of a halt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from agents.actor.hands import Hands, changed, digest_of_all
from agents.actor.perform import perform
from agents.actor.work import LOOK_AGAIN_S, advance
from agents.incident import Decision, Plan
from agents.ledger import accounts, executions
from agents.ledger.accounts import CLAIM_MAY_RELY_ON, Seen
from agents.ledger.executions import IN_FLIGHT_S, LEASE_S, Claim
from agents.ledger.guards import Forged
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger, set_halt
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record, woken
from tests.support.actor_bench import OLD, Bench, bench
from tests.support.kubernetes_world import ContractCluster, contract_cluster
from tests.support.plans import ADA, a_decision, a_step
from tests.support.pretend_queue import RememberingQueue
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.client import Request
from tools.kubernetes.errors import TimedOut, Unconfigured, Unreachable


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture
def at(cluster: ContractCluster, clock: HandClock, empty: Path, tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "ledger.db").write_bytes(empty.read_bytes())
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    with bench(cluster, ledger, tmp_path) as made:
        yield made
    ledger.close()


def lost(at: Bench, held: Claim) -> None:
    """The answer to the first step is lost; whether it was done is for reading to tell."""

    def lose() -> None:
        raise TimedOut("the answer was lost")

    perform(at.before(lose), held)


def needed(at: Bench) -> list[str]:
    """Why people were called."""
    return [body["why"] for _, body, *_ in record(at.ledger, Tag.HELP_WANTED.value)]


# --- after a crash


def test_an_attempt_is_its_owners_until_its_lease_is_over(at: Bench, clock: HandClock) -> None:
    held = at.claimed("web")
    clock.forward(LEASE_S)
    woken(at.ledger)
    advance(at.hands, 1)
    assert at.stands(held.plan)[0] is PlanState.EXECUTING
    assert woken(at.ledger) == [("actor", 1, clock() + timedelta(seconds=LOOK_AGAIN_S))]
    clock.forward(1)
    advance(at.hands, 1)
    assert at.stands(held.plan) == (PlanState.UNKNOWN, "its actor gave no sign of life")


def test_what_was_done_is_seen_at_once(at: Bench, clock: HandClock) -> None:
    held = at.claimed("web")
    step = held.plan.steps[0]
    at.hands.send(CATALOGUE[step.verb], CATALOGUE[step.verb].request(step, held.plan.id))
    clock.forward(LEASE_S + 1)
    advance(at.hands, 1)
    assert at.stands(held.plan) == (PlanState.SUCCEEDED, "the object is as the plan wanted it")
    assert needed(at) == []


def test_what_was_not_done_is_said_when_nothing_can_arrive_any_more(at: Bench, clock: HandClock) -> None:
    held = at.claimed("one", "two")
    lost(at, held)
    clock.forward(IN_FLIGHT_S)
    advance(at.hands, 1)
    assert at.stands(held.plan) == (PlanState.UNKNOWN, "the answer was lost")
    clock.forward(1)
    advance(at.hands, 1)
    why = "its actor is gone and the object is as it was before"
    assert at.stands(held.plan) == (PlanState.NOT_APPLIED, why)
    assert (at.image("one"), needed(at)) == (OLD, [])


def test_people_are_called_when_reading_does_not_tell_and_not_before_it_could(
    at: Bench, clock: HandClock
) -> None:
    held = at.claimed("web")
    lost(at, held)
    at.meddle("web")
    clock.forward(IN_FLIGHT_S)
    advance(at.hands, 1)
    assert needed(at) == []
    clock.forward(1)
    unreachable = replace(at.hands, cluster=replace(at.hands.cluster, server="https://127.0.0.1:1"))
    with pytest.raises(Unreachable):
        advance(unreachable, 1)
    assert needed(at)[0].startswith("it cannot be read: ")
    advance(at.hands, 1)
    assert needed(at)[1:] == ["neither every mark of ours nor everything as it was before is there"]
    assert at.stands(held.plan)[0] is PlanState.UNKNOWN


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"cluster_uid": "another cluster"}, "this connection leads to another cluster"),
        ({"verb": "dance"}, "whoever began it knew more verbs than this actor does"),
    ],
)
def test_what_this_actor_cannot_judge_is_left_to_people(
    at: Bench, clock: HandClock, odd: dict[str, str], why: str
) -> None:
    step = at.step("web")
    plan = at.drafted(step, step.model_copy(update=odd)) if "verb" in odd else at.drafted(step, **odd)
    at.shown(plan, "a" * 64)
    assert isinstance(executions.claim(at.ledger, at.signed(plan).id, "actor-0", at.hands.still_valid), Claim)
    clock.forward(LEASE_S + IN_FLIGHT_S + 1)
    advance(at.hands, 1)
    assert needed(at) == [why]
    assert at.stands(plan)[0] is PlanState.UNKNOWN


# --- an approver's right


def listed(hands: Hands, **changes: object) -> None:
    """The roster now names Ada like this."""
    ada = {"team_id": ADA.team_id, "user_id": ADA.user_id, "tiers": [1, 2, 3], "namespaces": ["*"]}
    hands.roster_file.write_text(yaml.safe_dump({"approvers": [ada | changes]}), encoding="utf-8")


def an_approval(at: Bench, plan: Plan) -> Decision:
    return at.hands.seal.sealed(
        a_decision(plan, at.ledger.now(), request={"human": f"{ADA.team_id}/{ADA.user_id}"})
    )


def test_an_approval_counts_while_its_giver_may_give_it(at: Bench) -> None:
    plan = at.drafted(a_step())
    given = an_approval(at, plan)
    assert at.hands.still_valid(plan, given)
    assert not at.hands.still_valid(plan.model_copy(update={"requester": ADA.user_id}), given)
    listed(at.hands, tiers=[2])
    assert not at.hands.still_valid(plan, given)
    listed(at.hands, person="somebody else")
    assert not at.hands.still_valid(plan, given)
    listed(at.hands)
    assert at.hands.still_valid(plan, given)
    forged = given.model_copy(update={"mac": "0" * 64})
    with pytest.raises(
        Forged, match=f"^a decision of {ADA.user_id} on plan {plan.id} is not what was sealed$"
    ):
        at.hands.still_valid(plan, forged)


def test_an_approval_counts_while_the_account_behind_it_stands_well(at: Bench, clock: HandClock) -> None:
    plan = at.drafted(a_step())
    given = an_approval(at, plan)

    def look(good: bool, seal: SealKey = at.hands.seal) -> bool:
        accounts.record(at.ledger, 1, seal.vouched(Seen(approver=ADA, good=good, at=clock())))
        return at.hands.still_valid(plan, given)

    clock.forward(CLAIM_MAY_RELY_ON.total_seconds() + 1)
    assert not at.hands.still_valid(plan, given), "nobody looked since"
    assert look(good=True)
    assert not look(good=True, seal=SealKey(b"x" * 32)), "a look that nobody vouches for"
    listed(at.hands, person="somebody else")
    assert not look(good=True), "standing well is not enough"
    listed(at.hands)
    assert look(good=True)
    assert not look(good=False)


# --- the rest of the hands


def test_a_halt_is_seen_wherever_it_was_said_and_without_a_ledger_too(at: Bench, tmp_path: Path) -> None:
    assert not at.hands.halted_anywhere()
    at.hands.halt_file.touch()
    assert at.hands.halted()
    assert at.hands.halted_anywhere()
    at.hands.halt_file.unlink()
    set_halt(at.ledger, halted=True, by="ada", reason="a drill")
    assert not at.hands.halted()
    assert at.hands.halted_anywhere()
    away = Ledger(f"sqlite:///{tmp_path / 'no' / 'such.db'}", RememberingQueue())
    assert replace(at.hands, ledger=away).halted_anywhere()


def test_without_an_alertmanager_nothing_is_asked_of_it(at: Bench) -> None:
    elsewhere = next(verb for verb in CATALOGUE.values() if verb.place != "cluster")
    with pytest.raises(
        Unconfigured, match=r"^alertmanager_url is not set, so nothing can be asked of Alertmanager$"
    ):
        at.hands.send(elsewhere, Request(method="POST", path="/api/v2/silences"))


def test_what_an_object_is_unlike_is_said_in_words(at: Bench) -> None:
    step = at.step("web")
    assert changed(step, at.hands.target(step)) is None
    assert changed(step, None) == "it is gone"
    at.meddle("web")
    assert (changed(step, at.hands.target(step)) or "").startswith("/metadata/generation")
    new = step.model_copy(update={"uid": "", "expect": {"": None}})
    assert changed(new, at.hands.target(step)) == "it is there"


def test_a_digest_of_several_texts_knows_where_each_begins() -> None:
    assert digest_of_all(["ab", "c"]) != digest_of_all(["a", "bc"])
    assert digest_of_all(["a", "b"]) != digest_of_all(["b", "a"])
    assert digest_of_all(iter(["a", "b"])) == digest_of_all(["a", "b"])
