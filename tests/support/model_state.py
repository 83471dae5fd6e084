"""One plan in a real ledger, with the state of the proofs' model measured beside it.

Nothing here says what the ledger ought to answer: the facts are what the driver did itself (who is on
the roster, what time it is, who holds the object) and what stands in the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlmodel import Session, col, select

from agents.incident import Plan
from agents.ledger import executions, investigations, objects
from agents.ledger.executions import Claim
from agents.ledger.protocol import LOCKING, Objection, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ObjectLockRow, PlanRow, PreviewRow, ProposalRow
from agents.ledger.tags import Tag
from evals.proofs.reading import Edge, State
from tests.contracts.conftest import HandClock

ABSENT = "ABSENT"
"""Where a plan stands that was not drafted yet, in the model's words."""


@dataclass(kw_only=True)
class Measured:
    """A plan in a real ledger, what was done to it, and the state of the proofs' model measured beside it."""

    ledger: Ledger
    clock: HandClock
    plan: Plan
    lease: investigations.Lease
    right: list[bool] = field(default_factory=lambda: [True, True, True, False, True])
    yes: list[bool] = field(default_factory=lambda: [False] * 5)
    typed: bool = True
    room: bool = True
    denied: bool = False
    halted: bool = False
    tampered: bool = False
    approved_at: datetime | None = None
    claims: dict[int, Claim] = field(default_factory=dict)
    rival: Any | None = None
    intents: int = 0
    read_to: int = 0
    given_up_at: datetime | None = None

    @property
    def ps(self) -> PlanState | None:
        """Where the plan stands; None before its draft."""
        with self.ledger.read() as session:
            found = session.get(ProposalRow, self.plan.id)
            return None if found is None else PlanState(found.state)

    def state(self) -> State:
        """The variables of the model, as they stand here."""
        with self.ledger.read() as session:
            previewed = session.get(PreviewRow, self.plan.id) is not None
            proposal = session.get(ProposalRow, self.plan.id)
            lock = self._lock(session)
        ps = None if proposal is None else PlanState(proposal.state)
        lost = proposal is not None and proposal.obstacle == Objection.APPROVER_LOST_RIGHT.value
        owner, held = next(iter(self.claims.items()), (9, None))
        # When its owner says itself that it does not know, nothing of it leaves any more.
        last = self.given_up_at or (held.lease_until if held else self.clock())
        over = last + timedelta(seconds=executions.IN_FLIGHT_S)
        return {
            "ps": ABSENT if ps is None else ps.value,
            "previewed": previewed,
            "late": self.clock() > self._deadline(ps),
            "halted": self.halted,
            "tampered": self.tampered,
            "denied": self.denied,
            "lost": lost,
            "typed": self.typed,
            "room": self.room,
            "right": self.right,
            "yes": self.yes,
            "lock": lock,
            "owner": owner,
            "lease": held is not None and self.clock() <= held.lease_until,
            "working": int(held is not None and self.clock() <= over),
            "under_way": 0,
            "K": self.plan.approvals_needed,
            "TIER": self.plan.tier,
        }

    def _lock(self, session: Session) -> str:
        row = session.get(ObjectLockRow, objects.objects_of(self.plan)[0])
        if row is None:
            return "FREE_LOCK"
        if row.plan_id == self.plan.id:
            return "OUR_LOCK"
        if session.get_one(ProposalRow, row.plan_id).state in LOCKING:
            return "RIVAL_WORKS"
        theirs = Plan.model_validate_json(session.get_one(PlanRow, row.plan_id).canonical)
        return "RIVAL_ASKS_THE_SAME" if theirs.steps == self.plan.steps else "RIVAL_ASKS"

    def _deadline(self, ps: PlanState | None) -> datetime:
        if ps is PlanState.APPROVED and self.approved_at is not None:
            return self.approved_at + timedelta(seconds=self.plan.claim_within_s)
        return self.plan.pending_until

    def new_moves(self) -> list[Edge]:
        """The moves of this plan that the record gained since the last time."""
        with self.ledger.read() as session:
            mine = (AuditRow.plan_id == self.plan.id, AuditRow.tag == Tag.PLAN_MOVED.value)
            query = select(AuditRow).where(*mine).order_by(col(AuditRow.seq))
            bodies = [orjson.loads(row.body)["body"] for row in session.exec(query)][self.read_to :]
        self.read_to += len(bodies)
        if any(body["to"] == PlanState.APPROVED for body in bodies):
            self.approved_at = self.clock()
        return [Edge(start=body["from"], end=body["to"], who=body["by"]) for body in bodies]
