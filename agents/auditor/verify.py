"""Recompute the record: the chain from its first row, every plan's digest, every plan's path.

It rebuilds where each plan must stand from the audit events alone and compares. What it cannot
show yet, a tail that was cut off, is said in docs/limits.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlmodel import Session, col, select

from agents.incident import digest_of
from agents.ledger.chain import Link, first_break
from agents.ledger.protocol import EDGES, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ChainHeadRow, PlanRow, ProposalRow
from agents.ledger.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verification found; ``problems`` is empty when the record is whole."""

    events: int
    plans: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(ledger: Ledger) -> Verdict:
    """Check the whole ledger. Reads only."""
    with ledger.read() as session:
        problems = [*_chain_problems(session), *_plan_problems(session)]
        head = session.exec(select(ChainHeadRow)).one()
        plans = len(session.exec(select(PlanRow.id)).all())
    return Verdict(events=head.seq, plans=plans, problems=tuple(problems))


def _links(session: Session) -> Iterator[Link]:
    rows = session.exec(select(AuditRow).order_by(col(AuditRow.seq)).execution_options(yield_per=1000))
    for row in rows:
        yield Link(seq=row.seq, prev_hash=row.prev_hash, body=row.body, hash=row.hash)


def _chain_problems(session: Session) -> Iterator[str]:
    broken = first_break(_links(session))
    if broken is not None:
        yield f"audit: {broken[1]}"
    head = session.exec(select(ChainHeadRow)).one()
    last = session.exec(select(AuditRow).order_by(col(AuditRow.seq).desc())).first()
    if (head.seq, head.hash) != ((last.seq, last.hash) if last else (0, "0" * 64)):
        yield "audit: the head of the chain is not its last row"


def _plan_problems(session: Session) -> Iterator[str]:
    told = _told_states(session)
    for row in session.exec(select(PlanRow)):
        if digest_of(row.canonical) != row.digest or not row.digest.startswith(row.id):
            yield f"plan {row.id}: its bytes do not match its digest"
        proposal = session.get(ProposalRow, row.id)
        stands = proposal.state if proposal else "nowhere"
        if stands != told.get(row.id, (PlanState.DRAFT.value,))[-1]:
            yield f"plan {row.id}: it stands at {stands}, but its events say {told.get(row.id)}"
    for plan_id, path in told.items():
        steps = zip((PlanState.DRAFT.value, *path), path, strict=False)
        for start, end in steps:
            if (PlanState(start), PlanState(end)) not in EDGES:
                yield f"plan {plan_id}: its events go from {start} to {end}"


def _told_states(session: Session) -> dict[str, tuple[str, ...]]:
    told: dict[str, tuple[str, ...]] = {}
    moved = select(AuditRow).where(AuditRow.tag == Tag.PLAN_MOVED.value).order_by(col(AuditRow.seq))
    for row in session.exec(moved):
        told[row.plan_id] = (*told.get(row.plan_id, ()), orjson.loads(row.body)["body"]["to"])
    return told
