"""From marks to shares: by score, by family, and against a baseline. Pure.

A share is told with its count: nine of ten and ninety of a hundred are not the same news. A case that is not
in the baseline is compared with nothing, so a new scenario can fail without anything having become worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evals.trials.run import Fact, Run
from evals.trials.scorers import SCORES, Mark


class Judged(Fact):
    """A run with its marks. ``name`` is the case's, ``family`` its scenario's."""

    name: str
    family: str
    run: Run
    marks: tuple[Mark, ...]

    @property
    def wrong(self) -> tuple[Mark, ...]:
        """The marks that went against it."""
        return tuple(mark for mark in self.marks if mark.right is False)


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many right of so many asked."""

    right: int = 0
    asked: int = 0

    @property
    def value(self) -> float | None:
        """0 to 1, None when nothing was asked."""
        return self.right / self.asked if self.asked else None


@dataclass(frozen=True, kw_only=True)
class Fallen:
    """A mark that was right in the baseline and is not any more."""

    name: str
    score: str
    why: str


def shares(judged: Iterable[Judged]) -> dict[str, Share]:
    """The share of each score over these runs, in the order in which scores are told."""
    found = [mark for one in judged for mark in one.marks if mark.right is not None]
    return {
        name: Share(
            right=sum(bool(mark.right) for mark in found if mark.score == name),
            asked=sum(mark.score == name for mark in found),
        )
        for name in SCORES
    }


def families(judged: Sequence[Judged]) -> dict[str, tuple[Judged, ...]]:
    """The runs by family, in order."""
    return {
        family: tuple(one for one in judged if one.family == family)
        for family in sorted({one.family for one in judged})
    }


Baseline = dict[str, list[str]]
"""Case → the scores that were right."""


def baseline_of(judged: Iterable[Judged]) -> Baseline:
    """What to compare the next evaluation with."""
    return {
        one.name: [mark.score for mark in one.marks if mark.right]
        for one in sorted(judged, key=lambda one: one.name)
    }


def fallen(judged: Iterable[Judged], before: Baseline) -> tuple[Fallen, ...]:
    """Every mark that was right before and is wrong or gone now; cases that did not run are not compared."""
    lost = []
    for one in judged:
        now = {mark.score: mark for mark in one.marks}
        for score in before.get(one.name, ()):
            mark = now.get(score)
            if mark is None or mark.right is False:
                lost.append(
                    Fallen(name=one.name, score=score, why=mark.why if mark else "not asked any more")
                )
    return tuple(lost)


def risen(judged: Iterable[Judged], before: Baseline) -> int:
    """How many marks are right now that were wrong before."""
    return sum(
        bool(mark.right) and mark.score not in before[one.name]
        for one in judged
        if one.name in before
        for mark in one.marks
    )
