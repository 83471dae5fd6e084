"""How far a proof goes: a slice of its figure in every run, all of it with ``make prove``.

A test that takes its number from here carries the mark ``proof``; that is what ``make prove`` runs.
"""

from __future__ import annotations

import os

# Read once at the start: the suite takes every setting of ours out of a test's environment.
PROVING = os.environ.get("MIDWATCH_PROVE") == "1"

_SLICE_AND_ALL = {
    "claim_proposals": (20, 1_000),
    "claim_threads": (16, 64),
    "conditions": (50, 20_000),
    "copies": (6, 1_000),
    "drifts": (150, 10_000),
    "ended_writes": (5, 100),
    "forged_webhooks": (300, 20_000),
    "graph_faults": (8, 90),
    "halts": (9, 200),
    "hostile_outputs": (1_000, 20_000),
    "intake_kills": (5, 2_000),
    "kills_each": (1, 25),
    "kills_any": (12, 1_000),
    "lost_answers": (14, 2_000),
    "machine_examples": (40, 3_400),
    "model_traces": (40, 2_000),
    "mutated_plans": (80, 5_000),
    "policies": (12, 5_000),
    "raw_requests": (1_200, 200_000),
    "recorded_approvals": (10, 1_000),
    "replayed_deliveries": (2_400, 10_000),
    "revocations": (28, 2_000),
    "stopped_actors": (8, 240),
    "stolen_writes": (60, 500),
    "swaps": (30, 500),
    "tampered_plans": (3, 150),
    "tampers": (200, 10_000),
    "wall_patches": (100, 2_000),
}
"""The figures of the proofs, each by a name of its own: every run's, and the promised one."""


def scale(proof: str) -> int:
    """How often this run does it."""
    a_slice, everything = _SLICE_AND_ALL[proof]
    return everything if PROVING else a_slice


def lots(proof: str, most: int) -> list[tuple[int, int]]:
    """The same in numbered lots, for tests that each have to end within pytest's limit of time."""
    starts = range(0, scale(proof), most)
    return [(start // most, min(most, scale(proof) - start)) for start in starts]
