"""How good a diagnosis was, in the words of people who know: four grades, one word a person and incident.

It steers nothing: no plan, no confidence and no memory is changed by it. It is counted, so that a team
sees how often Midwatch was right.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime
from sqlmodel import Session, col, func, select

from agents.incident import Approver, Value
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger, LedgerError
from agents.ledger.tables import DiagnosisRow
from agents.ledger.tables_people import FeedbackRow
from agents.ledger.tags import Tag


class Grade(StrEnum):
    """How good a diagnosis was. ``says`` is what a button says, and a page."""

    _value_: str
    says: str

    def __new__(cls, grade: str, says: str) -> Grade:
        """The member; its text is the grade alone, for that is what is stored."""
        member = str.__new__(cls, grade)
        member._value_, member.says = grade, says
        return member

    @classmethod
    def of(cls, word: str) -> Grade | None:
        """The grade of that name, or None."""
        return next((grade for grade in cls if grade.value == word), None)

    RIGHT = "right", "Right cause and fix"
    CAUSE = "cause", "Right cause, not the fix"
    PARTLY = "partly", "Partly right"
    WRONG = "wrong", "Wrong"


class Judgement(Value):
    """One person's grade of one incident's diagnosis, and of which round of it."""

    incident: int
    by: Approver
    grade: Grade
    round: int
    at: AwareDatetime


class NothingToJudge(LedgerError):
    """The incident has no diagnosis, or there is no such incident."""


def judge(ledger: Ledger, incident: int, by: Approver, grade: Grade) -> Judgement:
    """Keep what a person says of the newest diagnosis; an earlier word of theirs is replaced.

    Raises NothingToJudge. The same word again leaves no second event.
    """
    with ledger.write() as tx:
        # Two words of one person at once must not both find that there was none.
        tx.alone()
        newest = select(func.max(DiagnosisRow.round)).where(DiagnosisRow.incident == incident)
        turn = tx.session.exec(newest).one()
        if turn is None:
            raise NothingToJudge(f"INC-{incident} has no diagnosis to judge")
        row = tx.session.get(FeedbackRow, (incident, by.team_id, by.user_id))
        if row is not None and (row.grade, row.round) == (grade.value, turn):
            return _value_of(row)
        new = FeedbackRow(incident=incident, **by.model_dump(), grade=grade.value, round=turn, at=tx.now)
        said = {
            "by": by.model_dump(),
            "grade": grade.value,
            "round": turn,
            "before": row.grade if row else "",
        }
        tx.session.merge(new)
        tx.audit(Tag.DIAGNOSIS_GRADED, said, incident=incident)
        tx.wake(Agent.GATEKEEPER, incident)
        return _value_of(new)


def of_incident(session: Session, incident: int) -> list[Judgement]:
    """What people said of this incident's diagnosis, each person's last word, oldest first."""
    query = select(FeedbackRow).where(FeedbackRow.incident == incident).order_by(col(FeedbackRow.at))
    return [_value_of(row) for row in session.exec(query)]


def counts(session: Session, since: datetime | None = None) -> dict[Grade, int]:
    """How many words there are of each grade, from ``since`` on; every grade has its number."""
    query = select(FeedbackRow.grade, func.count()).group_by(FeedbackRow.grade)
    if since is not None:
        query = query.where(col(FeedbackRow.at) >= since)
    found: dict[str, int] = dict(session.exec(query).all())
    return {grade: found.get(grade.value, 0) for grade in Grade}


def _value_of(row: FeedbackRow) -> Judgement:
    return Judgement(
        incident=row.incident,
        by=Approver(team_id=row.team_id, user_id=row.user_id),
        grade=next(grade for grade in Grade if grade.value == row.grade),
        round=row.round,
        at=row.at,
    )
