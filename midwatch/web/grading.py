"""Grading a diagnosis from its page: one word a person, counted in the insights, steering nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from agents.incident import Approver
from agents.ledger import feedback
from agents.ledger.feedback import Grade, NothingToJudge
from agents.ledger.sessions import Account
from agents.ledger.store import Ledger
from midwatch.login.needs import needs, visit_of
from midwatch.login.roles import Role
from midwatch.web.frame import Number


def grading(ledger: Ledger) -> APIRouter:
    """The route behind the buttons."""
    routes = APIRouter(dependencies=[needs(Role.APPROVER)])

    @routes.post("/incidents/{number}/grade")
    def graded(request: Request, number: Number, grade: Annotated[Grade, Form()]) -> Response:
        try:
            feedback.judge(ledger, number, _who(visit_of(request).account), grade)
        except NothingToJudge as problem:
            raise HTTPException(404, str(problem)) from problem
        return RedirectResponse(f"/incidents/{number}#graded", status_code=303)

    return routes


def grades(request: Request, ledger: Ledger, number: int) -> dict[str, object]:
    """What the template is given: what people said, the reader's own word, and whether they may say one."""
    visit = visit_of(request)
    with ledger.read() as session:
        said = feedback.of_incident(session, number)
    own = next((one.grade for one in said if one.by == _who(visit.account)), None)
    return {"judged": said, "own": own, "grades": list(Grade), "may_grade": visit.role >= Role.APPROVER}


def _who(account: Account) -> Approver:
    """Whose word it is. Who is in the chat is the same person here; others never look like one."""
    if account.method == "slack":
        team_id, _, user_id = account.subject.partition("/")
        return Approver(team_id=team_id, user_id=user_id)
    return Approver(team_id=account.method, user_id=account.subject)
