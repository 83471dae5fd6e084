"""The model says what the ledger does: same edges, same guards, same objections, on random lives of plans."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.ledger.protocol import ACTIVE, EDGES, LOCKING, TERMINAL, Agent, Objection, PlanState
from agents.ledger.store import Ledger
from evals.proofs.reading import Edge, Model, State
from tests.contracts.conftest import HandClock
from tests.support.ledgers import empty_ledger
from tests.support.model_trace import ALIAS, ENDS, Driven, crowd, hurried, unguarded, unsaid
from tests.support.pretend_queue import RememberingQueue
from tests.support.scale import PROVING, scale

MODEL = Model.read()
EVERYBODY = frozenset(Agent)
ANYONE = "anyone"
# No guard of these transactions: spent clicks, races lost and plans that are not there.
ELSEWHERE = {"NO_SUCH_PLAN", "NOT_YOURS", "CHANGED_MEANWHILE", "REPLAYED"}
ONWARD = {"draft", "rehearse", "post", "approve", "claim", "intend", "answer", "give_up"}
ACTING = {"intend", "answer", "finish"}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One thing that can be asked of the ledger, and which guard and transaction of the model it is."""

    name: str
    guard: str
    people: int = 0
    actors: int = 0
    transaction: str = ""

    @property
    def edges(self) -> frozenset[Edge]:
        return MODEL.edges.get(self.transaction or self.name, frozenset())


WAYS = (
    Way(name="draft", guard="MAY_DRAFT"),
    Way(name="rehearse", guard="MAY_REHEARSE"),
    Way(name="turn_down", guard="MAY_TURN_DOWN"),
    Way(name="post", guard="MAY_POST"),
    Way(name="approve", guard="MAY_APPROVE", people=5),
    Way(name="deny", guard="MAY_DENY", people=5),
    Way(name="expire", guard="MAY_EXPIRE"),
    Way(name="cancel", guard="MAY_CANCEL"),
    Way(name="supersede", guard="MAY_SUPERSEDE"),
    Way(name="find_stale", guard="MAY_FIND_STALE"),
    Way(name="claim", guard="MAY_CLAIM", actors=2),
    Way(name="intend", guard="MAY_INTEND", actors=2),
    Way(name="answer", guard="MAY_FINISH", actors=2, transaction="intend"),
    Way(name="finish", guard="MAY_FINISH", actors=2),
    Way(name="give_up", guard="MAY_GIVE_UP"),
    Way(name="say_done", guard="MAY_SAY_DONE"),
    Way(name="say_undone", guard="MAY_SAY_UNDONE"),
)


def _rival(driven: Driven) -> None:
    """Another incident's plan for the same object comes, is begun or goes, as the model's rival may."""
    if driven.rival is not None:
        driven.rival_goes()
    elif driven.ps is None or driven.ps in TERMINAL:
        assert driven.rival_comes(same=False) == ""
        assert driven.state()["lock"] == "RIVAL_ASKS"
        if not driven.halted:
            driven.rival_works()
    elif driven.ps in LOCKING:
        assert [driven.rival_comes(same) for same in (False, True)] == ["OBJECT_BUSY"] * 2
    elif not driven.tampered:
        assert driven.rival_comes(same=True) == "SAME_PLAN"


def _twin(driven: Driven) -> None:
    if driven.rival is not None:
        driven.rival_goes()
    elif driven.ps is None:
        assert driven.rival_comes(same=True) == ""


def _strike(driven: Driven) -> None:
    driven.right[0] = driven.right[ALIAS] = not driven.right[0]


def _tamper(driven: Driven) -> None:
    if driven.ps is not None and not driven.tampered:
        driven.tamper()


BREAKS: dict[str, Callable[[Driven], None]] = {
    "INTACT": _tamper,
    "IN_TIME": lambda driven: driven.clock.forward(121 if driven.ps is PlanState.APPROVED else 1801),
    "LEASED": lambda driven: driven.clock.forward(31),
    "OWNER_GONE": lambda driven: driven.clock.forward(11),
    "NOT_HALTED": lambda driven: driven.halt(not driven.halted),
    "STILL_NOT_HALTED": lambda driven: driven.halt(not driven.halted),
    "ENOUGH": _strike,
    "NOT_BUSY": _rival,
    "NEW_CHANGE": _twin,
    "CONFIRMED": lambda driven: setattr(driven, "typed", not driven.typed),
    "ROOM": lambda driven: setattr(driven, "room", not driven.room),
}
"""What the world does to a fact."""
MENDED = ("NOT_HALTED", "STILL_NOT_HALTED", "NOT_BUSY", "NEW_CHANGE", "CONFIRMED", "ROOM")
"""What doing it again undoes."""


