"""What was seen before: closed incidents of the same cause, and what the last one came to.

A view of rows that are there anyway. Titles, findings and people's reasons steer nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import ColumnElement, literal_column
from sqlmodel import Session, col, select

from agents.incident import Diagnosis, Evidence, Hypothesis, IncidentState, Recovery, Value
from agents.ledger.investigations import Lease, diagnosis_of, evidence_of, held
from agents.ledger.past import Bent, Past, events, past_of, under_way
from agents.ledger.store import Ledger
from agents.ledger.tables import AlertRow, DiagnosisRow, IncidentRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import ObjectRef

WITHIN = timedelta(days=180)
MOST = 5
"""How many incidents are remembered, and of them not more than ``MOST_ELSEWHERE`` of other objects."""
MOST_ELSEWHERE = 2
RIVAL = 0.1
"""How far behind the cause every other one has to stay, in score, for a diagnosis to be sure."""
_CONFIDENCE = ("none", "low", "medium", "high")
_LOOKED_THROUGH = 20
_ALERTS = 50
_NEAR = 50


class Known(Value):
    """A cause that was established for sure, how surely, and the tools whose looks its claims cite."""

    incident: int
    code: str
    object: ObjectRef
    confidence: str
    tools: frozenset[str]

    def shown_by(self, found: Diagnosis, evidence: Mapping[str, Evidence]) -> bool:
        """Whether this diagnosis comes to the same, no less surely and after no fewer kinds of looks.

        After a look, and not on it: of ten replicas' logs then another one may have had the telling line.
        """
        cause = found.cause
        if cause is None or (cause.code, cause.object.key) != (self.code, self.object.key):
            return False
        surely = _CONFIDENCE.index(found.confidence) >= _CONFIDENCE.index(self.confidence)
        made = {item.tool for item in evidence.values() if item.ok}
        return surely and is_sure(found) and self.tools <= made


def is_sure(found: Diagnosis) -> bool:
    """Whether its cause leaves nothing near the alert open, and no other cause comes near it.

    What the reader may not see at all (Secrets, say) keeps the confidence of every diagnosis at medium.
    """
    cause = found.cause
    if cause is None or found.confidence not in {"medium", "high"} or cause.unexplained:
        return False
    return all(other.score <= cause.score - RIVAL for other in found.alternatives)


def tools_of(found: Diagnosis, evidence: Mapping[str, Evidence]) -> frozenset[str]:
    """The tools whose looks carry its claims."""
    cited = {number for claim in found.claims for number in claim.evidence}
    return frozenset(evidence[number].tool for number in cited if number in evidence)


def judge(ledger: Ledger, lease: Lease, plan_id: str, recovery: Recovery) -> None:
    """Record whether a change that was done has helped; said once, however often the stage runs."""
    with ledger.write() as tx:
        held(tx, lease)
        try:
            said = [body["found"] for body, _ in events(tx.session, Tag.CHANGE_JUDGED, plan_id=plan_id)]
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
    same = alert_names(session, number)
    alike = (one for one in far if alert_names(session, one) & same)
    rest = [one for one, _ in zip(alike, range(min(MOST_ELSEWHERE, MOST - len(near))), strict=False)]
    return tuple(past_of(session, one, cause) for one in (*near, *rest))


def tried(session: Session, number: int, cause: Hypothesis | None) -> tuple[Past, ...]:
    """What was done so far in this incident, then what was done about this cause before it opened."""
    if cause is None:
        return ()
    own = under_way(session, number, cause)
    return (*((own,) if own.attempts or own.bent else ()), *seen_before(session, number, cause))


def last_known(session: Session, number: int, near: frozenset[tuple[str, str, str]]) -> Known | None:
    """What the newest closed incident under one of the same alerts came to, if that was about one of the
    objects ``near`` and was sure."""
    row = session.get_one(IncidentRow, number)
    named = _said(session, "cause.object.name").in_(sorted({name for _, _, name in near})[:_NEAR])
    # Many namespaces have a "checkout": those of the others need not be read to be passed over.
    there = _said(session, "cause.object.namespace").in_(sorted({place for _, place, _ in near}))
    same = alert_names(session, number)
    for one in _incidents(session, row, (named, there)):
        found = diagnosis_of(session, one)
        cause = found.cause if found else None
        if found is None or cause is None or cause.object.key not in near:
            continue
        if not alert_names(session, one) & same:
            continue
        if not is_sure(found) or past_of(session, one, cause).bent:
            return None
        evidence = {item.id: item for item in evidence_of(session, one)}
        return Known(
            incident=one,
            code=cause.code,
            object=cause.object,
            confidence=found.confidence,
            tools=tools_of(found, evidence),
        )
    return None


def _said(session: Session, path: str) -> ColumnElement[str]:
    """A word within a diagnosis, written exactly as the indexes of migration 0010 have it."""
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


def alert_names(session: Session, number: int) -> set[str]:
    """The names of an incident's alerts, of the first fifty if there are more."""
    rows = session.exec(select(AlertRow.labels).where(AlertRow.incident == number).limit(_ALERTS))
    return {labels.get("alertname", "") for labels in rows} - {""}
