"""Which plots an incident's page and card show: drawn again from stored evidence, nothing is kept of them.

A picture that was kept could differ from the evidence beside it; one that is drawn again cannot.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Evidence, Finding
from agents.ledger.story import Story
from tools import tracks
from tools.plot import Plot
from tools.prometheus import Track

MOST = 3
"""More pictures than that are not looked at."""


def plots(story: Story) -> tuple[Plot, ...]:
    """The series that the diagnosis' findings were read from, those near the alert first."""
    if story.diagnosis is None:
        return ()
    evidence = {item.id: item for item in story.evidence}
    began = min((alert.starts_at.timestamp() for alert in story.incident.alerts), default=None)
    drawn: dict[str, Plot] = {}
    for finding in story.diagnosis.findings:
        for track in _tracks(finding, evidence):
            plot = _plot(finding, track, began)
            if not plot.empty:
                drawn.setdefault(f"{plot.title} {track.labels}", plot)
    return tuple(drawn.values())[:MOST]


def _tracks(finding: Finding, evidence: dict[str, Evidence]) -> Iterator[Track]:
    series = finding.fields.get("series")
    if not series or "metric" not in finding.fields:
        return
    cited = (evidence[number] for number in finding.evidence if number in evidence)
    for item in cited:
        yield from (track for track in tracks.read(item.excerpt) if item.ok and track.labels == series)


def _plot(finding: Finding, track: Track, began: float | None) -> Plot:
    fields = finding.fields
    changed = finding.since.timestamp() if finding.since and "changed_at" in fields else None
    return Plot(
        title=f"{fields['metric']}: {finding.object}",
        lines=(track.points,),
        unit=str(fields.get("unit") or ""),
        limit=fields.get("threshold"),
        began=began,
        changed=changed,
    )
