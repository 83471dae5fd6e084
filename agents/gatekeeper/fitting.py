"""Making a message fit into Slack's limits: the least important pieces give way, and the card says so. Pure.

What is essential is bounded where it is made, so that together it always fits: a card that Slack refuses
would be one that nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterable

from agents.gatekeeper.blocks import context
from agents.incident import Value
from tools.slack import Block, Blocks

MOST_BLOCKS = 50
MOST_CHARACTERS = 12_500
"""Slack refuses a message at about 13,000 characters in all its blocks."""
ESSENTIAL = 0


class Piece(Value):
    """Some blocks that stay or go together; the higher ``gives_way``, the sooner they go."""

    gives_way: int = ESSENTIAL
    blocks: Blocks
    name: str = ""


def fitted(pieces: Iterable[Piece]) -> Blocks:
    """The blocks of all the pieces that fit; a last line names what was left out."""
    kept = list(pieces)
    left_out: list[str] = []
    while _over(kept, left_out) and (least := max(kept, key=lambda one: one.gives_way)).gives_way:
        # Whole pieces go, and are named: nobody shall think that there was nothing.
        kept.remove(least)
        left_out.append(least.name)
    # Nothing is cut in the middle: half a sentence may say the opposite of the whole.
    return _blocks(kept, left_out)


def _over(kept: list[Piece], left_out: list[str]) -> bool:
    blocks = _blocks(kept, left_out)
    return len(blocks) > MOST_BLOCKS or characters(blocks) > MOST_CHARACTERS


def _blocks(kept: list[Piece], left_out: list[str]) -> Blocks:
    blocks = [block for piece in kept for block in piece.blocks]
    names = ", ".join(dict.fromkeys(left_out))
    return [*blocks, context(f"No room here, but on the page: {names}")] if left_out else blocks


def characters(value: Block | Blocks | object) -> int:
    """How many characters all texts in there have together."""
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(characters(one) for one in inner)
