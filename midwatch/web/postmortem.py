"""A postmortem's first draft: what the record and the evidence say, and nothing else. Pure.

Every line names where it is from, so a reader can check it and a writer can leave out what does not matter.
What people decided, felt or learned is not in the record: that is theirs to add.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.gatekeeper.remembered import told as remembered
from agents.incident import Claim, Hypothesis
from agents.ledger.statements import how
from agents.ledger.story import PlanView, Story
from agents.ledger.tags import Tag
from midwatch.web.frame import span
from midwatch.web.lines import Line
from midwatch.web.quoting import Exhibit
from tools.kubernetes.actions.catalogue import sentence
from tools.policy.words import touched, warnings
from tools.redaction import redact

QUIET = {Tag.EVIDENCE_STORED.value, Tag.DELIVERY_ACCEPTED.value, Tag.CARD_UPDATED.value}
"""Events that a reader of a postmortem does not want to read one by one."""
SAYS = {tag.value: tag.says for tag in Tag}
"""What each kind of event means; one of another release is named by its tag."""
_MARKS = re.compile(r"([\\`*_\[\]<>#|~&!])")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a line is from: a name and an address within the pages."""

    name: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """One line with its sources; ``block`` is a diff or a patch beneath it."""

    text: str
    sources: tuple[Source, ...]
    block: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a draft is made from: the story, its events oldest first, its evidence with the quotes."""

    story: Story
    events: Sequence[Line]
    exhibits: dict[str, Exhibit]

    @property
    def home(self) -> str:
        """The address of the incident."""
        return f"/incidents/{self.story.incident.number}"

    def event(self, *tags: Tag) -> Source:
        """The newest event of one of these kinds; without one, the incident itself."""
        names = {tag.value for tag in tags}
        rows = [row for row in self.events if row.tag in names]
        return self.row(rows[-1]) if rows else Source(name=self.story.incident.id, path=self.home)

    def row(self, row: Line) -> Source:
        """One event of the record."""
        return Source(name=f"event {row.seq}", path=f"/ledger?before={row.seq + 1}")

    def plan(self, view: PlanView) -> Source:
        """One plan on the page of the incident."""
        return Source(name=f"plan {view.plan.digest[:12]}", path=f"{self.home}#plan-{view.plan.id}")

    def proof(self, claim: Claim, number: int) -> tuple[Source, ...]:
        """The evidence that carries a claim, at the quoted part."""
        return tuple(self.look(item, number) for item in claim.evidence)

    def look(self, item: str, number: int = 0) -> Source:
        """One piece of evidence, at what the claim of this number quotes."""
        shown = self.exhibits.get(item)
        aim = shown.aims.get(number, "") if shown else ""
        return Source(name=item, path=f"{self.home}/evidence/{item}{f'#{aim}' if aim else ''}")


def draft(case: Case) -> tuple[Section, ...]:
    """The draft; a section that the record has nothing for says so."""
    parts = (
        ("Summary", _summary(case)),
        ("Impact", _impact(case)),
        ("Timeline", _timeline(case)),
        ("Cause", _cause(case)),
        ("What was changed, and who signed it", _changes(case)),
        ("Outcome", _outcome(case)),
        ("Follow-ups", _follow_ups(case)),
    )
    nothing = Said(text="The record says nothing of this.", sources=(case.event(Tag.INCIDENT_OPENED),))
    return tuple(Section(title=title, lines=tuple(lines) or (nothing,)) for title, lines in parts)


def _summary(case: Case) -> Iterator[Said]:
    incident, diagnosis = case.story.incident, case.story.diagnosis
    opened = f"{incident.severity}: {incident.title}. Opened {_at(incident.opened_at)}"
    closed = f", closed {_at(incident.closed_at)}" if incident.closed_at else ", still open"
    yield Said(text=f"{opened}{closed}.", sources=(case.event(Tag.INCIDENT_OPENED),))
    if diagnosis is not None:
        cause = diagnosis.cause.sentence if diagnosis.cause else "The cause was not established."
        sure = f"Confidence {diagnosis.confidence}, by {diagnosis.source}."
        yield Said(text=f"{cause} {sure}", sources=(case.event(Tag.DIAGNOSIS_WRITTEN),))


def _impact(case: Case) -> Iterator[Said]:
    # How long it was felt is what the alerts say; how many people felt it is not in the record.
    for alert in case.story.incident.alerts:
        place = ", ".join(f"{key} {value}" for key, value in sorted(alert.labels.items()) if key in _WHERE)
        end = alert.ends_at if not alert.firing else None
        lasted = f" until {_at(end)}, {span(end - alert.starts_at)}" if end else ", no end is recorded"
        text = f"{alert.name} ({place}) fired from {_at(alert.starts_at)}{lasted}."
        yield Said(text=text, sources=(case.event(Tag.INCIDENT_OPENED, Tag.ALERT_JOINED),))
    for view in case.story.plans[-1:]:
        for radius in view.plan.radius:
            yield Said(text=f"In reach: {'; '.join(touched(radius))}.", sources=(case.plan(view),))


_WHERE = {"namespace", "deployment", "statefulset", "daemonset", "service", "pod", "container", "job", "node"}


def _timeline(case: Case) -> Iterator[Said]:
    for row in case.events:
        if row.tag not in QUIET:
            yield Said(
                text=f"{_at(row.at)} {SAYS.get(row.tag, row.tag)} {row.text}", sources=(case.row(row),)
            )


def _cause(case: Case) -> Iterator[Said]:
    diagnosis = case.story.diagnosis
    if diagnosis is None:
        return
    for number, claim in enumerate((*diagnosis.claims, *diagnosis.changed), start=1):
        before = "Changed before: " if number > len(diagnosis.claims) else ""
        yield Said(text=f"{before}{claim.text}", sources=case.proof(claim, number))
    written = (case.event(Tag.DIAGNOSIS_WRITTEN),)
    if diagnosis.cause is not None and diagnosis.cause.unexplained:
        yield Said(text=f"Left open by it: {'; '.join(diagnosis.cause.unexplained)}.", sources=written)
    for other in diagnosis.alternatives:
        yield Said(text=_other(other), sources=written)
    for missing in diagnosis.not_checked:
        yield Said(text=f"Not checked: {missing}.", sources=written)


def _other(other: Hypothesis) -> str:
    left = f" It leaves open: {'; '.join(other.unexplained)}." if other.unexplained else ""
    return f"Considered as well, and fits less: {other.sentence}{left}"


def _changes(case: Case) -> Iterator[Said]:
    for view in case.story.plans:
        plan, source = view.plan, (case.plan(view),)
        # Plans that nobody signed belong here too: what was not done is part of what happened.
        what = ". ".join(sentence(step) for step in plan.steps)
        undo = f" Undo of {plan.undo_of}." if plan.undo_of else ""
        stands = f"It stands at {view.state.value}{f': {view.reason}' if view.reason else ''}."
        diff = "\n".join(view.preview.diffs) if view.preview else ""
        yield Said(text=f"{what}.{undo} {stands}", sources=source, block=diff)
        for one in view.decisions:
            who = f"{one.approver.user_id} of {one.approver.team_id}"
            words = f" {one.reason}" if one.reason else ""
            text = (
                f"{_at(one.at)} {who}: {one.verdict.value}{how(one)}, digest {one.plan_digest[:12]}.{words}"
            )
            yield Said(text=text, sources=(case.event(Tag.PLAN_DECIDED),))
        for receipt in view.receipts:
            answer = f"{receipt.outcome or 'no answer seen'} {receipt.http_status or ''}".strip()
            text = f"{_at(receipt.intent_at)} step {receipt.step} was sent: {answer}."
            yield Said(text=text, sources=(case.event(Tag.STEP_ANSWERED, Tag.STEP_INTENDED),))


def _outcome(case: Case) -> Iterator[Said]:
    outcome = case.story.outcome
    if outcome is None:
        return
    judged = (case.event(Tag.INCIDENT_CLOSED, Tag.CHANGE_JUDGED),)
    yield Said(text=f"{_at(outcome.at)} {outcome.recovery.value}: {outcome.sentence}", sources=judged)
    for check, held in outcome.checks.items():
        yield Said(text=f"{check}: {'yes' if held else 'no'}", sources=judged)


def _follow_ups(case: Case) -> Iterator[Said]:
    diagnosis = case.story.diagnosis
    # What the evidence itself asks for; whatever people promise each other they add.
    for view in case.story.plans[-1:]:
        for radius in view.plan.radius:
            yield from (Said(text=line, sources=(case.plan(view),)) for line in warnings(radius))
    if diagnosis is None:
        return
    written = (case.event(Tag.DIAGNOSIS_WRITTEN),)
    if diagnosis.patch:
        text = "Commit this where the object is deployed from."
        yield Said(text=text, sources=written, block=diagnosis.patch)
    for missing in diagnosis.not_checked:
        yield Said(text=f"Make it possible to look: {missing}.", sources=written)
    for past in case.story.past:
        seen = Source(name=f"INC-{past.incident}", path=f"/incidents/{past.incident}")
        text = f"It came before: {remembered(past, case.story)} Look for what ends it for good."
        yield Said(text=text, sources=(seen,))


def markdown(case: Case, sections: Sequence[Section], public_url: str) -> str:
    """The draft as Markdown; every address in full, every stranger's word without power."""
    incident = case.story.incident
    lines = [f"# Postmortem of {incident.id}: {inert(incident.title)}", ""]
    lines += ["A draft from the record. Every line names its source; what people add is theirs.", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for said in section.lines:
            named = ", ".join(f"[{one.name}]({public_url}{one.path})" for one in said.sources)
            lines.append(f"- {inert(said.text)} ({named})")
            lines += _fenced(said.block)
        lines.append("")
    return "\n".join(lines)


def inert(text: str) -> str:
    """A stranger's words as one line of Markdown that formats, links and names nobody."""
    # One line: a line break would let a label begin a heading or a list of its own.
    flat = " ".join(redact(text).split())
    return _MARKS.sub(r"\\\1", flat).replace("://", r"\://").replace("www.", r"www\.").replace("@", r"\@")


def _fenced(block: str) -> list[str]:
    if not block:
        return []
    # Longer than any fence within, or the block could end itself and go on as text.
    longest = max((len(run) for run in re.findall(r"`+", block)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", *(f"  {line}" for line in (f"{fence}diff", *redact(block).splitlines(), fence)), ""]


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
