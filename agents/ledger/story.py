"""What the card is about: one incident as the ledger tells it, read in one go."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from agents.incident import Decision, Diagnosis, Evidence, Incident, Outcome, Plan, Preview, Receipt, Value
from agents.ledger import (
    consultations,
    decisions,
    executions,
    feedback,
    incidents,
    investigations,
    memory,
    moves,
    previews,
    snooze,
)
from agents.ledger.cards import ChatFile, files_of
from agents.ledger.consultations import Consultation
from agents.ledger.feedback import Judgement
from agents.ledger.moves import Standing
from agents.ledger.past import Past
from agents.ledger.protocol import PlanState
from agents.ledger.snooze import Snooze
from agents.ledger.store import Ledger, halted
from agents.ledger.tables import IncidentRow


class PlanView(Value):
    """The newest plan and everything that was said and done about it."""

    plan: Plan
    state: PlanState
    reason: str
    note: str
    state_at: datetime
    obstacle: str = ""
    channel_id: str
    message_ts: str
    preview: Preview | None
    decisions: tuple[Decision, ...]
    receipts: tuple[Receipt, ...]


class Story(Value):
    """One incident, whole: what the card, the thread and the page are rendered from."""

    incident: Incident
    evidence: tuple[Evidence, ...]
    diagnosis: Diagnosis | None
    diagnosed_at: datetime | None = None
    plans: tuple[PlanView, ...]
    outcome: Outcome | None
    halted: str = ""
    bent: tuple[str, ...] = ()
    """Plans whose stored bytes do not fit their digest: they can be named, and nothing else."""
    consultations: tuple[Consultation, ...] = ()
    past: tuple[Past, ...] = ()
    """Earlier incidents of the cause that is believed now."""
    judged: tuple[Judgement, ...] = ()
    snoozed: Snooze | None = None
    """The newest wish that calls rest; it may be over."""
    files: tuple[ChatFile, ...] = ()

    @property
    def plan(self) -> PlanView | None:
        """The newest plan that a person was or will be asked about."""
        return self.plans[-1] if self.plans else None


def story(ledger: Ledger, number: int, *, brief: bool = False) -> Story | None:
    """The incident's story, or None when there is no such incident.

    ``brief``: without the evidence and what was seen before, which take longer to read than all the rest.
    """
    with ledger.read() as session:
        row = session.get(IncidentRow, number)
        if row is None:
            return None
        plans, bent = [], []
        for plan_id in moves.plan_ids(session, number):
            found = moves.standing(session, plan_id)
            if not isinstance(found, Standing):
                bent.append(plan_id)
            else:
                plans.append(
                    PlanView(
                        plan=found.plan,
                        state=found.state,
                        reason=found.proposal.reason,
                        note=found.row.note,
                        state_at=found.proposal.state_at,
                        obstacle=found.proposal.obstacle,
                        channel_id=found.proposal.channel_id,
                        message_ts=found.proposal.message_ts,
                        preview=previews.preview_of(session, plan_id),
                        decisions=tuple(decisions.decisions_of(session, plan_id)),
                        receipts=tuple(executions.receipts_of(session, plan_id)),
                    )
                )
        diagnosis = investigations.diagnosis_of(session, number)
        return Story(
            incident=incidents.value_of(session, row),
            evidence=() if brief else tuple(investigations.evidence_of(session, number)),
            diagnosis=diagnosis,
            diagnosed_at=investigations.diagnosed_at(session, number),
            plans=tuple(plans),
            outcome=investigations.outcome_of(session, number),
            halted=_halted(session),
            bent=tuple(bent),
            consultations=tuple(consultations.of_incident(session, number)),
            past=memory.seen_before(session, number, diagnosis.cause if diagnosis and not brief else None),
            judged=tuple(feedback.of_incident(session, number)),
            snoozed=snooze.of_incident(session, number),
            files=tuple(files_of(session, number)),
        )


def _halted(session: Session) -> str:
    row = halted(session)
    return "" if row is None else f"by {row.by}: {row.reason or 'no reason given'}"
