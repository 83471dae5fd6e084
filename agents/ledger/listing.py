"""Incidents as a list shows them: filtered, searched, by cursor; as many queries for one as for fifty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, Text, cast, func, or_
from sqlmodel import Session, col, select

from agents.incident import IncidentState, Value, Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.tables import AlertRow, DecisionRow, IncidentRow, PlanRow, ProposalRow

_NUMBER = re.compile(r"(?:INC-)?([0-9]{1,18})", re.IGNORECASE)
_SAID = {Verdict.APPROVE.value: "approved", Verdict.DENY.value: "rejected"}


class Wanted(Value):
    """Which incidents: every field that is set narrows; ``hours`` is how old one is at most, ``since`` the
    earliest opening."""

    state: Literal["", "open", "closed"] = ""
    severity: str = ""
    namespace: str = ""
    plan: Literal["", "with", "without", "waiting"] = ""
    hours: int = 0
    since: AwareDatetime | None = None
    words: str = ""
    before: int | None = None
    """A number and not a page: incidents are opened while somebody reads, and none is to be shown twice."""
    limit: int = 50


class Glance(Value):
    """One incident at a glance. ``plan`` is where its newest plan stands, ``decided`` who said what of it."""

    number: int
    title: str
    severity: str
    state: IncidentState
    phase: str
    recovery: str
    opened_at: datetime
    closed_at: datetime | None
    alerts: int
    firing: int
    plan: PlanState | None
    decided: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name people use: ``INC-7``."""
        return f"INC-{self.number}"


def found(session: Session, wanted: Wanted, now: datetime) -> list[Glance]:
    """The incidents that are wanted, newest first, below the number ``before``."""
    query = select(IncidentRow).order_by(col(IncidentRow.number).desc()).limit(wanted.limit)
    rows = session.exec(query.where(*_conditions(wanted, now))).all()
    numbers = [row.number or 0 for row in rows]
    # One query for all of them and not one for each: a page of fifty would ask two hundred times.
    alerts, plans = _alerts(session, numbers), _newest_plans(session, numbers)
    said = _decided(session, [plan_id for plan_id, _ in plans.values()])
    glances = []
    for row, number in zip(rows, numbers, strict=True):
        plan_id, state = plans.get(number, ("", None))
        counts = alerts.get(number, {})
        glances.append(
            Glance(
                number=number,
                title=row.title,
                severity=row.severity,
                state=IncidentState(row.state),
                phase=row.phase,
                recovery=str((row.outcome or {}).get("recovery", "")),
                opened_at=row.opened_at,
                closed_at=row.closed_at,
                alerts=sum(counts.values()),
                firing=counts.get(True, 0),
                plan=state,
                decided=tuple(said.get(plan_id, ())),
            )
        )
    return glances


def _conditions(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.before is not None:
        conditions.append(col(IncidentRow.number) < wanted.before)
    if wanted.state:
        conditions.append(col(IncidentRow.state) == wanted.state)
    if wanted.severity:
        conditions.append(col(IncidentRow.severity) == wanted.severity)
    if wanted.hours:
        conditions.append(col(IncidentRow.opened_at) >= now - timedelta(hours=wanted.hours))
    if wanted.since is not None:
        conditions.append(col(IncidentRow.opened_at) >= wanted.since)
    if wanted.namespace:
        # The sender's own label: which namespace an incident is about is nowhere else said in a column.
        place = col(AlertRow.labels)["namespace"].as_string() == wanted.namespace
        conditions.append(_an_alert(place))
    if wanted.plan:
        conditions.append(_planned(wanted.plan))
    if wanted.words:
        conditions.append(_said_of(wanted.words))
    return conditions


def _an_alert(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # By existence and not by a join: an incident of many alerts would be listed once for each.
    return select(AlertRow.id).where(AlertRow.incident == col(IncidentRow.number), condition).exists()


def _planned(which: Literal["with", "without", "waiting"]) -> ColumnElement[bool]:
    plans = select(PlanRow.id).where(PlanRow.incident == col(IncidentRow.number))
    if which == "waiting":
        waits = col(ProposalRow.state) == PlanState.PENDING.value
        return plans.join(ProposalRow).where(waits).exists()
    return plans.exists() if which == "with" else ~plans.exists()


def _said_of(words: str) -> ColumnElement[bool]:
    """By number, or by any part of the title or of an alert's labels: pods and services stand there."""
    number = _NUMBER.fullmatch(words.strip())
    if number is not None:
        return col(IncidentRow.number) == int(number[1])
    # Escaped, so that a per cent sign is one and a stranger's pattern cannot keep the database busy.
    title = col(IncidentRow.title).icontains(words.strip(), autoescape=True)
    labels = cast(col(AlertRow.labels), Text).icontains(words.strip(), autoescape=True)
    return or_(title, _an_alert(labels))


def _alerts(session: Session, numbers: Sequence[int]) -> dict[int, dict[bool, int]]:
    query = select(AlertRow.incident, AlertRow.firing, func.count()).where(
        col(AlertRow.incident).in_(numbers)
    )
    counts: dict[int, dict[bool, int]] = {}
    for incident, firing, many in session.exec(query.group_by(col(AlertRow.incident), col(AlertRow.firing))):
        counts.setdefault(incident, {})[bool(firing)] = many
    return counts


def _newest_plans(session: Session, numbers: Sequence[int]) -> dict[int, tuple[str, PlanState]]:
    query = select(PlanRow.incident, PlanRow.id, ProposalRow.state).join(ProposalRow)
    query = query.where(col(PlanRow.incident).in_(numbers)).order_by(col(PlanRow.created_at))
    # Oldest first, so the newest plan of an incident is the one that stays.
    return {incident: (plan_id, PlanState(state)) for incident, plan_id, state in session.exec(query)}


def _decided(session: Session, plan_ids: Sequence[str]) -> dict[str, list[str]]:
    query = select(DecisionRow.plan_id, DecisionRow.verdict, DecisionRow.user_id)
    query = query.where(col(DecisionRow.plan_id).in_(plan_ids)).order_by(col(DecisionRow.id))
    said: dict[str, list[str]] = {}
    for plan_id, verdict, user in session.exec(query):
        said.setdefault(plan_id, []).append(f"{_SAID[verdict]} by {user}")
    return said