def test_the_model_and_the_ledger_have_the_same_edges() -> None:
    of_the_model: dict[tuple[PlanState, PlanState], frozenset[Agent]] = {}
    for edge in MODEL.all_edges:
        pair = (PlanState(edge.start), PlanState(edge.end))
        who = EVERYBODY if edge.who == ANYONE else frozenset({Agent(edge.who)})
        of_the_model[pair] = of_the_model.get(pair, frozenset()) | who
    assert of_the_model == EDGES


def test_no_edge_of_the_model_leaves_an_ending_or_goes_back_to_executing() -> None:
    assert not [edge for edge in MODEL.all_edges if PlanState(edge.start) in TERMINAL]
    assert {edge.start for edge in MODEL.all_edges if edge.end == "EXECUTING"} == {"APPROVED"}


def test_every_guard_of_the_model_is_asked_and_every_objection_of_the_ledger_is_a_missing_fact() -> None:
    assert {way.guard for way in WAYS} == set(MODEL.guards)
    said = {name for fact in MODEL.facts.values() for name in fact.objections}
    assert said - {each.name for each in Refusal} == {each.name for each in Objection} - ELSEWHERE
    assert {name for name in MODEL.edges if name != "quarantine"} <= {
        way.transaction or way.name for way in WAYS
    }


@pytest.fixture
def driven_ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(empty_ledger(tmp_path / "ledger.db"), RememberingQueue(), HandClock())
    unguarded(opened)
    hurried(opened)
    clock = opened._clock
    assert isinstance(clock, HandClock)
    crowd(opened, clock)
    yield opened
    opened.close()


