"""The whole of a change as a text file, for what does not fit on a card: never truncated. Pure.

The same text is uploaded to the card's thread and named on the card by its SHA-256; until it is there the
card has no Approve button, because nobody shall sign what cannot be read.
"""

from __future__ import annotations

import hashlib

from agents.incident import Plan, Preview
from agents.ledger.cards import ChatFile
from agents.ledger.story import PlanView, Story
from tools.kubernetes.actions.catalogue import sentence
from tools.policy.words import touched, warnings
from tools.redaction import RedactedText, redact

DIFF_ON_CARD = 2_500
WORDS_ON_CARD = 900
STEPS_ON_CARD = 2
"""How many steps a card tells with all that each of them touches."""


def diff_of(preview: Preview | None) -> RedactedText:
    """What the API server's dry-run says would change, of all steps."""
    return redact("\n".join(preview.diffs) if preview else "")


def is_long(plan: Plan, preview: Preview | None) -> bool:
    """Whether the change is more than a card can show."""
    words = sum(len(redact(sentence(step))) + 2 for step in plan.steps)
    return len(diff_of(preview)) > DIFF_ON_CARD or words > WORDS_ON_CARD


def whole_text(plan: Plan, preview: Preview | None) -> str:
    """Everything that is signed, as one text."""
    # The digest first: it is what is compared with the card and typed from tier 2 on.
    steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps)} steps"
    lines = [f"Plan {plan.digest} for {plan.incident}, {steps}", ""]
    for n, step in enumerate(plan.steps, start=1):
        lines.append(f"{n}. {sentence(step)}")
        if n <= len(plan.radius):
            reach = plan.radius[n - 1]
            lines += [f"   {said}" for said in (*touched(reach), *warnings(reach))]
    diffs = preview.diffs if preview else ()
    for n, diff in enumerate(diffs, start=1):
        lines += ["", f"--- step {n}, as the API server's dry-run says", diff]
    return "\n".join(redact(line) for line in lines) + "\n"


def digest_of(text: str) -> str:
    """The SHA-256 of the file's bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(view: PlanView) -> str:
    """The key of the file among those of the thread."""
    return f"change-{view.plan.id}"


def file_of(story: Story, view: PlanView) -> ChatFile | None:
    """The file that shows exactly this change, if it is there."""
    wanted = digest_of(whole_text(view.plan, view.preview))
    found = (file for file in story.files if file.key == key_of(view) and file.sha256 == wanted)
    return next(found, None)


def readable(story: Story, view: PlanView) -> bool:
    """Whether all that is signed can be read in the chat."""
    return not is_long(view.plan, view.preview) or file_of(story, view) is not None
