"""The card: one message an incident, rendered by plain code from the plan's own bytes. Pure.

Facts come from the ledger; a model's prose, if there is any, stands apart under its own title.
What is being approved is never truncated: a diff too long for a message goes to the thread as
parts, and the card says so with its digest.
"""

from __future__ import annotations

import hashlib

import orjson

from agents.gatekeeper.blocks import code, confirm, context, fields, header, listed, paragraph
from agents.incident import Diagnosis, Plan, Recovery, Value
from agents.ledger.protocol import ACTIVE, TERMINAL, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.story import PlanView, Story
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.redaction import redact
from tools.slack import Block, Message

DIFF_ON_CARD = 4_000
_WORDS = {
    PlanState.APPROVED: "Approved. The actor is checking everything once more.",
    PlanState.EXECUTING: "Being done now.",
    PlanState.UNKNOWN: "UNKNOWN: the answer was lost. Midwatch only reads now; please look at the object.",
    PlanState.SUCCEEDED: "Done. Watching whether it helped.",
    PlanState.FAILED: "Not done: the cluster refused it.",
    PlanState.PARTIAL: "Partly done: a later step was refused. Nothing goes on by itself.",
    PlanState.NOT_APPLIED: "Not done: the object is as it was before.",
    PlanState.STALE: "Not done: the object changed after this was shown.",
    PlanState.DENIED: "Rejected.",
    PlanState.EXPIRED: "Expired. Nothing was changed.",
    PlanState.CANCELLED: "Cancelled. Nothing was changed.",
    PlanState.SUPERSEDED: "A newer plan took its place.",
    PlanState.REFUSED: "The cluster's dry-run refused this plan. Nothing was changed.",
    PlanState.QUARANTINED: "Set aside: the stored bytes do not fit their digest. Nothing was changed.",
}


class Rendering(Value):
    """A rendered card and the digest of what it shows."""

    blocks: list[Block]
    text: str
    digest: str

    def message(self, key: str) -> Message:
        """The message to post, findable by ``key``."""
        return Message(blocks=self.blocks, text=self.text, key=key)


def render(story: Story, seal: SealKey, public_url: str) -> Rendering:
    """The card of an incident as it stands."""
    incident = story.incident
    link = (f"{public_url}/incidents/{incident.number}", incident.id)
    blocks = [
        header(f"{incident.severity}: {incident.title}"),
        context(
            f"cluster {incident.cluster}",
            f"opened {incident.opened_at:%H:%M:%S} UTC",
            f"{len(incident.alerts)} alert{'s' if len(incident.alerts) != 1 else ''}",
            "" if story.outcome or _under_way(story.plan) else incident.phase,
        ),
        *_what_is_wrong(story, link),
    ]
    if story.plan is not None:
        blocks += _change(story.plan, seal, over=story.outcome is not None)
    blocks += _ending(story)
    text = redact(f"{incident.id} {incident.title}")
    return Rendering(blocks=blocks, text=text, digest=hashlib.sha256(orjson.dumps(blocks)).hexdigest())


def _under_way(view: PlanView | None) -> bool:
    # While somebody is asked or something is done, the plan's own words say where it stands.
    return view is not None and view.state in ACTIVE


def _what_is_wrong(story: Story, link: tuple[str, str]) -> list[Block]:
    diagnosis = story.diagnosis
    if diagnosis is None:
        return [paragraph("What is wrong", "Looking.", link)]
    cause = diagnosis.cause.sentence if diagnosis.cause else "The cause was not established."
    blocks = [paragraph("What is wrong", f"{cause} (confidence: {diagnosis.confidence})", link)]
    proof = [f"{claim.text} [{', '.join(claim.evidence)}]" for claim in diagnosis.claims[:4]]
    if proof:
        blocks.append(listed(proof))
    return blocks + _beside(diagnosis)


def _beside(diagnosis: Diagnosis) -> list[Block]:
    blocks = []
    if diagnosis.not_checked:
        blocks.append(context(f"Could not be checked: {'; '.join(diagnosis.not_checked[:5])}"))
    if diagnosis.prose and diagnosis.source == "model":
        blocks.append(paragraph("A model's words, unchecked:", diagnosis.prose))
    if diagnosis.no_plan_because:
        blocks.append(paragraph("No change proposed:", diagnosis.no_plan_because))
    return blocks


