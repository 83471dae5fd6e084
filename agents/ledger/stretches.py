"""The facts of a stretch of time, read from the ledger: what :mod:`agents.ledger.insights` makes figures of.

Events are read by kind and number, never by walking the whole record: a stretch begins at the event that was
the first in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson
from sqlalchemy import func
from sqlalchemy import select as rows_of
from sqlmodel import Session, col, select

from agents.incident import Recovery
from agents.ledger.insights import Facts, Life
from agents.ledger.record import first_from
from agents.ledger.tables import (
    AlertRow,
    AuditRow,
    DiagnosisRow,
    IncidentRow,
    PlanRow,
    ProposalRow,
)
from agents.ledger.tables_model import ConsultationRow
from agents.ledger.tables_people import FeedbackRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject

AFTER = timedelta(days=1)
"""How long after the end of a stretch the events of its incidents are still looked for."""
_UNDO = re.compile(rb'"undo_of":"([^"]+)"')
_NOTHING = Recovery.NOTHING_DONE.value
_BEGUN = frozenset({"EXECUTING", "UNKNOWN", "SUCCEEDED", "FAILED", "PARTIAL"})
_BAD = frozenset({"FAILED", "PARTIAL", "UNKNOWN"})


@dataclass(frozen=True, kw_only=True)
class _Event:
    incident: int
    plan: str
    at: datetime
    body: JsonObject


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The incidents of a stretch, by number, and the events among which theirs are."""

    session: Session
    lives: dict[int, Life]
    idle: frozenset[int]
    events: tuple[int, int]

    @property
    def first(self) -> int:
        return min(self.lives, default=0)

    @property
    def last(self) -> int:
        return max(self.lives, default=-1)

    def of(self, tag: Tag, *, told: bool = True) -> Iterator[_Event]:
        """The events of one kind about these incidents, oldest first; without ``told``, not what they say."""
        row = AuditRow
        query = select(row.incident, row.plan_id, row.at, row.body).order_by(col(row.seq))
        between = col(row.seq) >= self.events[0], col(row.seq) < self.events[1]
        for incident, plan, at, body in self.session.exec(query.where(row.tag == tag.value, *between)):
            if incident is not None and incident in self.lives:
                said = orjson.loads(body)["body"] if told else {}
                yield _Event(incident=incident, plan=plan, at=at, body=said)


def facts(session: Session, since: datetime, until: datetime) -> Facts:
    """What happened to the incidents that were opened from ``since`` on and before ``until``."""
    part = _part(session, since, until)
    decided, judged = list(part.of(Tag.PLAN_DECIDED)), list(part.of(Tag.CHANGE_JUDGED))
    plans, undone = _plans(part)
    # A plan may be judged twice, by a stage that ran again: its last verdict counts.
    found = {event.plan: str(event.body.get("found", "")) for event in judged}
    begun = {plan for plan, state in plans.items() if state in _BEGUN}
    failed = {plan for plan in begun if plans[plan] in _BAD or found.get(plan) == "not recovered"}
    alerts, for_nothing = _alerts(part)
    counted = Facts(
        since=since,
        until=until,
        lives=tuple(_lives(part, decided, judged)),
        verdicts=Counter(str(event.body["verdict"]) for event in decided),
        refusals=Counter(str(event.body.get("why", "")) for event in part.of(Tag.CLICK_REFUSED)),
        ends=Counter(plans.values()),
        judged=Counter(found.values()),
        begun=len(begun),
        undone=undone,
        failed=len(failed),
        grades=_grades(part),
        causes=_causes(part),
        alerts=alerts,
        for_nothing=for_nothing,
    )
    return _with_models(session, counted)


def _part(session: Session, since: datetime, until: datetime) -> _Part:
    row = IncidentRow
    recovery = col(row.outcome)["recovery"].as_string()
    query = rows_of(col(row.number), col(row.opened_at), col(row.resolved_at), recovery)
    opened = col(IncidentRow.opened_at) >= since, col(IncidentRow.opened_at) < until
    found = list(session.connection().execute(query.where(*opened)))
    return _Part(
        session=session,
        lives={
            number: Life(number=number, opened=at, resolved=end) for number, at, end, _ in found if number
        },
        idle=frozenset(number for number, _, _, ended in found if number and ended == _NOTHING),
        events=_events(session, min((n for n, *_ in found if n), default=None), until + AFTER),
    )


