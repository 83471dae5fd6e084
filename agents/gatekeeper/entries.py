"""What a card's thread says: the evidence, and each turn of the plan, once. Pure."""

from __future__ import annotations

import hashlib

from agents.gatekeeper.blocks import code, paragraph
from agents.ledger.protocol import PlanState
from agents.ledger.statements import how
from agents.ledger.story import Story
from tools.redaction import redact
from tools.slack import Block

EXCERPT = 1_200
MOST_EVIDENCE = 8


def entries(story: Story) -> list[tuple[str, Block]]:
    """The entries wanted by now, each with the key that makes it appear once."""
    return [*_evidence(story), *_patch(story), *_turns(story), *_end(story)]


def _evidence(story: Story) -> list[tuple[str, Block]]:
    if story.diagnosis is None:
        return []
    cited = {number for claim in story.diagnosis.claims for number in claim.evidence}
    shown = [item for item in story.evidence if item.id in cited][:MOST_EVIDENCE]
    return [
        (f"evidence-{item.id}", code(redact(f"{item.id} {item.tool} {item.query}\n{_short(item.excerpt)}")))
        for item in shown
    ]


def _patch(story: Story) -> list[tuple[str, Block]]:
    patch = story.diagnosis.patch if story.diagnosis else ""
    # By its text: another look may find another change.
    key = f"patch-{hashlib.sha256(patch.encode()).hexdigest()[:12]}"
    return [(key, code(redact(f"To commit where it is deployed from:\n{patch}")))] if patch else []


def _short(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}\n… (whole on the incident page)"


def _turns(story: Story) -> list[tuple[str, Block]]:
    turns = []
    for view in story.plans:
        # A waiting plan is the card itself; only what became of it is worth an entry.
        if view.state in {PlanState.DRAFT, PlanState.PENDING}:
            continue
        # By id and not by name: a name in a new message calls its person.
        people = ", ".join(f"{d.approver.user_id} ({d.verdict.value}{how(d)})" for d in view.decisions)
        said = "" if view.reason in {d.approver.user_id for d in view.decisions} else view.reason
        text = ". ".join(part for part in (f"Decided by {people}" if people else "", said) if part)
        turns.append((f"{view.plan.id}-{view.state.value}", paragraph(f"Plan {view.state.value}", text)))
    return turns


def _end(story: Story) -> list[tuple[str, Block]]:
    if story.outcome is None:
        return []
    checks = "\n".join(
        f"{'yes' if good else 'no '}  {name}" for name, good in sorted(story.outcome.checks.items())
    )
    return [("outcome", code(redact(f"{story.outcome.sentence}\n{checks}")))]
