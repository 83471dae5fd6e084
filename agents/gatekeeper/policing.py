"""Before a card asks for a signature: does the policy still allow what it asks for?

Judged from the plan's bytes by the gatekeeper's own read of the file, at every look at an incident:
nobody shall sign what the actor would turn away.
"""

from __future__ import annotations

from agents.gatekeeper.bench import Bench
from agents.ledger import incidents, moves
from agents.ledger.moves import Move, Standing, move
from agents.ledger.policy import refusal
from agents.ledger.protocol import Agent, PlanState
from tools.redaction import redact

_ASKING = frozenset({PlanState.DRAFT, PlanState.PENDING})


def cancel_refused(bench: Bench, incident: int) -> None:
    """Cancel what is not signed yet and what the policy does not allow any more. Blocking."""
    with bench.ledger.read() as session:
        plans = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    asking = [found for found in plans if isinstance(found, Standing) and found.state in _ASKING]
    # With all its alerts an incident is not light: it is read only when there is something to judge.
    told = incidents.incident(bench.ledger, incident) if asking else None
    for found in asking:
        against = refusal(bench.policy_file, found.plan, told, found.row.created_at)
        if against:
            with bench.ledger.write() as tx:
                reason = redact(against)
                move(
                    tx, Move(plan_id=found.row.id, to=PlanState.CANCELLED, by=Agent.GATEKEEPER, reason=reason)
                )
