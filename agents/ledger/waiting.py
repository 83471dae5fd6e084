"""The plans that are under way now, those that wait for a signature, and what one person decided lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from agents.incident import Approver, Decision, Plan, Value, Verdict
from agents.ledger import decisions
from agents.ledger.moves import Standing, deadline, standing
from agents.ledger.protocol import ACTIVE, PlanState
from agents.ledger.tables import DecisionRow, IncidentRow, PlanRow, PreviewRow, ProposalRow

MOST = 100
"""More than that nobody weighs; the oldest come first, for their time is over first."""
_ORDER = (PlanState.PENDING, PlanState.UNKNOWN, PlanState.APPROVED, PlanState.EXECUTING, PlanState.DRAFT)


class Waiting(Value):
    """One plan under way. ``until`` is when its time to be signed or begun is over, and ``asks`` whether a
    signature is wanted: also where one that was given does not hold any more.

    ``id`` and ``digest`` are those its bytes were just held against: a plan makes its own anew each time.
    """

    id: str
    digest: str
    plan: Plan
    title: str
    state: PlanState
    asks: bool
    note: str
    obstacle: str
    since: datetime
    until: datetime
    rehearsed: bool
    channel_id: str
    message_ts: str
    approvals: tuple[Decision, ...]

    @property
    def incident(self) -> int:
        """The number of its incident."""
        return int(self.plan.incident.removeprefix("INC-"))

    def signed_by(self, human: str) -> bool:
        """Whether this person approved it already, through whatever account: another one has to be next."""
        return human in map(decisions.human_of, self.approvals)


class Decided(Value):
    """What a person said of a plan, and where that plan stands now."""

    plan_id: str
    incident: int
    verdict: Verdict
    state: PlanState


def waiting(session: Session) -> list[Waiting]:
    """What waits for a signature first, then what is in doubt, being done, and being prepared."""
    query = select(PlanRow, ProposalRow, IncidentRow.title).join(ProposalRow)
    query = query.join(IncidentRow, col(IncidentRow.number) == PlanRow.incident)
    query = query.where(col(ProposalRow.state).in_([state.value for state in ACTIVE]))
    # In a storm more drafts than that are older than what somebody is asked about.
    asked_first = col(ProposalRow.state) != PlanState.PENDING.value
    rows = session.exec(query.order_by(asked_first, col(PlanRow.created_at)).limit(MOST)).all()
    ids = [plan.id for plan, _, _ in rows]
    # Asked for all of them at once: of most plans that wait there is no word yet, and nothing more to read.
    decided = set(session.exec(select(DecisionRow.plan_id).where(col(DecisionRow.plan_id).in_(ids))))
    rehearsed = set(session.exec(select(PreviewRow.plan_id).where(col(PreviewRow.plan_id).in_(ids))))
    told = []
    for plan, _, title in rows:
        found = standing(session, plan.id)
        # Bytes that do not fit their digest are nobody's to sign: their incident's page names such a plan.
        if isinstance(found, Standing):
            given = decisions.decisions_of(session, plan.id) if plan.id in decided else []
            told.append(_told(found, title, given, plan.id in rehearsed))
    # What has least time left first: that is what somebody who comes late must see.
    return sorted(told, key=lambda one: (_ORDER.index(one.state), one.until))


def asking(session: Session) -> list[Waiting]:
    """The plans that wait for a signature, the one that expires first at the top."""
    return [one for one in waiting(session) if one.asks]


def _told(found: Standing, title: str, given: Sequence[Decision], rehearsed: bool) -> Waiting:
    # Sealed words are checked by the actor when it claims; a page counts what stands in the ledger.
    return Waiting(
        id=found.row.id,
        digest=found.row.digest,
        plan=found.plan,
        title=title,
        state=found.state,
        asks=found.state is PlanState.PENDING or decisions.asks_again(found),
        note=found.row.note,
        obstacle=found.proposal.obstacle,
        since=found.row.created_at,
        until=deadline(found),
        rehearsed=rehearsed,
        channel_id=found.proposal.channel_id,
        message_ts=found.proposal.message_ts,
        approvals=tuple(one for one in given if one.verdict is Verdict.APPROVE),
    )


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
