"""Sealed mode in the ledger: whether a plan's entries stand where the API server looks for them.

The entries themselves are in the cluster. The rows here only say when the actor may begin, and the record
keeps when the door was opened and shut; an actor that does not care for them meets the API server's policy.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from agents.ledger.moves import Standing, hinder, standing
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag

TRY_AGAIN = timedelta(seconds=5)
WAITS = "what was signed is not written into the cluster yet"


def is_open(session: Session, plan_id: str) -> bool:
    """Whether this plan's entries were written and not taken away since."""
    tags = (Tag.PLAN_SEALED.value, Tag.PLAN_UNSEALED.value)
    rows = select(AuditRow.tag).where(AuditRow.plan_id == plan_id, col(AuditRow.tag).in_(tags))
    return session.exec(rows.order_by(col(AuditRow.seq).desc())).first() == Tag.PLAN_SEALED.value


def opened(ledger: Ledger, plan_id: str, targets: list[str]) -> None:
    """The entries stand: say so, and have the actor look."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if isinstance(found, Standing):
            hinder(tx, found, "")
            tx.audit(Tag.PLAN_SEALED, {"uids": targets}, incident=found.row.incident, plan_id=plan_id)
            tx.wake(Agent.ACTOR, found.row.incident)


def shut(ledger: Ledger, plan_id: str) -> None:
    """The entries are gone."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if isinstance(found, Standing):
            tx.audit(Tag.PLAN_UNSEALED, {}, incident=found.row.incident, plan_id=plan_id)


def stuck(ledger: Ledger, plan_id: str, why: str) -> None:
    """The entries could not be written or taken away: say why on the card, and try again soon."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if isinstance(found, Standing):
            if found.state is PlanState.APPROVED:
                hinder(tx, found, why)
            tx.wake(Agent.GATEKEEPER, found.row.incident, tx.now + TRY_AGAIN)


def wait(ledger: Ledger, plan_id: str) -> None:
    """The actor found no entries: the plan waits for them, unless something was said to stand in its way."""
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        waiting = isinstance(found, Standing) and found.state is PlanState.APPROVED
        if isinstance(found, Standing) and waiting and not found.proposal.obstacle:
            hinder(tx, found, WAITS)
