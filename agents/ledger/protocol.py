"""The state machine of a plan: states, edges, who may take them, and why not. Pure.

Each edge is taken in one transaction together with its audit row, by compare-and-set on
state and version. Terminal states absorb, and no edge leads from a terminal state or from
UNKNOWN back to EXECUTING: trying again is a new plan with a new approval.
Source: approval-bound execution protocol, "States".
"""

from __future__ import annotations

from enum import StrEnum


class PlanState(StrEnum):
    """Where a plan stands. The value is what the ledger stores and the pages print."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    EXECUTING = "EXECUTING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    PARTIAL = "PARTIAL"
    NOT_APPLIED = "NOT_APPLIED"
    STALE = "STALE"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"
    REFUSED = "REFUSED"
    QUARANTINED = "QUARANTINED"


class Agent(StrEnum):
    """Who writes. INTAKE and OPERATOR are the webhook and the command line."""

    INVESTIGATOR = "investigator"
    GATEKEEPER = "gatekeeper"
    ACTOR = "actor"
    AUDITOR = "auditor"
    INTAKE = "intake"
    OPERATOR = "operator"


class Objection(StrEnum):
    """Why an edge was not taken: words fit for the card, the log and the audit row."""

    NO_SUCH_PLAN = "there is no such plan"
    NO_SUCH_EDGE = "the plan is not in a state that allows this"
    NOT_YOURS = "this agent may not take that step"
    CHANGED_MEANWHILE = "the plan changed meanwhile"
    HALTED = "Midwatch is halted"
    EXPIRED = "the time to decide or to act has passed"
    NOT_PREVIEWED = "there is no accepted dry-run of this plan"
    NOT_ENOUGH_APPROVALS = "there are not enough valid approvals"
    APPROVER_LOST_RIGHT = "an approver no longer holds the right"
    DENIED = "somebody denied it"
    TAMPERED = "the stored bytes do not match their digest or seal"
    OBJECT_BUSY = "another plan on this object is executing or unresolved"
    DUPLICATE = "this was recorded before"
    REPLAYED = "this very click was seen before"
    NOT_CONFIRMED = "these are not the first six digits of this plan's digest"
    SAME_HUMAN = "the same person signed already, through another account"
    SAME_PLAN = "the same change waits for a signature already"
    CHANNEL_FULL = "as many changes wait for a signature in this channel as people can weigh"
    NOT_OWNER = "the attempt belongs to somebody else or its lease ran out"


TERMINAL = frozenset(
    {
        PlanState.SUCCEEDED,
        PlanState.FAILED,
        PlanState.PARTIAL,
        PlanState.NOT_APPLIED,
        PlanState.STALE,
        PlanState.DENIED,
        PlanState.EXPIRED,
        PlanState.CANCELLED,
        PlanState.SUPERSEDED,
        PlanState.REFUSED,
        PlanState.QUARANTINED,
    }
)
ACTIVE = frozenset(PlanState) - TERMINAL
LOCKING = frozenset({PlanState.EXECUTING, PlanState.UNKNOWN})

_S = PlanState
_A = Agent
_EVERYBODY = frozenset(Agent)
_EDGES: dict[tuple[PlanState, PlanState], frozenset[Agent]] = {
    (_S.DRAFT, _S.PENDING): frozenset({_A.GATEKEEPER}),
    (_S.DRAFT, _S.REFUSED): frozenset({_A.ACTOR}),
    (_S.PENDING, _S.APPROVED): frozenset({_A.GATEKEEPER}),
    (_S.APPROVED, _S.EXECUTING): frozenset({_A.ACTOR}),
    (_S.APPROVED, _S.STALE): frozenset({_A.ACTOR}),
    (_S.EXECUTING, _S.STALE): frozenset({_A.ACTOR}),
    (_S.EXECUTING, _S.SUCCEEDED): frozenset({_A.ACTOR}),
    (_S.EXECUTING, _S.FAILED): frozenset({_A.ACTOR}),
    (_S.EXECUTING, _S.PARTIAL): frozenset({_A.ACTOR}),
    (_S.EXECUTING, _S.UNKNOWN): frozenset({_A.ACTOR}),
    (_S.UNKNOWN, _S.SUCCEEDED): frozenset({_A.ACTOR}),
    (_S.UNKNOWN, _S.NOT_APPLIED): frozenset({_A.ACTOR}),
}
for _state in (_S.PENDING, _S.APPROVED):
    _EDGES[(_state, _S.DENIED)] = frozenset({_A.GATEKEEPER})
for _state in (_S.DRAFT, _S.PENDING, _S.APPROVED):
    for _end in (_S.EXPIRED, _S.CANCELLED, _S.SUPERSEDED):
        _EDGES[(_state, _end)] = _EVERYBODY
for _state in PlanState:
    # A plan whose bytes, seal or chain do not fit is set aside wherever it stands, but what
    # already ended keeps its ending: terminal absorbs, the audit row says the rest.
    if _state not in TERMINAL:
        _EDGES[(_state, _S.QUARANTINED)] = _EVERYBODY

EDGES = _EDGES


def objection(start: PlanState, end: PlanState, by: Agent) -> Objection | None:
    """Why ``by`` may not move a plan from ``start`` to ``end``, or None."""
    allowed = EDGES.get((start, end))
    if allowed is None:
        return Objection.NO_SUCH_EDGE
    return None if by in allowed else Objection.NOT_YOURS


def next_lanes(state: PlanState) -> tuple[Agent, ...]:
    """Which agents have something to look at once a plan has come into ``state``."""
    if state is PlanState.DRAFT:
        return (Agent.ACTOR,)
    if state is PlanState.APPROVED:
        return (Agent.ACTOR, Agent.GATEKEEPER)
    if state in TERMINAL:
        return (Agent.GATEKEEPER, Agent.INVESTIGATOR)
    return (Agent.GATEKEEPER,)
