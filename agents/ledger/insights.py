"""What a team wants to know of a stretch of time, and how each figure is defined. Pure.

A figure that nothing was counted for is unknown and never 0. Times are told as the median: a mean is led
astray by one long night; beside it stands the ninth of ten. Everything belongs to the incidents that were
opened in the stretch, whenever their plans were decided. ``docs/insights.md`` is generated from here.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Unit = Literal["time", "share", "count", "money"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """The moments of one incident; None is what did not happen, or not yet."""

    number: int
    opened: datetime
    resolved: datetime | None = None
    card: datetime | None = None
    decided: datetime | None = None
    changed: datetime | None = None
    judged: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that was counted in a stretch of time."""

    since: datetime
    until: datetime
    lives: tuple[Life, ...] = ()
    verdicts: Counter[str] = field(default_factory=Counter)
    """Decisions of people: ``approve`` and ``deny``."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Clicks that did not count, by the reason that was given."""
    ends: Counter[str] = field(default_factory=Counter)
    """Plans by the state they are in."""
    judged: Counter[str] = field(default_factory=Counter)
    """Changes that were watched, by what was found."""
    begun: int = 0
    undone: int = 0
    failed: int = 0
    grades: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    claims: int = 0
    dropped: int = 0
    tokens: int = 0
    cost: int | None = None
    """In millionths; None as soon as that of one question is unknown."""
    causes: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    """Incidents by the name of their alerts."""
    for_nothing: Counter[str] = field(default_factory=Counter)
    """Those of them that ended without anything being done."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A figure: its value, None where it is unknown, and from how many cases; of times, the ninth of ten."""

    value: float | None
    of: int
    ninth: float | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure: its name, its definition in a sentence, and how it is made from the facts."""

    key: str
    title: str
    unit: Unit
    says: str
    made: Callable[[Facts], Amount]
    good: Literal["less", "more", ""] = ""
    """Which direction is better, if either is."""


def _times(spans: Iterable[timedelta | None]) -> Amount:
    # A clock that jumped can put an end before its beginning: that says nothing about people.
    found = sorted(span.total_seconds() for span in spans if span is not None and span >= timedelta())
    if not found:
        return Amount(value=None, of=0)
    ninth = found[min(len(found) - 1, int(len(found) * 0.9))]
    return Amount(value=statistics.median(found), of=len(found), ninth=ninth)


def _between(start: str, end: str) -> Callable[[Facts], Amount]:
    def made(facts: Facts) -> Amount:
        moments = [(getattr(life, start), getattr(life, end)) for life in facts.lives]
        return _times(last - first for first, last in moments if first is not None and last is not None)

    return made


def _share(part: Callable[[Facts], int], whole: Callable[[Facts], int]) -> Callable[[Facts], Amount]:
    def made(facts: Facts) -> Amount:
        of = whole(facts)
        return Amount(value=part(facts) / of if of else None, of=of)

    return made


def _count(number: Callable[[Facts], int]) -> Callable[[Facts], Amount]:
    return lambda facts: Amount(value=float(number(facts)), of=number(facts))


def _cost(facts: Facts) -> Amount:
    return Amount(value=None if facts.cost is None else facts.cost / 1_000_000, of=facts.questions)


FIGURES: tuple[Figure, ...] = (
    Figure(
        key="incidents",
        title="Incidents",
        unit="count",
        says="Incidents that were opened in the period.",
        made=_count(lambda facts: len(facts.lives)),
    ),
    Figure(
        key="mtta",
        title="Time to a person's word (MTTA)",
        unit="time",
        says="From an incident's opening to the first decision of a person about it, approval or rejection.",
        made=_between("opened", "decided"),
        good="less",
    ),
    Figure(
        key="to_card",
        title="Alert to card",
        unit="time",
        says="From an incident's opening to its card in the chat.",
        made=_between("opened", "card"),
        good="less",
    ),
    Figure(
        key="to_decision",
        title="Card to decision",
        unit="time",
        says="From the card to the first decision of a person.",
        made=_between("card", "decided"),
        good="less",
    ),
    Figure(
        key="to_change",
        title="Decision to change",
        unit="time",
        says="From the first decision to the moment before the first request was sent to the cluster.",
        made=_between("decided", "changed"),
        good="less",
    ),
    Figure(
        key="to_verified",
        title="Change to verified",
        unit="time",
        says="From the first request to the verdict whether the alert's own signal recovered.",
        made=_between("changed", "judged"),
        good="less",
    ),
    Figure(
        key="mttr",
        title="Time to recovery (MTTR)",
        unit="time",
        says="From an incident's opening to the end of all its alerts, by whomever they were ended.",
        made=_between("opened", "resolved"),
        good="less",
    ),
    Figure(
        key="verified",
        title="Verified recoveries",
        unit="share",
        says="Of the changes that were watched, those after which the alert's own signal recovered.",
        made=_share(lambda facts: facts.judged["recovered"], lambda facts: facts.judged.total()),
        good="more",
    ),
    Figure(
        key="reversal",
        title="Reversals",
        unit="share",
        says="Of the changes that were done, those that a later plan undid.",
        made=_share(lambda facts: facts.undone, lambda facts: facts.ends["SUCCEEDED"]),
        good="less",
    ),
    Figure(
        key="change_failure",
        title="Change failures",
        unit="share",
        says="Of the plans that were begun, those that ended FAILED, PARTIAL or UNKNOWN, or after which the "
        "alert did not recover.",
        made=_share(lambda facts: facts.failed, lambda facts: facts.begun),
        good="less",
    ),
    Figure(
        key="approvals",
        title="Approvals",
        unit="share",
        says="Of the decisions of people, those that approved.",
        made=_share(lambda facts: facts.verdicts["approve"], lambda facts: facts.verdicts.total()),
    ),
    Figure(
        key="refused",
        title="Clicks that did not count",
        unit="count",
        says="Clicks and forms that were refused; the reasons are below.",
        made=_count(lambda facts: facts.refusals.total()),
    ),
    Figure(
        key="accuracy",
        title="Diagnosis accuracy",
        unit="share",
        says="Of the grades that people gave, those that say that the cause was right.",
        made=_share(
            lambda facts: facts.grades["right"] + facts.grades["cause"], lambda facts: facts.grades.total()
        ),
        good="more",
    ),
    Figure(
        key="unsupported",
        title="Unsupported claims",
        unit="share",
        says="Of the claims that models made, those that the evidence did not carry; nobody was shown them.",
        made=_share(lambda facts: facts.dropped, lambda facts: facts.claims),
        good="less",
    ),
    Figure(
        key="tokens",
        title="Tokens",
        unit="count",
        says="Tokens in and out of language models; of a question without an answer, what was set aside.",
        made=_count(lambda facts: facts.tokens),
        good="less",
    ),
    Figure(
        key="cost",
        title="Money",
        unit="money",
        says="What the models' answers cost by the prices in the settings; unknown as soon as one price is.",
        made=_cost,
        good="less",
    ),
)


def markdown() -> str:
    """The definitions as a table."""
    rows = [f"| {figure.title} | {figure.says} | {_UNITS[figure.unit]} |" for figure in FIGURES]
    return "\n".join(["| figure | definition | told as |", "|---|---|---|", *rows])


_UNITS: dict[Unit, str] = {
    "time": "median, and the ninth of ten",
    "share": "share in per cent",
    "count": "number",
    "money": "in the prices' money",
}
