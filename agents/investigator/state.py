"""What a thread of the graph remembers: plain JSON, small, and never authoritative.

Evidence is kept by reference in the ledger; decisions are read from the ledger. A checkpoint
that was lost, old or forged can at worst make a stage run again (threat T45).
"""

from __future__ import annotations

from typing import TypedDict


class State(TypedDict, total=False):
    """One incident's thread. ``round`` counts investigations, ``finished`` ends the thread.

    ``seen`` are the fingerprints of the alerts that the round looked into; ``blind`` counts the rounds
    that told nothing (too early, or nobody answered), ``again`` says that the last one was one.

    ``nonce`` is chosen by the stage before the one that drafts, so that a draft repeated after a
    kill is found again instead of being made a second time.
    """

    incident: int
    round: int
    blind: int
    again: bool
    nonce: str
    namespaces: list[str]
    seen: list[str]
    plan_id: str
    undo_of: str
    verify_from: str
    not_recovered: bool
    spent: dict[str, int]
    finished: bool
    next: str