def _events(session: Session, first: int | None, until: datetime) -> tuple[int, int]:
    """From the first event of the first incident on, and up to a moment."""
    if first is None:
        return 0, 0
    last = session.exec(select(AuditRow).order_by(col(AuditRow.seq).desc()).limit(1)).first()
    # By the incident's own index: halving the record for its first event takes twenty questions.
    own = session.exec(select(func.min(AuditRow.seq)).where(AuditRow.incident == first)).one()
    if last is None:
        return 0, 0
    return own or 0, last.seq + 1 if last.at < until else first_from(session, until, last.seq)


def _lives(part: _Part, decided: list[_Event], judged: list[_Event]) -> Iterator[Life]:
    card, changed = (_first(part.of(tag, told=False)) for tag in (Tag.CARD_POSTED, Tag.STEP_INTENDED))
    word, verdict = _first(iter(decided)), _first(iter(judged))
    for n, life in part.lives.items():
        yield replace(
            life, card=card.get(n), decided=word.get(n), changed=changed.get(n), judged=verdict.get(n)
        )


def _first(events: Iterator[_Event]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for event in events:
        found.setdefault(event.incident, event.at)
    return found


def _plans(part: _Part) -> tuple[dict[str, str], int]:
    """The state of each plan, and how many changes that were done were undone by another."""
    query = rows_of(col(PlanRow.id), col(ProposalRow.state), col(PlanRow.incident), col(PlanRow.canonical))
    query = query.join(ProposalRow, col(ProposalRow.plan_id) == col(PlanRow.id))
    of_them = col(PlanRow.incident) >= part.first, col(PlanRow.incident) <= part.last
    states, undone = {}, set()
    for plan, state, incident, canonical in part.session.connection().execute(query.where(*of_them)):
        if incident in part.lives:
            states[plan] = state
            # Looked for in the bytes that were signed, without reading a thousand plans as objects.
            undo = _UNDO.search(canonical)
            if undo and state == "SUCCEEDED":
                undone.add(undo.group(1))
    return states, len(undone)


def _grades(part: _Part) -> Counter[str]:
    query = select(FeedbackRow.incident, FeedbackRow.grade).where(
        col(FeedbackRow.incident) >= part.first, col(FeedbackRow.incident) <= part.last
    )
    return Counter(grade for incident, grade in part.session.exec(query) if incident in part.lives)


def _causes(part: _Part) -> Counter[str]:
    """The cause of each incident's newest diagnosis, where one was named."""
    row = DiagnosisRow
    cause = col(row.body)["cause"]["code"].as_string()
    query = rows_of(col(row.incident), cause).order_by(col(row.round))
    of_them = col(row.incident) >= part.first, col(row.incident) <= part.last
    rows = part.session.connection().execute(query.where(*of_them))
    found: dict[int, str | None] = {row[0]: row[1] for row in rows}
    return Counter(code for number, code in found.items() if code and number in part.lives)


def _alerts(part: _Part) -> tuple[Counter[str], Counter[str]]:
    """The incidents by the name of their alerts, and those of them that ended without anything being done."""
    row = AlertRow
    name = col(row.labels)["alertname"].as_string()
    query = rows_of(col(row.incident), name).distinct()
    of_them = col(row.incident) >= part.first, col(row.incident) <= part.last
    found = [
        (number, str(said or "without a name"))
        for number, said in part.session.connection().execute(query.where(*of_them))
        if number in part.lives
    ]
    return Counter(said for _, said in found), Counter(said for number, said in found if number in part.idle)


def _with_models(session: Session, counted: Facts) -> Facts:
    """With what was asked of models in the stretch itself, whichever incident it was about."""
    row = ConsultationRow
    # A question that was never answered counts with what was set aside for it, as the breaker counts it.
    tokens = col(row.input_tokens) + col(row.output_tokens)
    query = rows_of(
        func.count(),
        func.sum(row.claims),
        func.sum(row.dropped),
        func.sum(func.coalesce(tokens, col(row.reserved))),
        func.count(col(row.cost)),
        func.sum(row.cost),
    ).where(col(row.asked_at) >= counted.since, col(row.asked_at) < counted.until)
    questions, *sums = session.connection().execute(query).one()
    claims, dropped, spent, priced, cost = (int(one or 0) for one in sums)
    known = cost if questions and priced == questions else None
    return replace(counted, questions=questions, claims=claims, dropped=dropped, tokens=spent, cost=known)
