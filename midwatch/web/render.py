"""How a page is rendered: every text redacted and inert; each says who reads it, and when all is halted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates

from agents.ledger.store import Ledger, halted
from midwatch.login.needs import FIELD
from tools.redaction import redact

Shown = Callable[[Request, str, dict[str, object]], Response]
_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def _safe(value: object) -> object:
    # Labels and titles come from strangers: every text a page shows is redacted and inert first.
    return redact(value) if type(value) is str else value


_templates.env.finalize = _safe


def rendered(request: Request, name: str, content: dict[str, object], status: int = 200) -> Response:
    """A page from its template, with whose visit it is (nobody's, at the door)."""
    visit = request.scope.get("midwatch.visit")
    return _templates.TemplateResponse(
        request, name, {**content, "visit": visit, "csrf_field": FIELD}, status_code=status
    )


def shown_over(ledger: Ledger) -> Shown:
    """How a page behind the login is rendered: every one says when the watch is halted."""

    def shown(request: Request, name: str, content: dict[str, object]) -> Response:
        with ledger.read() as session:
            content["halt"] = halted(session)
        return rendered(request, name, content)

    return shown