class Replay:
    """Random lives of plans, led towards what no life has shown yet, each step held against the model."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.ledger, self.chance = ledger, random.Random(seed)
        self.taken: set[tuple[str, str]] = set()
        self.missed: set[tuple[str, str]] = set()
        """Which facts were seen as the only one missing, by guard."""

    def live(self, number: int) -> None:
        clock = self.ledger._clock
        assert isinstance(clock, HandClock)
        needed, tier = self.chance.choice(((1, 1), (1, 2), (2, 3)))
        driven = unsaid(self.ledger, clock, f"object-{number}", needed, tier=tier)
        for _ in range(40):
            broken = self._world(driven) if self.chance.random() < 0.5 else ""
            over = driven.ps in TERMINAL
            if not self._step(driven) and over:
                break
            if broken in MENDED:
                BREAKS[broken](driven)
        driven.leave()

    @property
    def untaken(self) -> set[tuple[str, str]]:
        """Edges that no life has taken."""
        return {(start.value, end.value) for start, end in EDGES} - self.taken

    @property
    def unmissed(self) -> set[tuple[str, str]]:
        """Facts that never were all that was missing, by guard."""
        alone = {(guard, fact) for guard, facts in MODEL.guards.items() for fact in facts}
        # A deny moves the plan at once, and nobody gets its object before: the claim alone never finds them.
        return alone - self.missed - {("MAY_CLAIM", "NO_DENY"), ("MAY_CLAIM", "UNRIVALLED")}

    @property
    def seen_all(self) -> bool:
        """Whether more lives of this kind would show nothing new."""
        return not self.untaken and not self.unmissed

    def _world(self, driven: Driven) -> str:
        state = driven.state()
        lessons = {
            fact
            for way, argument in self._options(driven)
            for fact in MODEL.guards[way.guard]
            if fact in BREAKS
            and (way.guard, fact) not in self.missed
            and MODEL.holds(way.guard, state, argument)
        }
        unset = (str(state["ps"]), "QUARANTINED") not in self.taken and driven.ps in LOCKING
        what = "INTACT" if unset else self.chance.choice(sorted(lessons) or sorted(BREAKS))
        BREAKS[what](driven)
        return what

    def _step(self, driven: Driven) -> bool:
        """One thing is asked; whether it showed anything that no life had shown."""
        state = driven.state()
        options = list(self._options(driven))
        new = [each for each in options if self._teaches(each, state)]
        able = [each for each in options if MODEL.holds(each[0].guard, state, each[1])]
        onward = [each for each in able if each[0].name in ONWARD]
        refused = [each for each in new if each not in able]
        first = refused or self.chance.choice((new, onward, onward, options))
        way, argument = self.chance.choice(next(filter(None, (first, onward, able, options))))
        missing = [fact for fact in MODEL.guards[way.guard] if not MODEL.holds(fact, state, argument)]
        answer = self._ask(driven, way, argument)
        moved = driven.new_moves()
        self._object_is_held_until_the_end(driven)
        told = f"{way.name}({argument}) in {state}: answered {answer!r}, moved {moved}"
        if way.name == "claim" and state["ps"] == "APPROVED" and not state["tampered"]:
            assert driven.state()["lost"] == MODEL.holds("LOSES", state), told
        if missing:
            objections = frozenset().union(*(MODEL.facts[fact].objections for fact in missing))
            silent = way.name in {"expire", "cancel", "supersede"}
            assert silent or answer in objections, told
            self._allowed(moved, MODEL.edges["quarantine"] if "INTACT" in missing else frozenset(), told)
        else:
            assert answer == "", told
            self._allowed(moved, way.edges, told)
            # Only approve may count a word and move nothing.
            assert moved or not way.edges or way.name in {"approve", "answer"}, told
        if len(missing) == 1:
            self.missed.add((way.guard, missing[0]))
        return (way, argument) in new

    def _object_is_held_until_the_end(self, driven: Driven) -> None:
        """I9: from the draft on, and not longer."""
        assert (driven.state()["lock"] == "OUR_LOCK") == (driven.ps in ACTIVE)

    def _options(self, driven: Driven) -> Iterator[tuple[Way, int | None]]:
        for way in WAYS:
            if (way.name == "draft") != (driven.ps is None):
                continue
            needs_claim = way.name in ACTING or way.name.startswith("say_")
            if (needs_claim and not driven.claims) or (way.name == "answer" and not driven.intents):
                continue
            for argument in range(way.people or way.actors) if way.people or way.actors else (None,):
                yield way, argument

    def _teaches(self, option: tuple[Way, int | None], state: State) -> bool:
        way, argument = option
        missing = [fact for fact in MODEL.guards[way.guard] if not MODEL.holds(fact, state, argument)]
        if len(missing) == 1:
            return (way.guard, missing[0]) not in self.missed
        if "INTACT" in missing:
            return way.name == "expire" and self._unseen(MODEL.edges["quarantine"], state)
        return not missing and self._unseen(way.edges, state)

    def _unseen(self, edges: frozenset[Edge], state: State) -> bool:
        here = {(edge.start, edge.end) for edge in edges if edge.start == state["ps"]}
        return bool(here - self.taken)

    def _ask(self, driven: Driven, way: Way, argument: int | None) -> str:
        if way.name == "finish":
            fresh = [end for end in ENDS if ("EXECUTING", end.value) not in self.taken]
            return driven.finish(argument or 0, self.chance.choice(fresh or ENDS))
        ask = getattr(driven, way.name)
        answer: str = ask() if argument is None else ask(argument)
        return answer

    def _allowed(self, moved: list[Edge], edges: frozenset[Edge], told: str) -> None:
        assert len(moved) <= 1, told
        for edge in moved:
            allowed = {each.who for each in edges if (each.start, each.end) == (edge.start, edge.end)}
            assert allowed & {ANYONE, edge.who}, told
            self.taken.add((edge.start, edge.end))


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 300)
def test_random_lives_of_plans_in_the_ledger_are_lives_of_the_model(driven_ledger: Ledger) -> None:
    replay = Replay(driven_ledger, 1)
    for number in range(scale("model_traces")):
        replay.live(number)
        if replay.seen_all and not PROVING:
            break
    # A slice shows nearly all there is to see; all of it is shown where all of it is proved.
    assert len(replay.untaken | replay.unmissed) <= (0 if PROVING else 8), (replay.untaken, replay.unmissed)


def test_another_may_sign_in_the_place_of_one_who_lost_the_right_as_in_the_model(
    driven_ledger: Ledger,
) -> None:
    clock = driven_ledger._clock
    assert isinstance(clock, HandClock)
    driven = unsaid(driven_ledger, clock, "object", 1)
    assert [driven.draft(), driven.rehearse(), driven.post(), driven.approve(0)] == [""] * 4
    assert not MODEL.holds("MAY_APPROVE", driven.state(), 1)
    assert driven.approve(1) == "NO_SUCH_EDGE"
    driven.right[0] = driven.right[ALIAS] = False
    assert MODEL.holds("LOSES", driven.state())
    assert driven.claim(0) == "APPROVER_LOST_RIGHT"
    assert MODEL.holds("MAY_APPROVE", driven.state(), 1)
    assert driven.approve(1) == ""
    assert driven.state()["lost"] is False
    assert MODEL.holds("MAY_CLAIM", driven.state())
    assert driven.claim(0) == ""
