"""What the ledger's page says of the record: the auditor's last verdict, how old it is and how far it goes.

A page recomputes nothing by itself: whoever may asks the auditor to, and the page tells how far that is.
Without a verdict it says so, and never that the record is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agents.auditor.verdicts import Kept, kept_in
from agents.auditor.verify import Progress
from agents.ledger import checkpoints, sessions
from midwatch.login.needs import needs, visit_of
from midwatch.login.roles import Role
from midwatch.web.frame import rendered

if TYPE_CHECKING:
    from agents.auditor.watch import Auditor

STALE = timedelta(minutes=15)
"""The auditor recomputes all every four minutes, and a long record takes a while."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One thing to say; ``bad`` is what a person has to look into."""

    text: str
    bad: bool = False


def sentences(kept: Kept | None, events: int, now: datetime) -> list[Sentence]:
    """What may be said of a record of so many events, the gravest first."""
    if kept is None:
        return [
            Sentence(text="Not yet verified: there is no verdict of the auditor on this record.", bad=True)
        ]
    found, at = kept.verdict, f"{kept.at:%Y-%m-%d %H:%M:%S} UTC"
    if not found.ok:
        where = "" if found.first_bad is None else f" The first row that does not fit is {found.first_bad}."
        bent = Sentence(text=f"The record was bent when all was recomputed, {at}.{where}", bad=True)
        return [bent, *(Sentence(text=problem, bad=True) for problem in found.problems)]
    if events < found.events:
        gone = (
            f"With {found.events} events, {at}, the record was whole; now it holds {events}: rows are gone."
        )
        return [Sentence(text=gone, bad=True)]
    said = [
        Sentence(text=f"Whole up to event {found.events}: all was recomputed {at}, {_ago(now - kept.at)}.")
    ]
    if now - kept.at > STALE:
        said.append(Sentence(text="That is too long ago: the auditor is away or behind.", bad=True))
    if more := events - found.events:
        were = "1 event was" if more == 1 else f"{more} events were"
        said.append(Sentence(text=f"{were} written since and not looked at yet."))
    plans = f"Plans that stand where their events say: {found.plans}. Signed checkpoints: {found.checkpoints}"
    said.append(Sentence(text=f"{plans}, anchored outside up to event {found.anchored}."))
    return [*said, *(Sentence(text=f"Not covered: {remark}.") for remark in found.remarks)]


def _ago(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute ago"
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


def asking(auditor: Auditor) -> APIRouter:
    """The button, and what becomes of it: all is recomputed at the auditor's next look, once for many."""
    router = APIRouter(default_response_class=HTMLResponse)

    @router.post("/ledger/verify", dependencies=[needs(Role.APPROVER)])
    def asked(request: Request) -> Response:
        sessions.verify_asked(auditor.ledger, visit_of(request).account)
        auditor.ask()
        return RedirectResponse("/ledger?asked=1", status_code=303)

    @router.get("/ledger/verdict", dependencies=[needs(Role.VIEWER)])
    def told(request: Request) -> Response:
        with auditor.ledger.read() as session:
            events = checkpoints.head(session)[0]
        said = sentences(kept_in(auditor.verdict_file), events, auditor.ledger.now())
        progress = auditor.progress or Progress(events=events)
        content = {"said": said, "busy": auditor.busy, "progress": progress}
        return rendered(request, "verdict.html", content)

    return router
