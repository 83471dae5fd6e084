"""The frame around every page: navigation, colours, the halt, and the words that templates share.

A page hands its content to :func:`shown_over`; everything that it prints is redacted and escaped here,
so that no page can forget to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from pydantic import Field

from agents.ledger.store import Ledger, halted
from midwatch.login.needs import FIELD, needs
from midwatch.login.paths import inside
from midwatch.login.roles import Role
from midwatch.web.static import address
from tools.redaction import redact

Shown = Callable[[Request, str, dict[str, object]], Response]
"""How a page is rendered: the request, the template's name, and what it is about."""
Number = Annotated[int, Field(ge=0, lt=2**63)]
"""What fits into a column of the ledger; another number is a wrong address and no error of ours."""
PAGES = (
    ("Incidents", "/incidents"),
    ("Plans", "/plans"),
    ("Ledger", "/ledger"),
    ("Runbooks", "/runbooks"),
    ("Analyzers", "/analyzers"),
    ("Insights", "/insights"),
    ("Installation", "/installation"),
)
"""What the frame names, in the order of its navigation."""
KINDS = {
    **dict.fromkeys(("SUCCEEDED", "closed", "recovered", "ok"), "good"),
    **dict.fromkeys(("open", "FAILED", "PARTIAL", "UNKNOWN", "QUARANTINED", "not recovered"), "bad"),
    **dict.fromkeys(("critical", "error", "not ok"), "bad"),
    **dict.fromkeys(("warning", "PENDING", "STALE", "NOT_APPLIED", "REFUSED"), "warn"),
    **dict.fromkeys(("DRAFT", "APPROVED", "EXECUTING"), "accent"),
}
"""Which colour goes with a state's word. The word is always written: the colour alone tells nothing."""
THEME = "midwatch_theme"
YEAR = 365 * 24 * 3600
SHORT, REMEMBERED = 200, 8192
"""Up to how many characters a text is remembered as it is shown, and how many of them: some megabytes."""
_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def _safe(value: object) -> object:
    # Labels and titles come from strangers: every text a page shows is redacted and inert first.
    if type(value) is not str:
        return value
    return _said(value) if len(value) <= SHORT else redact(value)


@lru_cache(REMEMBERED)
def _said(text: str) -> str:
    # A list says the same few hundred words with every look, and redacting them was most of its time.
    return redact(text)


def age(at: datetime, now: datetime) -> str:
    """How long ago, or how far ahead, in the words that the script keeps fresh."""
    seconds = int((now - at).total_seconds())
    words = span(timedelta(seconds=abs(seconds)))
    if abs(seconds) < 5:
        return "just now"
    return f"in {words}" if seconds < 0 else f"{words} ago"


def span(length: timedelta) -> str:
    """A length of time in the two largest units that say something: ``3 h 5 min``."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        minutes = seconds % 3600 // 60
        return f"{seconds // 3600} h {minutes} min" if minutes else f"{seconds // 3600} h"
    return f"{seconds // 86400} d"


_templates.env.finalize = _safe
_templates.env.globals.update(static=address, kinds=KINDS, age=age, span=span)
# What a block leaves on its own line is no content; a list of thousands would be half blanks.
_templates.env.trim_blocks = _templates.env.lstrip_blocks = True


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page in the navigation; ``here`` is the one that is open."""

    title: str
    path: str
    here: bool


def entries(request: Request) -> list[Entry]:
    """The navigation of this page."""
    at = request.url.path
    return [
        Entry(title=title, path=path, here=at == path or at.startswith(f"{path}/")) for title, path in PAGES
    ]


def theme_of(request: Request) -> str:
    """The colours that this reader chose; empty for those of their system."""
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in {"light", "dark"} else ""


def shown_over(ledger: Ledger) -> Shown:
    """How a page is rendered: every one has the frame, and says when the watch is halted."""

    def shown(request: Request, name: str, content: dict[str, object]) -> Response:
        with ledger.read() as session:
            halt = halted(session)
        query = f"?{request.url.query}" if request.url.query else ""
        frame = {
            "halt": halt,
            "now": ledger.now(),
            "entries": entries(request),
            "back": f"{request.url.path}{query}",
        }
        return rendered(request, name, frame | content)

    return shown


def rendered(request: Request, name: str, content: dict[str, object], status: int = 200) -> Response:
    """A page from its template, with whose visit it is (at the door, nobody's)."""
    visit = request.scope.get("midwatch.visit")
    known = {"visit": visit, "csrf_field": FIELD, "theme": theme_of(request)}
    return _templates.TemplateResponse(request, name, known | content, status_code=status)


def themes(*, secure: bool) -> APIRouter:
    """The switch of colours: a cookie and back to the page, so that no script is needed for it."""
    router = APIRouter(dependencies=[needs(Role.VIEWER)])

    @router.post("/theme")
    def chosen(
        to: Annotated[Literal["system", "light", "dark"], Form()],
        back: Annotated[str, Form(max_length=2000)] = "/incidents",
    ) -> Response:
        answer = RedirectResponse(inside(back), status_code=303)
        answer.set_cookie(THEME, to, max_age=YEAR, httponly=True, samesite="lax", secure=secure)
        return answer

    return router
