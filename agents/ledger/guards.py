"""What must hold for APPROVED → EXECUTING, asked again in the transaction that claims (invariant I2).

All that was true at the click may have changed since: a deny, a halt, the roster, the time, the bytes.
And somebody may have written the database; so the rows must be what the record of events tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson
from sqlmodel import Session, col, select

from agents.incident import Decision, Plan, Verdict
from agents.ledger import chain, checkpoints, objects
from agents.ledger.decisions import decisions_of, human_of
from agents.ledger.moves import Standing, confirmed, too_late
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import LedgerError, Transaction, halted
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject

StillValid = Callable[[Plan, Decision], bool]
"""Whether a counted approval still holds now. Raises Forged when its seal does not fit."""


class Forged(LedgerError):
    """A decision is not what was sealed: somebody wrote it into the database (threat T18)."""


def against_claim(tx: Transaction, found: Standing, still_valid: StillValid) -> Objection | None:
    """Why this plan may not be begun now, or None. Raises Forged."""
    now = _not_now(tx, found)
    if now is not None:
        return now
    given = decisions_of(tx.session, found.row.id)
    if any(decision.verdict is Verdict.DENY for decision in given):
        return Objection.DENIED
    # A set of people: one who approved twice counts once, whatever rows and accounts there are.
    valid = {human_of(d) for d in given if counts(found.plan, d) and still_valid(found.plan, d)}
    if not as_recorded(tx.session, found, given):
        return Objection.TAMPERED
    if len(valid) < found.plan.needed:
        return Objection.APPROVER_LOST_RIGHT if given else Objection.NOT_ENOUGH_APPROVALS
    return Objection.OBJECT_BUSY if objects.holders(tx.session, found.plan) else None


def _not_now(tx: Transaction, found: Standing) -> Objection | None:
    if found.state is not PlanState.APPROVED:
        return Objection.NO_SUCH_EDGE
    if halted(tx.session) is not None:
        return Objection.HALTED
    latest = found.plan.pending_until + timedelta(seconds=found.plan.claim_within_s)
    return Objection.EXPIRED if too_late(tx, found) or tx.now > latest else None


def counts(plan: Plan, decision: Decision) -> bool:
    """Whether it is an approval of these very bytes, with the digest typed where the tier asks for it."""
    return decision.plan_digest == plan.digest and confirmed(plan, decision.request.get("typed"))


def as_recorded(session: Session, found: Standing, given: Sequence[Decision]) -> bool:
    """Whether state and decisions are those that the record of this plan's events tells.

    A deny that was deleted, or a state that was set by hand, is in no event.
    """
    try:
        told = _told_of(session, found.row.id)
    except (ValueError, TypeError, KeyError):
        # Whoever owns the database can put anything into it, also what is no event.
        return False
    drafted = [body["digest"] for tag, body in told if tag == Tag.PLAN_DRAFTED.value]
    moved = [body["to"] for tag, body in told if tag == Tag.PLAN_MOVED.value]
    decided = sorted(body["mac"] for tag, body in told if tag == Tag.PLAN_DECIDED.value)
    same = drafted == [found.plan.digest] and moved[-1:] == [found.state.value]
    return same and decided == sorted(decision.mac for decision in given)


def _told_of(session: Session, plan_id: str) -> list[tuple[str, JsonObject]]:
    """Tag and body of every event of this plan, or nothing where the record does not fit together.

    Every row from its draft to the newest is read, and what is sealed in each says whether it is this plan's:
    the column beside it, by which rows are searched, could be set by hand to hide a deny.
    """
    of_plan = AuditRow.plan_id == plan_id, AuditRow.tag == Tag.PLAN_DRAFTED.value
    first = session.exec(select(AuditRow.seq).where(*of_plan).order_by(col(AuditRow.seq))).first()
    if first is None:
        return []
    named, told, before = f'"plan":"{plan_id}"'.encode(), [], (first - 1, "")
    for part in checkpoints.rows(session, after=first - 1):
        for seq, prev_hash, own, body, *_ in part:
            follows = seq == before[0] + 1 and prev_hash == (before[1] or prev_hash)
            if not follows or chain.seal(prev_hash, body) != own:
                return []
            before = (seq, own)
            if named in body and (event := orjson.loads(body))["plan"] == plan_id:
                told.append((event["tag"], event["body"]))
    return told if before == checkpoints.head(session) else []
