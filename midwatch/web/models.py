"""The installation's models: what each was asked, its cost, how much of it held, and whether it rests now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from agents.ledger import breaker, consultations
from agents.ledger.breaker import Breaker
from agents.ledger.store import Ledger
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.frame import Shown


def router(ledger: Ledger, limits: Breaker, shown: Shown) -> APIRouter:
    """The page's route; ``shown`` renders a template as the other pages do."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @routes.get("/installation/models")
    def models(request: Request) -> Response:
        now = ledger.now()
        with ledger.read() as session:
            tallies = consultations.tallies(session)
            # With no tokens asked for: what is said is the state of things, not of one question.
            rests = {one.model: breaker.against(session, now, (one.model, 0), limits) for one in tallies}
            hour = breaker.spent_since(session, now - breaker.HOUR)
        content: dict[str, object] = {"tallies": tallies, "rests": rests, "hour": hour, "limits": limits}
        return shown(request, "models.html", content | {"money": money})

    return routes


def money(millionths: int | None) -> str:
    """A cost in words; one that is not known is never nothing."""
    return "cost unknown" if millionths is None else f"cost {millionths / 1_000_000:.6f}"
