"""The card: one message an incident, rendered by plain code from the plan's own bytes. Pure.

Facts come from the ledger; a model's prose, if there is any, stands apart under its own title.
What is being approved is never truncated: a diff too long for a message goes to the thread as
parts, and the card says so with its digest.
"""

from __future__ import annotations

import hashlib

import orjson

from agents.gatekeeper.blocks import code, confirm, context, fields, header, listed, paragraph, people
from agents.gatekeeper.modals import words_of
from agents.gatekeeper.remembered import remembered_blocks
from agents.gatekeeper.touched import touched_blocks
from agents.incident import Diagnosis, Plan, Receipt, Recovery, Value, Verdict
from agents.ledger.decisions import approvals
from agents.ledger.moves import confirmed
from agents.ledger.protocol import ACTIVE, LOCKING, TERMINAL, Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.story import PlanView, Story
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.redaction import redact
from tools.slack import Block, Message

DIFF_ON_CARD = 4_000
MOST_CHANGES = 3
"""Changes before the start that a card tells, the nearest first; the incident's page has more."""

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
_HINDERED = {
    PlanState.DRAFT: "Not shown for signing yet: {}.",
    PlanState.APPROVED: "Approved, but not begun: {}.",
    PlanState.UNKNOWN: "UNKNOWN: {}. Midwatch only reads; please look at the object.",
}
_BEGUN = LOCKING | {PlanState.SUCCEEDED, PlanState.PARTIAL, PlanState.FAILED}


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
        *remembered_blocks(story, public_url),
    ]
    if story.halted and _under_way(story.plan):
        blocks.append(paragraph("Midwatch is halted", f"{story.halted}. Nothing is changed until then."))
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
    if diagnosis.changed:
        lines = [f"{claim.text} [{', '.join(claim.evidence)}]" for claim in diagnosis.changed[:MOST_CHANGES]]
        blocks += [paragraph("Changed before:", ""), listed(lines)]
    if diagnosis.not_checked:
        blocks.append(context(f"Could not be checked: {'; '.join(diagnosis.not_checked[:5])}"))
    if diagnosis.unheard:
        blocks.append(context(f"No model was heard: {diagnosis.unheard}"))
    if diagnosis.prose and diagnosis.source == "model":
        blocks.append(paragraph("A model's words, unchecked:", diagnosis.prose))
    if diagnosis.no_plan_because:
        blocks.append(paragraph("No change proposed:", diagnosis.no_plan_because))
    return blocks


def _change(view: PlanView, seal: SealKey, *, over: bool) -> list[Block]:
    plan = view.plan
    blocks = [paragraph("The exact change", words_of(plan))]
    if view.preview is not None:
        blocks += _diff_blocks(view.preview.diffs)
    blocks += touched_blocks(plan)
    if view.note:
        blocks.append(context(f"Why this one: {view.note}"))
    blocks.append(fields(_facts(view)))
    blocks += _steps(view)
    if _asking(view):
        blocks += _so_far(view)
    else:
        blocks.append(paragraph("Decision", _said(view, over=over)))
    buttons = _buttons(view, seal)
    blocks += [{"type": "actions", "block_id": f"decide-{plan.id}", "elements": buttons}] if buttons else []
    blocks.append(context(f"plan {plan.digest[:12]}"))
    return blocks


def _asking(view: PlanView) -> bool:
    # A previewed draft is rendered with its buttons, because posting them is what makes it PENDING.
    ready = view.state is PlanState.DRAFT and view.preview is not None
    return (ready and not view.obstacle) or view.state is PlanState.PENDING


def _so_far(view: PlanView) -> list[Block]:
    given = [decision for decision in view.decisions if decision.verdict is Verdict.APPROVE]
    if not given:
        return []
    words = f"{approvals(given)} of {view.plan.needed}, by "
    return [people("Approved so far", words, [one.approver.user_id for one in given])]


def _steps(view: PlanView) -> list[Block]:
    """What was done of a plan of several steps, and what was not, once something was begun."""
    receipts = {receipt.step: receipt for receipt in view.receipts}
    if len(view.plan.steps) == 1 or view.state not in _BEGUN:
        return []
    lines = [
        f"{n}. {sentence(step)}: {_became(receipts.get(n))}"
        for n, step in enumerate(view.plan.steps, start=1)
    ]
    return [paragraph("Step by step", ""), listed(lines)]


def _became(receipt: Receipt | None) -> str:
    if receipt is None:
        return "not begun"
    if receipt.result_at is None:
        return "sent, no answer seen"
    return "done" if receipt.http_status == 200 else f"not done ({receipt.outcome})"


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
    return [
        ("Risk", f"T{plan.tier}"),
        ("What can go wrong", " ".join(dict.fromkeys(verb.risks for verb in verbs)) or "unknown"),
        ("Undo", " ".join(final) or "Offered as a plan of its own if this does not help"),
        ("Approvals", f"{approvals(view.decisions)} of {plan.needed}"),
        ("Expires", f"{plan.pending_until:%H:%M:%S} UTC"),
        ("Rule", f"policy {plan.policy_version[:12]}"),
    ]


def _buttons(view: PlanView, seal: SealKey) -> list[Block]:
    """What may be clicked: both while it is asked; once approved, Reject until it is begun (P7)."""
    approved = view.state is PlanState.APPROVED
    again = approved and view.obstacle == Objection.APPROVER_LOST_RIGHT.value
    buttons = [_approve(view.plan, seal)] if _asking(view) or again else []
    return [*buttons, _button("reject", "danger", seal.button(view.plan.id))] if buttons or approved else []


def _approve(plan: Plan, seal: SealKey) -> Block:
    button = _button("approve", "primary", seal.button(plan.id))
    if not confirmed(plan, ""):
        # Its form asks for more than a dialog could.
        return button
    words = f"{words_of(plan)}. Once, within {plan.claim_within_s} s."
    return button | {"confirm": confirm("Approve this change?", words, "Approve")}


def _button(action: str, style: str, value: str) -> Block:
    words = {"type": "plain_text", "text": action.capitalize()}
    return {"type": "button", "action_id": action, "text": words, "style": style, "value": value}


def _said(view: PlanView, *, over: bool) -> str:
    words = _WORDS.get(view.state, "Being rehearsed against the cluster.")
    if view.obstacle:
        words = _HINDERED.get(view.state, words).format(view.obstacle)
        if view.obstacle == Objection.APPROVER_LOST_RIGHT.value:
            words += " Somebody else who may sign can approve it now."
    if over and view.state is PlanState.SUCCEEDED:
        words = "Done."
    who = ", ".join(f"{d.approver.user_id} ({d.verdict.value})" for d in view.decisions)
    detail = view.reason if view.state in TERMINAL and view.state is not PlanState.SUCCEEDED else ""
    return " ".join(part for part in (words, detail, f"Decided by {who}." if who else "") if part)


def _ending(story: Story) -> list[Block]:
    if story.outcome is None:
        return []
    mark = {Recovery.RECOVERED: "Recovered", Recovery.NOT_RECOVERED: "Not recovered"}
    return [paragraph(mark.get(story.outcome.recovery, "Closed"), story.outcome.sentence)]
