"""One closed incident as the record tells it: what was done about its cause, and whether it helped.

Only the ledger's own words count: codes, steps, states, and what verification found. A row that is not
what the record tells makes its whole incident tell nothing, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import orjson
from pydantic import AwareDatetime, ValidationError
from sqlalchemy import text
from sqlmodel import Session, col, select

from agents.incident import Hypothesis, Outcome, Recovery, Value
from agents.ledger import chain
from agents.ledger.moves import Standing, plan_ids, standing
from agents.ledger.protocol import PlanState
from agents.ledger.store import LedgerError
from agents.ledger.tables import DiagnosisRow, IncidentRow
from agents.ledger.tags import Tag
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, ObjectRef

# Written once, and columns instead of objects: a page of an incident asks this forty times, of those that it
# remembers. The tag without its index: SQLite would walk ten thousand events of a kind to find two.
_EVENTS = (
    "SELECT seq, prev_hash, hash, body, tag FROM audit WHERE {} = :about AND tag || '' = :tag ORDER BY seq"
)
_OF_PLAN, _OF_INCIDENT = (text(_EVENTS.format(column)) for column in ("plan_id", "incident"))

_Span = tuple[datetime, datetime | None]
"""From when until when something was believed; None for until the end."""


class Bent(LedgerError):
    """A row of the past is not what the record tells of it."""


class Fate(StrEnum):
    """What became of a change: the verb of the sentence that tells it."""

    HELPED = "recovered it"
    NOT_HELPED = "did not help"
    REFUSED = "was refused by the cluster"
    REJECTED = "was rejected"


class Attempt(Value):
    """One change that was proposed, and its fate. ``seconds`` is how long after it the trouble was over.

    ``words`` are those of the person who rejected it.
    """

    step: Step
    fate: Fate
    at: AwareDatetime
    seconds: int = 0
    words: str = ""

    @property
    def failed(self) -> bool:
        """Whether it was done, or tried, in vain."""
        return self.fate in {Fate.NOT_HELPED, Fate.REFUSED}


class Past(Value):
    """One incident, as far as it says something of this cause. ``bent``: nothing may be concluded."""

    incident: int
    at: AwareDatetime
    code: str
    object: ObjectRef
    recovery: Recovery | None = None
    attempts: tuple[Attempt, ...] = ()
    bent: bool = False


def past_of(session: Session, number: int, cause: Hypothesis) -> Past:
    """One incident as the record tells it; bent when its rows tell something else."""
    row = session.get_one(IncidentRow, number)
    told = Past(
        incident=number, at=row.closed_at or row.opened_at, code=cause.code, object=cause.object, bent=True
    )
    try:
        spans, where = _believed(session, number, cause)
        return told.model_copy(
            update={
                "object": where,
                "recovery": _ended(session, row),
                "attempts": tuple(_attempts(session, number, spans)),
                "bent": False,
            }
        )
    except (Bent, ValidationError, KeyError, TypeError, ValueError):
        # Whoever owns the database can put anything into it.
        return told


def under_way(session: Session, number: int, about: Hypothesis) -> Past:
    """What was tried in this incident so far, whatever was believed then: the trouble is still the same."""
    row = session.get_one(IncidentRow, number)
    told = Past(incident=number, at=row.opened_at, code=about.code, object=about.object)
    try:
        return told.model_copy(
            update={"attempts": tuple(_attempts(session, number, [(row.opened_at, None)]))}
        )
    except (Bent, ValidationError, KeyError, TypeError, ValueError):
        return told.model_copy(update={"bent": True})


def _ended(session: Session, row: IncidentRow) -> Recovery:
    outcome = Outcome.model_validate(row.outcome)
    recorded = [body["recovery"] for body, _ in events(session, Tag.INCIDENT_CLOSED, incident=row.number)]
    if recorded != [outcome.recovery.value]:
        raise Bent(f"INC-{row.number} ended otherwise")
    return outcome.recovery


def _believed(session: Session, number: int, cause: Hypothesis) -> tuple[list[_Span], ObjectRef]:
    """From when until when this cause was believed, and of which object."""
    rows = session.exec(
        select(DiagnosisRow).where(DiagnosisRow.incident == number).order_by(col(DiagnosisRow.round))
    ).all()
    recorded = [body["cause"] for body, _ in events(session, Tag.DIAGNOSIS_WRITTEN, incident=number)]
    causes: list[JsonObject] = [row.body["cause"] or {} for row in rows]  # type: ignore[misc]
    if recorded != [one.get("code", "not established") for one in causes]:
        raise Bent(f"INC-{number} was diagnosed otherwise")
    same = [at for at, one in enumerate(causes) if one.get("code") == cause.code]
    where = [ObjectRef.model_validate(causes[at]["object"]) for at in same]
    here = [at for at, ref in zip(same, where, strict=True) if ref.key == cause.object.key] or same
    until = [*(row.at for row in rows[1:]), None]
    return [(rows[at].at, until[at]) for at in here], where[same.index(here[-1])]


def _attempts(session: Session, number: int, spans: list[_Span]) -> Iterator[Attempt]:
    """What was proposed while this cause was believed and came to an end that says something."""
    plans = [_whole(session, plan_id) for plan_id in plan_ids(session, number)]
    undone = {one.plan.undo_of for one in plans if one.state is PlanState.SUCCEEDED}
    for one in plans:
        at = one.row.created_at
        fits = any(since <= at and (until is None or at < until) for since, until in spans)
        if fits and not one.plan.undo_of and (found := _attempt(session, one, one.plan.id in undone)):
            yield found


def _whole(session: Session, plan_id: str) -> Standing:
    """The plan, if its bytes fit their digest and its state is the last that was recorded."""
    found = standing(session, plan_id)
    if not isinstance(found, Standing):
        raise Bent(f"plan {plan_id}: {found.value}")
    moved = [body["to"] for body, _ in events(session, Tag.PLAN_MOVED, plan_id=plan_id)]
    if moved[-1:] != [found.state.value] and (moved or found.state is not PlanState.DRAFT):
        raise Bent(f"plan {plan_id} came into another state")
    return found


def _attempt(session: Session, one: Standing, undone: bool) -> Attempt | None:
    step, at = one.plan.steps[-1], one.proposal.state_at
    if one.state is PlanState.DENIED:
        return Attempt(step=step, fate=Fate.REJECTED, at=at, words=one.proposal.reason)
    if one.state in {PlanState.FAILED, PlanState.PARTIAL}:
        return Attempt(step=step, fate=Fate.REFUSED, at=at)
    judged = list(events(session, Tag.CHANGE_JUDGED, plan_id=one.plan.id))
    if undone:
        return Attempt(step=step, fate=Fate.NOT_HELPED, at=at)
    if one.state is not PlanState.SUCCEEDED or not judged:
        return None
    body, seen = judged[-1]
    if Recovery(body["found"]) is Recovery.RECOVERED:
        return Attempt(step=step, fate=Fate.HELPED, at=at, seconds=max(0, int((seen - at).total_seconds())))
    return Attempt(step=step, fate=Fate.NOT_HELPED, at=at)


def events(
    session: Session, tag: Tag, *, incident: int | None = None, plan_id: str = ""
) -> Iterator[tuple[JsonObject, datetime]]:
    """The bodies of these events, oldest first, with their times. Raises Bent for a row that was edited."""
    query = _OF_PLAN if plan_id else _OF_INCIDENT
    found = session.connection().execute(query, {"about": plan_id or incident, "tag": tag.value})
    for seq, prev_hash, own, content, said in found:
        event = orjson.loads(content)
        about = event["plan"] == plan_id if plan_id else event["incident"] == incident
        if chain.seal(prev_hash, content) != own or event["tag"] != said or not about:
            raise Bent(f"event {seq} is not what was recorded")
        yield event["body"], datetime.fromisoformat(event["at"])
