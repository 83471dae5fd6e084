"""Scoring the localisation against generated faults.

Faults that were kept out of tuning are counted apart: only they say how it does on a graph nobody has looked
at. A graph without a fault counts as right when nobody is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agents.investigator.analyzers.localisation import Suspect, suspects
from evals.localisation.graphs import Trouble, trouble

FAULTS = 90
"""Of each kind; every third was kept out of tuning, by its seed."""
QUIET = 60
FLOOR = 0.90
"""What is promised of the first name, of all cases and of those kept out of tuning."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One case and what was said to it, best first."""

    case: Trouble
    found: tuple[Suspect, ...]

    @property
    def held(self) -> bool:
        """Whether tuning never looked at it."""
        return self.case.seed % 3 == 0

    def among(self, first: int) -> bool:
        """Whether the origin is among the first so many."""
        return self.case.origin in [one.service for one in self.found[:first]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of ``asked`` faults the shares named first and among three; of ``quiet`` ones, how many got nobody."""

    asked: int
    at_1: float
    at_3: float
    quiet: int
    silent: int


def answers(faults: int = FAULTS, quiet: int = QUIET) -> list[Answered]:
    """Every case, answered."""
    wanted = [("latency", faults), ("errors", faults), ("none", quiet)]
    cases = (trouble(seed, kind) for kind, count in wanted for seed in range(count))
    return [Answered(case=case, found=suspects(case.calls, case.series, case.began)) for case in cases]


def scores(told: list[Answered]) -> dict[str, Score]:
    """All cases, and parts of them."""
    return {
        "all": _score(told),
        "latency": _score(one for one in told if one.case.kind != "errors"),
        "errors": _score(one for one in told if one.case.kind != "latency"),
        "kept out of tuning": _score(one for one in told if one.held),
    }


def _score(told: Iterable[Answered]) -> Score:
    every = list(told)
    faulty = [one for one in every if one.case.origin]
    quiet = [one for one in every if not one.case.origin]
    return Score(
        asked=len(faulty),
        at_1=sum(one.among(1) for one in faulty) / len(faulty),
        at_3=sum(one.among(3) for one in faulty) / len(faulty),
        quiet=len(quiet),
        silent=sum(not one.found for one in quiet),
    )


def kept(found: dict[str, Score]) -> bool:
    """Whether what is promised holds, of all and of what no tuning looked at."""
    return all(found[part].at_1 >= FLOOR for part in ("all", "kept out of tuning"))
