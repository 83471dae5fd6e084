"""What is proved: configurations that must hold, and mutants with one wall (or two) taken away.

A mutant that holds is no failure of the proof when its wall stands before another one; each such
is named here with the reason, so that a new one is a surprise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from evals.proofs.reading import Model


class Result(StrEnum):
    """What spin found: no way to break a promise, or a way."""

    HOLDS = "holds"
    CAUGHT = "caught"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run: words for the preprocessor, facts taken for granted, and what must come of it."""

    name: str
    defines: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    expected: Result = Result.CAUGHT
    why: str

    def text(self, model: Model) -> str:
        """The model as this case has it."""
        for fact in self.granted:
            model = model.granting(fact)
        return model.text


def _configuration(why: str, *defines: str) -> Case:
    name = " ".join(defines) or "K=1 STEPS=1"
    return Case(name=name, defines=defines, expected=Result.HOLDS, why=why)


CONFIGURATIONS = (
    _configuration("one approval, one step"),
    _configuration("what has to be typed", "TIER=2"),
    _configuration("two people", "K=2"),
    _configuration("two objects", "STEPS=2"),
    _configuration("two people, two objects", "K=2", "STEPS=2"),
    _configuration("a gate at the API server", "SEALED"),
    _configuration("the gate, two people, two objects", "K=2", "STEPS=2", "SEALED"),
    _configuration("two reconcilers", "READERS=2"),
)

FAULTS = (
    Case(name="NOCAS", defines=("NOCAS",), why="the claim reads, then writes"),
    Case(name="NOPRE", defines=("NOPRE",), why="a request carries no precondition"),
    Case(name="NOPRE, two steps", defines=("NOPRE", "STEPS=2"), why="the same with two objects"),
    Case(name="RETRY", defines=("RETRY",), why="the reconciler sends again instead of only reading"),
    Case(name="PROOF_AFTER", defines=("PROOF_AFTER",), why="it looks first, then proves the owner dead"),
    Case(name="SENDS_FIRST", defines=("SENDS_FIRST",), why="a request leaves without its intent"),
    Case(name="UNKNOWN_FREES", defines=("UNKNOWN_FREES",), why="UNKNOWN gives the object back"),
    Case(name="NOGATE", defines=("SEALED", "NOGATE"), why="the API server does not ask the gate"),
    Case(name="NOFENCE", granted=("OWNER_GONE",), why="NOT_APPLIED is said while the owner may live"),
    Case(
        name="NOFENCE, sealed",
        defines=("SEALED",),
        granted=("OWNER_GONE",),
        why="the gate is closed, but nobody waits for it",
        expected=Result.HOLDS,
    ),
    Case(
        name="DENY_MOVES_NOTHING",
        defines=("DENY_MOVES_NOTHING",),
        why="a deny is recorded only: the claim still asks for it",
        expected=Result.HOLDS,
    ),
    Case(
        name="NODENYWINS",
        defines=("DENY_MOVES_NOTHING",),
        granted=("NO_DENY",),
        why="a deny is recorded and nobody asks for it",
    ),
    Case(
        name="ROWS_COUNT, said twice",
        defines=("K=2", "ROWS_COUNT"),
        granted=("UNSAID",),
        why="rows are counted, and one person makes two",
    ),
    Case(
        name="ROWS_COUNT, two accounts",
        defines=("K=2", "ROWS_COUNT"),
        granted=("NEW_HUMAN",),
        why="the same, through two accounts",
    ),
    Case(name="NORECHECK", defines=("K=2",), granted=("ENOUGH",), why="rights are asked at the click only"),
    Case(name="NOHALT", granted=("NOT_HALTED", "STILL_NOT_HALTED"), why="nobody asks for the halt"),
)

_HELD = {
    "NO_DENY": "a deny has moved the plan to DENIED before",
    "UNSAID": "humans are counted and not rows; with rows counted it has a mutant of its own",
    "NEW_HUMAN": "humans are counted and not accounts; with rows counted it has a mutant of its own",
    "UNRIVALLED": "the object is the plan's from its draft on, and nobody else's",
    "MINE": "of two actors only one comes out of the claim; the compare-and-set has a mutant of its own",
    "LEASED": "an attempt is taken over by leaving EXECUTING, and that is asked as well",
    "LEASE_OVER": "a living owner loses its ending, no promise: it finds itself out of EXECUTING",
}
"""Facts without which every promise still holds, and which other wall holds it."""

_WITH = {"UNSAID": "K=2", "NEW_HUMAN": "K=2", "CONFIRMED": "TIER=2"}
"""Facts that matter only when two people must sign, or when something has to be typed."""


def _granting(fact: str) -> Case:
    return Case(
        name=f"without {fact}",
        defines=(_WITH[fact],) if fact in _WITH else (),
        granted=(fact,),
        expected=Result.HOLDS if fact in _HELD else Result.CAUGHT,
        why=_HELD.get(fact, "taken for granted"),
    )


def cases(model: Model) -> tuple[Case, ...]:
    """All of them; every fact of the model has its mutant without being named here."""
    return (*CONFIGURATIONS, *FAULTS, *(_granting(fact) for fact in model.facts))
