"""One incident: its story, its evidence with what is quoted, a postmortem's draft. They only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from markupsafe import Markup
from sqlmodel import Session, col, select

from agents.gatekeeper.remembered import told as remembered
from agents.ledger.cards import card_of
from agents.ledger.investigations import diagnosis_of, evidence_of
from agents.ledger.plots import plots
from agents.ledger.store import Ledger
from agents.ledger.story import Story, story
from agents.ledger.tables import AuditRow
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.web.drawing import drawn, words
from midwatch.web.frame import Number, Shown
from midwatch.web.grading import grades
from midwatch.web.lines import Line, line_of
from midwatch.web.live import head
from midwatch.web.models import money
from midwatch.web.plans import card, chat_of
from midwatch.web.postmortem import QUIET, SAYS, Case, draft, markdown
from midwatch.web.problems import told
from midwatch.web.quoting import Exhibit, exhibits
from midwatch.web.related import related
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.plot import svg
from tools.policy.words import touched, warnings

MOST_EVENTS = 300
"""The newest events of a story; the ledger's page has all of them."""
EvidenceId = Annotated[str, Path(pattern=r"^E[1-9][0-9]{0,5}$")]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One incident as it was read, up to which event of the record, and where its card stands in the chat."""

    case: Case
    since: int
    channel_id: str = ""
    message_ts: str = ""

    @property
    def story(self) -> Story:
        """What it is about."""
        return self.case.story


def incident(settings: Settings, ledger: Ledger, shown: Shown) -> APIRouter:
    """The routes."""
    # What the links of an exported draft begin with, and those into the chat.
    public_url, chat = settings.public_url.rstrip("/"), chat_of(settings)
    router = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])
    unknown = "There is no INC-{}."

    @router.get("/incidents/{number}")
    def one(request: Request, number: Number) -> Response:
        found = read(ledger, number)
        if found is None:
            return told(request, shown, 404, unknown.format(number))
        at = {"card": card(chat, found.channel_id, found.message_ts)}
        return shown(request, "incident.html", content(found) | at | grades(request, ledger, number))

    @router.get("/incidents/{number}/evidence/{item}")
    def evidence(request: Request, number: Number, item: EvidenceId) -> Response:
        exhibit = shown_alone(ledger, number, item)
        if exhibit is None:
            return told(request, shown, 404, f"There is no evidence {item} of INC-{number}.")
        return shown(request, "evidence.html", {"number": number, "exhibit": exhibit})

    @router.get("/incidents/{number}/postmortem")
    def postmortem(request: Request, number: Number) -> Response:
        found = read(ledger, number)
        if found is None:
            return told(request, shown, 404, unknown.format(number))
        return shown(request, "postmortem.html", {"story": found.story, "sections": draft(found.case)})

    @router.get("/incidents/{number}/postmortem.md")
    def exported(request: Request, number: Number) -> Response:
        found = read(ledger, number)
        if found is None:
            return told(request, shown, 404, unknown.format(number))
        text = markdown(found.case, draft(found.case), public_url)
        named = {"Content-Disposition": f'attachment; filename="INC-{number}-postmortem.md"'}
        return PlainTextResponse(text, media_type="text/markdown", headers=named)

    return router


def read(ledger: Ledger, number: int) -> Found | None:
    """The incident with its events and evidence, or None."""
    with ledger.read() as session:
        # The place in the record first: what comes after it is news to the page.
        since, events, posted = head(session), _events(session, number), card_of(session, number)
    # In a second transaction: what comes in between is told by the stream, for it is after ``since``.
    whole = story(ledger, number)
    if whole is None:
        return None
    diagnosis = whole.diagnosis
    claims = (*diagnosis.claims, *diagnosis.changed) if diagnosis else ()
    case = Case(story=whole, events=events, exhibits=exhibits(whole.evidence, claims))
    if posted is None:
        return Found(case=case, since=since)
    return Found(case=case, since=since, channel_id=posted.channel_id, message_ts=posted.message_ts)


def shown_alone(ledger: Ledger, number: int, item: str) -> Exhibit | None:
    """One piece of evidence with what is quoted of it: all others of the incident are as large."""
    with ledger.read() as session:
        looks = [one for one in evidence_of(session, number) if one.id == item]
        diagnosis = diagnosis_of(session, number)
    claims = (*diagnosis.claims, *diagnosis.changed) if diagnosis else ()
    return exhibits(looks, claims).get(item)


def content(found: Found) -> dict[str, object]:
    """What the template of the story is given."""
    graph = related(found.story)
    # Ours and escaped where they hold words of strangers: the only markup that a page takes as it is.
    pictures = [Markup(svg(plot)) for plot in plots(found.story)]  # noqa: S704
    return {
        "story": found.story,
        "case": found.case,
        "since": found.since,
        "graph": graph,
        "drawn": drawn(graph),
        "in_words": [words(edge) for edge in graph.edges],
        "plots": pictures,
        "timeline": [line for line in found.case.events if line.tag not in QUIET],
        "says": SAYS,
        "verbs": CATALOGUE,
        "sentence": sentence,
        "touched": touched,
        "warnings": warnings,
        "money": money,
        "remembered": remembered,
    }


def _events(session: Session, number: int) -> list[Line]:
    query = select(AuditRow).where(AuditRow.incident == number).order_by(col(AuditRow.seq).desc())
    # Read past what is not shown: a flapping alert's deliveries would push the story out of the page.
    kept = query.where(col(AuditRow.tag).not_in(QUIET)).limit(MOST_EVENTS)
    return [line_of(row) for row in session.exec(kept)][::-1]