def _change(view: PlanView, seal: SealKey, *, over: bool) -> list[Block]:
    plan = view.plan
    blocks = [paragraph("The exact change", ". ".join(sentence(step) for step in plan.steps))]
    if view.preview is not None:
        blocks += _diff_blocks(view.preview.diffs)
    if view.note:
        blocks.append(context(f"Why this one: {view.note}"))
    blocks.append(fields(_facts(view)))
    if _asking(view):
        blocks.append(_buttons(plan, seal))
    else:
        blocks.append(paragraph("Decision", _said(view, over=over)))
    blocks.append(context(f"plan {plan.digest[:12]}"))
    return blocks


def _asking(view: PlanView) -> bool:
    # A previewed draft is rendered with its buttons, because posting them is what makes it PENDING.
    ready = view.state is PlanState.DRAFT and view.preview is not None
    return ready or view.state is PlanState.PENDING


def _diff_blocks(diffs: tuple[str, ...]) -> list[Block]:
    whole = "\n".join(diffs)
    if len(whole) <= DIFF_ON_CARD:
        return [code(redact(whole))]
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return [context(f"The diff has {len(whole)} characters and is whole in the thread; SHA-256 {digest}")]


def long_diff(view: PlanView) -> str:
    """The diff that does not fit on the card, or nothing."""
    whole = "\n".join(view.preview.diffs) if view.preview else ""
    return whole if len(whole) > DIFF_ON_CARD else ""


def _facts(view: PlanView) -> list[tuple[str, str]]:
    plan = view.plan
    verbs = [CATALOGUE[step.verb] for step in plan.steps if step.verb in CATALOGUE]
    final = dict.fromkeys(verb.undo for verb in verbs if not verb.reversible)
    given = sum(1 for decision in view.decisions if decision.verdict == "approve")
    return [
        ("Risk", f"T{plan.tier}"),
        ("What can go wrong", " ".join(verb.risks for verb in verbs) or "unknown"),
        ("Undo", " ".join(final) or "Offered as a plan of its own if this does not help"),
        ("Approvals", f"{given}/{plan.approvals_needed}"),
        ("Expires", f"{plan.pending_until:%H:%M:%S} UTC"),
        ("Rule", f"policy {plan.policy_version}"),
    ]


def _buttons(plan: Plan, seal: SealKey) -> Block:
    value = seal.button(plan.id)
    words = ". ".join(sentence(step) for step in plan.steps)
    approve = {
        "type": "button",
        "action_id": "approve",
        "text": {"type": "plain_text", "text": "Approve"},
        "style": "primary",
        "value": value,
        "confirm": confirm("Approve this change?", f"{words}. Once, within two minutes.", "Approve"),
    }
    reject = {
        "type": "button",
        "action_id": "reject",
        "text": {"type": "plain_text", "text": "Reject"},
        "style": "danger",
        "value": value,
    }
    return {"type": "actions", "block_id": f"decide-{plan.id}", "elements": [approve, reject]}


def _said(view: PlanView, *, over: bool) -> str:
    words = _WORDS.get(view.state, "Being rehearsed against the cluster.")
    if over and view.state is PlanState.SUCCEEDED:
        words = "Done."
    people = ", ".join(f"{d.approver.user_id} ({d.verdict.value})" for d in view.decisions)
    detail = view.reason if view.state in TERMINAL and view.state is not PlanState.SUCCEEDED else ""
    return " ".join(part for part in (words, detail, f"Decided by {people}." if people else "") if part)


def _ending(story: Story) -> list[Block]:
    if story.outcome is None:
        return []
    mark = {Recovery.RECOVERED: "Recovered", Recovery.NOT_RECOVERED: "Not recovered"}
    return [paragraph(mark.get(story.outcome.recovery, "Closed"), story.outcome.sentence)]


def reject_view(plan: Plan, private: str) -> dict[str, object]:
    """The modal that asks why; ``private`` carries the sealed button and where it was clicked."""
    words = ". ".join(sentence(step) for step in plan.steps)
    return {
        "type": "modal",
        "callback_id": "reject",
        "private_metadata": private,
        "title": {"type": "plain_text", "text": "Reject the change"},
        "submit": {"type": "plain_text", "text": "Reject"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            paragraph("Not to be done:", words),
            {
                "type": "input",
                "block_id": "why",
                "label": {"type": "plain_text", "text": "Why?"},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "max_length": 500,
                },
            },
        ],
    }
