"""The forms that are opened for one person: why not, and, from tier 2 on, which exact bytes. Pure.

They are rendered from the ledger at the click and not from the card, which somebody with the bot's
token could have edited (threat T43).
"""

from __future__ import annotations

from agents.gatekeeper.blocks import code, context, fields, listed, paragraph
from agents.gatekeeper.whole import diff_of, digest_of, whole_text
from agents.incident import Plan, Preview
from agents.ledger.moves import TYPED_DIGITS
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.redaction import redact
from tools.slack import Block, Blocks

DIFF_ON_FORM = 8_000
View = dict[str, object]


def reject_view(plan: Plan, private: str) -> View:
    """The form that asks why; ``private`` says what was clicked, where and by whom, under a seal."""
    asks = {"type": "plain_text_input", "action_id": "reason", "multiline": True, "max_length": 500}
    return {
        **modal("reject", "Reject the change", "Reject"),
        "private_metadata": private,
        "blocks": [paragraph("Not to be done:", words_of(plan)), _input("why", "Why?", asks)],
    }


def approve_view(plan: Plan, preview: Preview | None, private: str) -> View:
    """The form in which the approver types the beginning of the digest of what it shows."""
    length = {"min_length": TYPED_DIGITS, "max_length": TYPED_DIGITS}
    asks = {"type": "plain_text_input", "action_id": "typed", **length}
    label = f"Type the first {TYPED_DIGITS} digits of the digest above"
    return {
        **modal("approve", "Approve the change", "Approve"),
        "private_metadata": private,
        "blocks": [*_shown(plan, preview), _input("digits", label, asks)],
    }


def words_of(plan: Plan) -> str:
    """All steps of the plan in words."""
    return ". ".join(sentence(step) for step in plan.steps)


def modal(name: str, title: str, submit: str) -> View:
    """The frame of a form: its name, title and the words on its button."""
    words = {"title": title, "submit": submit, "close": "Back"}
    return {
        "type": "modal",
        "callback_id": name,
        **{key: {"type": "plain_text", "text": text} for key, text in words.items()},
    }


def _input(block_id: str, label: str, element: Block) -> Block:
    says = {"type": "plain_text", "text": label}
    return {"type": "input", "block_id": block_id, "label": says, "element": element}


def _shown(plan: Plan, preview: Preview | None) -> Blocks:
    steps = [f"{n}. {sentence(step)}" for n, step in enumerate(plan.steps, start=1)]
    risks = dict.fromkeys(CATALOGUE[step.verb].risks for step in plan.steps if step.verb in CATALOGUE)
    facts = [
        ("Cluster", plan.cluster_uid),
        ("Risk", f"T{plan.tier}"),
        ("What can go wrong", " ".join(risks) or "unknown"),
        ("Expires", f"{plan.pending_until:%H:%M:%S} UTC"),
    ]
    blocks = [
        paragraph("To be done, once:", plan.incident),
        listed(steps),
        *_diff(plan, preview),
        fields(facts),
    ]
    return [*blocks, paragraph("Digest of the plan", ""), code(redact(plan.digest))]


def _diff(plan: Plan, preview: Preview | None) -> Blocks:
    diff = diff_of(preview)
    if len(diff) <= DIFF_ON_FORM:
        return [code(diff)]
    text = whole_text(plan, preview)
    says = (
        f"The whole change has {len(text)} characters and is a file in the thread; SHA-256 {digest_of(text)}"
    )
    return [context(says)]
