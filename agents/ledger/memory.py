"""What was seen before: closed incidents of the same cause, what was done about them and whether it helped.

A view of rows that are there anyway. Only the ledger's own words count (codes, steps, states, and what
verification found); titles, findings and people's reasons steer nothing. A row that is not what the
record tells makes its whole incident tell nothing, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import orjson
from pydantic import AwareDatetime, ValidationError
from sqlalchemy import ColumnElement, literal_column
from sqlmodel import Session, col, select

from agents.incident import Hypothesis, IncidentState, Outcome, Plan, Recovery, Value
from agents.ledger import chain
from agents.ledger.investigations import Lease, diagnosis_of, evidence_of, held
from agents.ledger.moves import Standing, plan_ids, standing
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger, LedgerError
from agents.ledger.tables import AlertRow, AuditRow, DiagnosisRow, IncidentRow
from agents.ledger.tags import Tag
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, ObjectRef

WITHIN = timedelta(days=180)
SURE = "high"
"""How sure a diagnosis must have been that says where to look the next time: it left nothing open."""
MOST = 5
"""How many incidents are remembered, and of them not more than ``MOST_ELSEWHERE`` of other objects."""
MOST_ELSEWHERE = 2
_LOOKED_THROUGH = 20
_ALERTS = 50
_NEAR = 50


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
    """One closed incident of this cause. ``bent`` says that nothing may be concluded from it."""

    incident: int
    at: AwareDatetime
    code: str
    object: ObjectRef
    recovery: Recovery | None = None
    attempts: tuple[Attempt, ...] = ()
    bent: bool = False


class Known(Value):
    """A cause that was established beyond doubt, and the tools whose looks its claims cite."""

    incident: int
    code: str
    object: ObjectRef
    tools: frozenset[str]


def judge(ledger: Ledger, lease: Lease, plan_id: str, recovery: Recovery) -> None:
    """Record whether a change that was done has helped; said once, however often the stage runs."""
    with ledger.write() as tx:
        held(tx, lease)
        try:
            said = [body["found"] for body, _ in _events(tx.session, Tag.CHANGE_JUDGED, plan_id=plan_id)]
        except Bent:
            said = []
        if said[-1:] != [recovery.value]:
            body = {"found": recovery.value}
            tx.audit(Tag.CHANGE_JUDGED, body, incident=lease.incident, plan_id=plan_id)


def seen_before(session: Session, number: int, cause: Hypothesis | None) -> tuple[Past, ...]:
    """What was seen of this cause before incident ``number`` opened in its cluster: on the same object
    first, then under the same alerts elsewhere; each newest first."""
    row = session.get(IncidentRow, number)
    if row is None or cause is None:
        return ()
    code = _said(session, "cause.code") == cause.code
    here = [
        _said(session, f"cause.object.{name}") == value
        for name, value in zip(("kind", "namespace", "name"), cause.object.key, strict=True)
    ]
    near = _incidents(session, row, (code, *here))[:MOST]
    far = [one for one in _incidents(session, row, (code,)) if one not in near]
    alike = (one for one in far if _alerts(session, one) & _alerts(session, number))
    rest = [one for one, _ in zip(alike, range(min(MOST_ELSEWHERE, MOST - len(near))), strict=False)]
    return tuple(_past(session, one, cause) for one in (*near, *rest))


def last_known(session: Session, number: int, near: frozenset[tuple[str, str, str]]) -> Known | None:
    """What the newest closed incident under one of the same alerts came to, if that was about one of the
    objects ``near`` and was sure."""
    row = session.get_one(IncidentRow, number)
    named = _said(session, "cause.object.name").in_(sorted({name for _, _, name in near})[:_NEAR])
    for one in _incidents(session, row, (named,)):
        found = diagnosis_of(session, one)
        cause = found.cause if found else None
        if found is None or cause is None or cause.object.key not in near:
            continue
        if not _alerts(session, one) & _alerts(session, number):
            continue
        if found.confidence != SURE or _past(session, one, cause).bent:
            return None
        cited = {number for claim in found.claims for number in claim.evidence}
        tools = frozenset(item.tool for item in evidence_of(session, one) if item.id in cited)
        return Known(incident=one, code=cause.code, object=cause.object, tools=tools)
    return None


def _said(session: Session, path: str) -> ColumnElement[str]:
    """A word within a diagnosis, written exactly as the indexes of migration 0006 have it."""
    if session.get_bind().dialect.name == "sqlite":
        return literal_column(f"json_extract(diagnosis.body, '$.{path}')")
    return literal_column(f"(diagnosis.body #>> '{{{path.replace('.', ',')}}}')")


def _incidents(session: Session, row: IncidentRow, wanted: tuple[ColumnElement[bool], ...]) -> list[int]:
    """Closed incidents of the same cluster with such a diagnosis, newest first."""
    query = (
        select(DiagnosisRow.incident)
        .join(IncidentRow, col(IncidentRow.number) == col(DiagnosisRow.incident))
        .where(*wanted, col(DiagnosisRow.incident) < row.number, IncidentRow.cluster == row.cluster)
        .where(IncidentRow.state == IncidentState.CLOSED.value)
        .where(col(DiagnosisRow.at) > row.opened_at - WITHIN)
        .order_by(col(DiagnosisRow.incident).desc())
        .limit(_LOOKED_THROUGH)
    )
    return list(dict.fromkeys(session.exec(query)))


def _alerts(session: Session, number: int) -> set[str]:
    rows = session.exec(select(AlertRow.labels).where(AlertRow.incident == number).limit(_ALERTS))
    return {labels.get("alertname", "") for labels in rows} - {""}


def _past(session: Session, number: int, cause: Hypothesis) -> Past:
    """One incident as the record tells it; bent when its rows tell something else."""
    row = session.get_one(IncidentRow, number)
    at, where = row.closed_at or row.opened_at, cause.object
    try:
        times, where = _times(session, number, cause)
        outcome = Outcome.model_validate(row.outcome)
        ended = [body["recovery"] for body, _ in _events(session, Tag.INCIDENT_CLOSED, incident=number)]
        if ended != [outcome.recovery.value]:
            raise Bent(f"INC-{number} ended otherwise")
        attempts = tuple(_attempts(session, number, times))
    except (Bent, ValidationError, KeyError, TypeError, ValueError):
        # Whoever owns the database can put anything into it.
        return Past(incident=number, at=at, code=cause.code, object=where, bent=True)
    return Past(
        incident=number,
        at=at,
        code=cause.code,
        object=where,
        recovery=outcome.recovery,
        attempts=attempts,
    )


def _times(
    session: Session, number: int, cause: Hypothesis
) -> tuple[list[tuple[datetime, datetime | None]], ObjectRef]:
    """From when until when this cause was believed, and of which object."""
    rows = session.exec(
        select(DiagnosisRow).where(DiagnosisRow.incident == number).order_by(col(DiagnosisRow.round))
    ).all()
    recorded = [body["cause"] for body, _ in _events(session, Tag.DIAGNOSIS_WRITTEN, incident=number)]
    causes: list[JsonObject] = [row.body["cause"] or {} for row in rows]  # type: ignore[misc]
    if recorded != [one.get("code", "not established") for one in causes]:
        raise Bent(f"INC-{number} was diagnosed otherwise")
    same = [at for at, one in enumerate(causes) if one.get("code") == cause.code]
    where = [ObjectRef.model_validate(causes[at]["object"]) for at in same]
    here = [at for at, ref in zip(same, where, strict=True) if ref.key == cause.object.key] or same
    until = [*(row.at for row in rows[1:]), None]
    return [(rows[at].at, until[at]) for at in here], where[same.index(here[-1])]


def _attempts(
    session: Session, number: int, times: list[tuple[datetime, datetime | None]]
) -> Iterator[Attempt]:
    """What was proposed while this cause was believed and came to an end that says something."""
    plans = [_whole(session, plan_id) for plan_id in plan_ids(session, number)]
    undone = {one.plan.undo_of for one in plans if one.state is PlanState.SUCCEEDED}
    for one in plans:
        at = one.row.created_at
        fits = any(since <= at and (until is None or at < until) for since, until in times)
        if fits and not one.plan.undo_of and (found := _attempt(session, one, one.plan.id in undone)):
            yield found


def _whole(session: Session, plan_id: str) -> Standing:
    """The plan, if its bytes fit their digest and its state is the last that was recorded."""
    found = standing(session, plan_id)
    if not isinstance(found, Standing):
        raise Bent(f"plan {plan_id}: {found.value}")
    moved = [body["to"] for body, _ in _events(session, Tag.PLAN_MOVED, plan_id=plan_id)]
    if moved[-1:] != [found.state.value] and (moved or found.state is not PlanState.DRAFT):
        raise Bent(f"plan {plan_id} came into another state")
    return found


def _attempt(session: Session, one: Standing, undone: bool) -> Attempt | None:
    plan: Plan = one.plan
    step, at = plan.steps[-1], one.proposal.state_at
    if one.state is PlanState.DENIED:
        return Attempt(step=step, fate=Fate.REJECTED, at=at, words=one.proposal.reason)
    if one.state in {PlanState.FAILED, PlanState.PARTIAL}:
        return Attempt(step=step, fate=Fate.REFUSED, at=at)
    judged = list(_events(session, Tag.CHANGE_JUDGED, plan_id=plan.id))
    if undone:
        return Attempt(step=step, fate=Fate.NOT_HELPED, at=at)
    if one.state is not PlanState.SUCCEEDED or not judged:
        return None
    body, seen = judged[-1]
    if Recovery(body["found"]) is Recovery.RECOVERED:
        return Attempt(step=step, fate=Fate.HELPED, at=at, seconds=max(0, int((seen - at).total_seconds())))
    return Attempt(step=step, fate=Fate.NOT_HELPED, at=at)


def _events(
    session: Session, tag: Tag, *, incident: int | None = None, plan_id: str = ""
) -> Iterator[tuple[JsonObject, datetime]]:
    """The bodies of these events, oldest first, with their times. Raises Bent for a row that was edited."""
    of = AuditRow.plan_id == plan_id if plan_id else AuditRow.incident == incident
    for row in session.exec(select(AuditRow).where(of, AuditRow.tag == tag.value).order_by(col(AuditRow.seq))):
        event = orjson.loads(row.body)
        about = event["plan"] == plan_id if plan_id else event["incident"] == incident
        if chain.seal(row.prev_hash, row.body) != row.hash or event["tag"] != row.tag or not about:
            raise Bent(f"event {row.seq} is not what was recorded")
        yield event["body"], datetime.fromisoformat(event["at"])
