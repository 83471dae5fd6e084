"""Which series of the stored evidence an incident's plots are drawn from, and what is marked in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agents.incident import Evidence, Finding, Severity
from agents.ledger.plots import MOST, plots
from agents.ledger.story import Story
from tests.support.told import CHECKOUT, a_diagnosis, a_story, an_evidence
from tests.support.world_cluster import START
from tools import tracks
from tools.prometheus import Track

WEB = {"pod": "web-1"}
POINTS = ((60.0, 0.5), (120.0, 0.75))


def seen(number: int, *labels: dict[str, str], **changes: Any) -> Evidence:
    drawn = [Track(labels=each, points=POINTS) for each in labels]
    return an_evidence(number, tracks.written(drawn, 60)).model_copy(update=changes)


def finding(*evidence: str, **changes: Any) -> Finding:
    fields = {"metric": "memory", "series": WEB, "unit": "share", "threshold": 0.9}
    values: dict[str, Any] = {"fields": fields | changes.pop("fields", {}), "evidence": evidence}
    return Finding(code="c", severity=Severity.INFO, object=CHECKOUT, message="m", **(values | changes))


def story(findings: tuple[Finding, ...], *evidence: Evidence) -> Story:
    return a_story(diagnosis=a_diagnosis(findings=findings), evidence=evidence)


def test_a_plot_is_the_series_of_a_finding_with_its_limit_and_its_times() -> None:
    changed = finding("E1", since=START - timedelta(minutes=5), fields={"changed_at": "then"})
    (drawn,) = plots(story((changed,), seen(1, {"pod": "other"}, WEB)))
    assert (drawn.title, drawn.unit, drawn.limit) == ("memory: Deployment shop/checkout", "share", 0.9)
    assert drawn.lines == (POINTS,)
    assert drawn.began == START.timestamp()
    assert drawn.changed == (START - timedelta(minutes=5)).timestamp()


def test_only_a_change_that_was_seen_is_marked() -> None:
    (drawn,) = plots(story((finding("E1", since=START),), seen(1, WEB)))
    assert drawn.changed is None
    (drawn,) = plots(story((finding("E1", fields={"changed_at": "then", "unit": None}),), seen(1, WEB)))
    assert (drawn.changed, drawn.unit) == (None, "")


def test_nothing_is_drawn_without_a_series_a_metric_or_a_look_that_went_well() -> None:
    bare = Finding(code="c", severity=Severity.INFO, object=CHECKOUT, message="m", evidence=("E1",))
    nameless = bare.model_copy(update={"fields": {"series": WEB}})
    seriesless = bare.model_copy(update={"fields": {"metric": "memory"}})
    assert plots(story((bare, nameless, seriesless), seen(1, WEB))) == ()
    assert plots(story((finding("E1"),), seen(1, WEB, ok=False))) == ()
    assert plots(story((finding("E2"),), seen(1, WEB))) == ()
    assert plots(a_story(diagnosis=None, evidence=(seen(1, WEB),))) == ()


def test_the_same_series_is_drawn_once_and_of_many_the_first() -> None:
    names = [{"pod": f"web-{n}"} for n in range(MOST + 1)]
    many = tuple(finding("E9", "E1", "E1", fields={"series": name}) for name in (names[0], *names))
    drawn = plots(story(many, seen(1, *names)))
    assert len(drawn) == MOST
    others = (finding("E1"), finding("E1", fields={"metric": "cpu"}))
    assert [one.title.partition(":")[0] for one in plots(story(others, seen(1, WEB)))] == ["memory", "cpu"]
