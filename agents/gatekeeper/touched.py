"""What a plan touches, as blocks of the card: from the very bytes that are signed. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import listed, paragraph
from agents.incident import Plan
from tools.policy.words import touched, warnings
from tools.slack import Block


def touched_blocks(plan: Plan) -> list[Block]:
    """The reach of each step and its warnings; nothing for plans from before this was stated."""
    blocks = []
    for step, radius in zip(plan.steps, plan.radius, strict=False):
        title = f"What it touches ({step.target})" if len(plan.steps) > 1 else "What it touches"
        blocks += [paragraph(title, ""), listed(list(touched(radius)))]
        if said := warnings(radius):
            blocks.append(paragraph("Mind", " ".join(said)))
    return blocks
