"""What one person decided lately: for their own view of it in the chat."""

from __future__ import annotations

from sqlmodel import Session, col, select

from agents.incident import Approver, Value, Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.tables import DecisionRow, PlanRow, ProposalRow


class Decided(Value):
    """What a person said of a plan, and where that plan stands now."""

    plan_id: str
    incident: int
    verdict: Verdict
    state: PlanState


def decided_by(session: Session, who: Approver, most: int) -> list[Decided]:
    """The newest decisions of a person."""
    query = (
        select(DecisionRow, ProposalRow.state, PlanRow.incident)
        .join(ProposalRow, col(ProposalRow.plan_id) == col(DecisionRow.plan_id))
        .join(PlanRow, col(PlanRow.id) == col(DecisionRow.plan_id))
        .where(DecisionRow.user_id == who.user_id, DecisionRow.team_id == who.team_id)
        .order_by(col(DecisionRow.id).desc())
        .limit(most)
    )
    return [
        Decided(plan_id=row.plan_id, incident=incident, verdict=Verdict(row.verdict), state=PlanState(state))
        for row, state, incident in session.exec(query)
    ]
