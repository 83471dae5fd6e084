"""After a halt nothing is sent that begins more than a second later, however the halt came (P25, I11)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner

from agents.actor.hands import Hands
from agents.actor.work import advance
from agents.ledger import brake, executions
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger, set_halt
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.faults import Fault
from midwatch.cli import app
from tests.support.datacentre import data_centre
from tests.support.hands import approved, hands_of, sent
from tests.support.scale import lots
from tests.support.signed import broken_copies
from tests.support.story import Scene

WITHIN_S = 1.0
STEPS = 4
SLOW_S = 0.5
LONGEST_S = 1.0
NAMES = [f"halted-{n}" for n in range(STEPS)]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        broken_copies(running, NAMES)
        # So slow that a plan which did not hear of its halt would begin steps long after it.
        slow = Fault(verb="patch", resource="deployments", dry_run=False, delay=SLOW_S, times=None)
        running.kubernetes.faults.add(slow)
        yield running


def command(hands: Hands, word: str) -> None:
    state = str(hands.halt_file.parent)
    ran = CliRunner().invoke(app, [word, "--reason", "a drill"], env={"MIDWATCH_STATE_DIR": state})
    assert ran.exit_code == 0, ran.output


def another_machine(hands: Hands) -> None:
    """A halt that reaches the ledger alone: no file appears where the actor is."""
    other = Ledger(hands.ledger.url)
    set_halt(other, halted=True, by="another machine", reason="a drill")
    other.close()


WAYS: dict[str, Callable[[Hands], None]] = {
    "the command line": lambda hands: command(hands, "halt"),
    "the file": lambda hands: hands.halt_file.touch(),
    "the ledger": another_machine,
}


@pytest.mark.proof
@pytest.mark.parametrize(("lot", "halts"), lots("halts", 40))
def test_p25_at_random_moments_nothing_begins_later_than_a_second_after_a_halt(
    at: Scene, hands: Hands, lot: int, halts: int
) -> None:
    late, stopped = [], 0
    for run in range(halts):
        plan = approved(hands, at, *NAMES)
        acting = threading.Thread(target=advance, args=(hands, 1))
        before = len(sent(hands))
        acting.start()
        moment = threading.Event()
        moment.wait(random.Random(lot * 1000 + run).uniform(0, LONGEST_S))
        list(WAYS.values())[run % len(WAYS)](hands)
        halted = time.monotonic()
        acting.join()
        # Whoever comes later changes nothing either.
        advance(hands, 1)
        late += [one - halted for one in sent(hands)[before:] if one > halted + WITHIN_S]
        stopped += len(sent(hands)) - before < STEPS
        settled(at, plan.id, len(sent(hands)) - before)
        brake.resume(hands.ledger, hands.halt_file, ("the test", "over"))
        settle(at, hands, plan.id)
    assert late == []
    assert stopped, "no halt came in time to stop anything: the test proves nothing"
    assert at.whole() == ()


def settled(at: Scene, plan_id: str, begun: int) -> None:
    """What the ledger says fits what was sent: no halt leaves a plan that pretends to go on."""
    view = at.plan()
    assert view is not None
    assert view.plan.id == plan_id
    expected = {0: {PlanState.APPROVED, PlanState.FAILED}, STEPS: {PlanState.SUCCEEDED}}
    assert view.state in expected.get(begun, {PlanState.PARTIAL}), (view.state, view.reason, begun)


def settle(at: Scene, hands: Hands, plan_id: str) -> None:
    """A plan that was halted before its claim goes on after the resume, within its time."""
    view = at.plan()
    if view is not None and view.state is PlanState.APPROVED:
        assert view.plan.id == plan_id
        advance(hands, 1)
        assert at.stands(PlanState.SUCCEEDED)


@pytest.mark.parametrize("way", WAYS)
def test_p25_a_halt_survives_a_restart(at: Scene, hands: Hands, way: str) -> None:
    approved(hands, at, NAMES[0])
    WAYS[way](hands)
    with hands_of(at) as another:
        advance(another, 1)
        assert at.stands(PlanState.APPROVED)
        assert sent(another) == []


def test_p25_the_file_alone_stops_the_actor_when_nothing_can_be_written(at: Scene, hands: Hands) -> None:
    plan = approved(hands, at, NAMES[0])
    held = executions.claim(hands.ledger, plan.id, hands.actor_id, hands.still_valid)
    assert isinstance(held, Claim)
    hands.halt_file.touch()
    assert hands.halted()
    advance(hands, 1)
    assert sent(hands) == []


def test_p25_after_the_resume_an_approval_is_as_old_as_it_is(at: Scene, hands: Hands) -> None:
    plan = approved(hands, at, NAMES[0])
    brake.halt(hands.ledger, hands.halt_file, ("the test", "a drill"))
    then = at.ledger.now()
    at.ledger._clock = lambda: then.fromtimestamp(then.timestamp() + plan.claim_within_s + 1, then.tzinfo)
    brake.resume(hands.ledger, hands.halt_file, ("the test", "over"))
    answer = executions.claim(hands.ledger, plan.id, hands.actor_id, hands.still_valid)
    assert answer is Objection.EXPIRED
