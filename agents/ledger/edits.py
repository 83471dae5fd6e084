"""A person's edit of a plan: another plan, with another digest, which takes the place of the first.

Whoever edited it asked for it, and so can never approve it (P6). It is rehearsed like any other draft
before anybody is asked to sign.
"""

from __future__ import annotations

from agents.incident import Approver, Plan
from agents.ledger.drafts import insert, make_room
from agents.ledger.moves import Standing, plan_ids, standing, too_late
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag


def edit(ledger: Ledger, plan: Plan, by: Approver, note: str) -> str | Objection:
    """Draft ``plan`` in place of the one that it supersedes; its id, or why it is not drafted.

    Only what still waits for a signature can be edited. The same edit again finds its draft by its nonce.
    """
    with ledger.write() as tx:
        # An approval and an edit of one plan at once: whoever comes second finds it moved on.
        tx.alone()
        found = standing(tx.session, plan.supersedes)
        if isinstance(found, Objection):
            return found
        incident = found.row.incident
        mine = (standing(tx.session, plan_id) for plan_id in plan_ids(tx.session, incident))
        before = [one for one in mine if isinstance(one, Standing) and one.plan.nonce == plan.nonce]
        if before:
            return before[0].plan.id
        if found.state is not PlanState.PENDING:
            return Objection.NO_SUCH_EDGE
        if too_late(tx, found):
            return Objection.EXPIRED
        against = make_room(tx, incident, plan, Agent.GATEKEEPER)
        if against is not None:
            return against
        insert(tx, incident, plan, note)
        said = {"by": by.model_dump(), "from": plan.supersedes, "digest": plan.digest}
        tx.audit(Tag.PLAN_EDITED, said, incident=incident, plan_id=plan.id)
        return plan.id
