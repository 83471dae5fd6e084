"""What a plan touches and may do, in words: from the very bytes that are signed. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import paragraph
from agents.incident import Plan
from tools.kubernetes.actions.catalogue import CATALOGUE, undo_words
from tools.kubernetes.actions.step import Step
from tools.policy.words import touched, warnings
from tools.slack import Block

_IN_REACH = 3
"""So many lines of what is touched are summed up in ``reach``."""
MOST_UNDONE = 3


def reach(plan: Plan) -> str:
    """Replicas, disruption budgets and traffic in one line, over all steps; what is not known is said."""
    replicas = [radius.replicas for radius in plan.radius]
    traffic = [radius.requests_per_second for radius in plan.radius]
    budgets = {radius.budget.name: radius.budget for radius in plan.radius if radius.budget}
    said = [
        f"{_sum(replicas)} replica{'' if replicas == [1] else 's'}",
        "; ".join(f"budget {name} needs {one.need}, lets {one.allowed} go" for name, one in budgets.items())
        or "no disruption budget",
        f"{_sum(traffic)} requests/s",
    ]
    return ", ".join(said) if plan.radius else "not stated"


def in_short(plan: Plan) -> list[tuple[str, str]]:
    """What a person weighs before signing, wherever that is: reach, risks and the way back."""
    verbs = [CATALOGUE[step.verb] for step in plan.steps if step.verb in CATALOGUE]
    return [
        ("Blast radius", reach(plan)),
        ("What can go wrong", " ".join(dict.fromkeys(verb.risks for verb in verbs)) or "unknown"),
        ("Undo", _undo(plan)),
    ]


def _undo(plan: Plan) -> str:
    """What undoing it would put back, the last step first; what cannot be undone before all of it."""
    final = {step.verb for step in plan.steps if not _can_go_back(step)}
    words = [undo_words(step) for step in reversed(plan.steps) if step.verb in final]
    words += [undo_words(step) for step in reversed(plan.steps) if step.verb not in final]
    told = [one.rstrip(".") for one in dict.fromkeys(words)]
    more = len(told) - MOST_UNDONE
    said = ". ".join(told[:MOST_UNDONE]) + (f"; and {more} more" if more > 0 else "")
    own = any(step.verb not in final for step in plan.steps)
    return f"{said} (a plan of its own, offered if this does not help)" if own else f"{said}."


def _can_go_back(step: Step) -> bool:
    return step.verb in CATALOGUE and CATALOGUE[step.verb].reversible


def _sum(values: list[int | None] | list[float | None]) -> str:
    # One that is not known makes the sum not known: less than the truth would be worse than nothing.
    return "unknown" if None in values else f"{sum(value or 0 for value in values):g}"


def touched_blocks(plan: Plan, most: int) -> list[Block]:
    """The reach of the first steps and its warnings; nothing for plans from before this was stated."""
    blocks = []
    for step, radius in list(zip(plan.steps, plan.radius, strict=False))[:most]:
        title = f"What it touches ({step.target})" if len(plan.steps) > 1 else "What it touches"
        # Pods, traffic and budget stand among the facts; a card is read on a phone.
        blocks.append(paragraph(title, "; ".join(touched(radius)[_IN_REACH:])))
        if said := warnings(radius):
            blocks.append(paragraph("Mind", " ".join(said)))
    return blocks
