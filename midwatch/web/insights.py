"""The page of insights: every figure with its definition, the stretch before it as a baseline, and charts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from pydantic import Field

from agents.ledger import stretches
from agents.ledger.feedback import Grade
from agents.ledger.insights import FIGURES, Amount, Facts, Figure, Unit
from agents.ledger.store import Ledger
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.charts import Point, bars, line
from midwatch.web.frame import Shown, span

LONGEST = 90
"""Days that are counted at once; a longer stretch would be read for seconds."""
Days = Annotated[int, Field(ge=1, le=LONGEST)]
TOP = 8
FRESH = timedelta(minutes=1)
GATES = ("to_card", "to_decision", "to_change", "to_verified")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure in words: now, before, and whether that is better."""

    title: str
    says: str
    now: str
    ninth: str
    of: str
    before: str
    trend: str


@dataclass(kw_only=True)
class Counted:
    """The facts of a period and of the one before, counted anew once a minute however many look."""

    ledger: Ledger
    _kept: dict[int, tuple[Facts, Facts]] = field(default_factory=dict, repr=False)

    def beside(self, days: int) -> tuple[Facts, Facts]:
        """Of the last so many days and of as many before them."""
        until, length = self.ledger.now(), timedelta(days=days)
        kept = self._kept.get(days)
        if kept is not None and until - kept[0].until < FRESH:
            return kept
        with self.ledger.read() as session:
            now = stretches.facts(session, until - length, until)
            before = stretches.facts(session, until - 2 * length, until - length)
        self._kept[days] = now, before
        return now, before


def router(ledger: Ledger, shown: Shown) -> APIRouter:
    """The page's route; ``shown`` renders a template as the other pages do."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])
    counted = Counted(ledger=ledger)

    @routes.get("/insights")
    def page(request: Request, days: Days = 30) -> Response:
        now, before = counted.beside(days)
        content: dict[str, object] = {
            "days": days,
            "since": now.since,
            "until": now.until,
            "lines": [_line(figure, now, before) for figure in FIGURES],
            "charts": _charts(now, before),
        }
        return shown(request, "insights.html", content)

    return routes


def _line(figure: Figure, now: Facts, before: Facts) -> Line:
    is_now, was = figure.made(now), figure.made(before)
    return Line(
        title=figure.title,
        says=figure.says,
        now=written(is_now.value, figure.unit),
        ninth="" if is_now.ninth is None else f"{written(is_now.ninth, figure.unit)} for nine of ten",
        of=f"of {is_now.of}" if figure.unit in {"time", "share"} and is_now.of else "",
        before=written(was.value, figure.unit),
        trend=_trend(figure, is_now, was),
    )


def _trend(figure: Figure, now: Amount, before: Amount) -> str:
    """``better``, ``worse`` or nothing: a word, for a colour alone tells nothing."""
    if not figure.good or now.value is None or before.value is None or now.value == before.value:
        return ""
    return "better" if (now.value < before.value) == (figure.good == "less") else "worse"


def written(value: float | None, unit: Unit) -> str:
    """A value in words; what is not known is never 0."""
    if value is None:
        return "not known"
    if unit == "time":
        minutes, seconds = divmod(round(value), 60)
        # Below a quarter of an hour seconds tell two nights apart.
        return f"{minutes} min {seconds} s" if 1 <= minutes < 15 else span(timedelta(seconds=value))
    if unit == "share":
        return f"{value * 100:.1f} %"
    return f"{value:.4f}" if unit == "money" else f"{value:,.0f}"


def _charts(now: Facts, before: Facts) -> list[Markup]:
    gates = [figure for figure in FIGURES if figure.key in GATES]
    drawn = [
        line("Incidents a day", _by_day(now)),
        bars("Time at each gate, median", [_gate(figure, now) for figure in gates]),
        bars("The same in the period before", [_gate(figure, before) for figure in gates]),
    ]
    tops = (
        ("Top causes", now.causes),
        ("Noisy alerts: incidents each opened", now.alerts),
        ("Of those, ended without anything being done", now.for_nothing),
        ("Plans by where they stand", now.ends),
        ("Why clicks did not count", now.refusals),
    )
    drawn += [bars(title, _top(counts)) for title, counts in tops if counts]
    if now.grades:
        said = [
            Point(label=one.says, value=n, shown=str(n)) for one in Grade for n in [now.grades[one.value]]
        ]
        drawn.append(bars("What people said of the diagnoses", said))
    return drawn


def _gate(figure: Figure, facts: Facts) -> Point:
    found = figure.made(facts).value
    return Point(label=figure.title, value=found, shown=written(found, "time"))


def _top(counts: Counter[str]) -> list[Point]:
    # Of as many by name: as the database happens to hand them out they would change places by themselves.
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:TOP]
    return [Point(label=name, value=n, shown=str(n)) for name, n in most]


def _by_day(facts: Facts) -> list[Point]:
    days = (facts.until - facts.since).days
    found: Counter[int] = Counter((facts.until - life.opened).days for life in facts.lives)
    return [
        Point(label=_day(facts.until, ago), value=found[ago], shown=str(found[ago]))
        for ago in reversed(range(days))
    ]


def _day(until: datetime, ago: int) -> str:
    return f"{until - timedelta(days=ago):%d %b}"
