"""Before a card asks for a signature: does the policy still allow what it asks for?

Judged from the plan's bytes by the gatekeeper's own read of the file, at every look at an incident:
nobody shall sign what the actor would turn away.
"""

from __future__ import annotations

from agents.gatekeeper.office import Office
from agents.ledger import incidents, moves
from agents.ledger.moves import Move, Standing, move
from agents.ledger.policy import refusal
from agents.ledger.protocol import Agent, PlanState
from tools.redaction import redact

_ASKING = frozenset({PlanState.DRAFT, PlanState.PENDING})


def cancel_refused(office: Office, incident: int) -> None:
    """Cancel what is not signed yet and what the policy does not allow any more. Blocking."""
    told = incidents.incident(office.ledger, incident)
    with office.ledger.read() as session:
        plans = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    for found in plans:
        if not isinstance(found, Standing) or found.state not in _ASKING:
            continue
        against = refusal(office.policy_file, found.plan, told, found.row.created_at)
        if against:
            with office.ledger.write() as tx:
                reason = redact(against)
                move(
                    tx, Move(plan_id=found.row.id, to=PlanState.CANCELLED, by=Agent.GATEKEEPER, reason=reason)
                )
