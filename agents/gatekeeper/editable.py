"""What of a plan a person may type anew, and the form that asks for it. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import LONGEST, clipped, context, paragraph, plain
from agents.gatekeeper.modals import View, modal
from agents.incident import Plan
from tools.kubernetes.actions.catalogue import sentence
from tools.kubernetes.actions.editing import Editable, Limits, editable

MOST_FIELDS = 20


def is_editable(plan: Plan) -> bool:
    """Whether the plan has a value that can be typed. An undo has none: it puts back what was there."""
    return not plan.undo_of and bool(fields_of(plan, 2.0))


def edit_view(plan: Plan, private: str, factor: float) -> View:
    """The form: one field a value, with what is there, what is planned and what is allowed."""
    blocks = [paragraph("In place of:", clipped(". ".join(map(sentence, plan.steps)), LONGEST))]
    for n, (_, one) in enumerate(fields_of(plan, factor), start=1):
        element = {
            "type": "plain_text_input",
            "action_id": "typed",
            "initial_value": clipped(one.planned, 40),
            "max_length": 40,
        }
        blocks.append(
            {
                "type": "input",
                "block_id": f"value-{n}",
                "label": plain(one.label, 150),
                "element": element,
                "hint": plain(f"now {one.present}; allowed: {one.bounds}", 300),
            }
        )
    says = "This makes a new plan. It is rehearsed first, and somebody else has to approve it."
    made = modal("edit", "Edit the change", "Make a new plan")
    return {**made, "private_metadata": private, "blocks": [*blocks, context(says)]}


def fields_of(plan: Plan, factor: float) -> list[tuple[int, Editable]]:
    """The values that may be typed, each with the number of its step from 0."""
    found = [
        (n, one) for n, step in enumerate(plan.steps) for one in editable(step, limits_of(plan, n, factor))
    ]
    return found[:MOST_FIELDS]


def limits_of(plan: Plan, n: int, factor: float) -> Limits:
    """What values of step ``n`` must keep to: the disruption budget counts from the plan's own bytes."""
    # From the bytes that were signed for: the gatekeeper has no cluster to ask.
    budget = plan.radius[n].budget if n < len(plan.radius) else None
    return Limits(factor=factor, least=max(1, budget.need if budget else 1))
