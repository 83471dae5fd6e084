"""The pages of one incident's whole story and of the ledger. They only read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from markupsafe import Markup
from sqlmodel import Session, col, select

from agents.gatekeeper.remembered import told as remembered
from agents.ledger.plots import plots
from agents.ledger.store import Ledger
from agents.ledger.story import story
from agents.ledger.tables import AuditRow
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.frame import Number, Shown
from midwatch.web.models import money
from tools.kubernetes.actions.catalogue import sentence
from tools.plot import svg
from tools.policy.words import touched, warnings
from tools.redaction import redact

PAGE = 50
# Sixty-four digits of hash on every line would leave no room for what happened.
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One audit row as a page shows it."""

    seq: int
    at: datetime
    tag: str
    incident: int | None
    text: str
    hash: str


def pages(ledger: Ledger, shown: Shown) -> APIRouter:
    """The routes over one ledger."""
    router = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @router.get("/incidents/{number}")
    def one(request: Request, number: Number) -> Response:
        told = story(ledger, number)
        if told is None:
            return PlainTextResponse(f"there is no INC-{number}", status_code=404)
        with ledger.read() as session:
            timeline = _lines(session, incident=number, limit=500)[::-1]
        words = {
            "sentence": sentence,
            "touched": touched,
            "warnings": warnings,
            "money": money,
            "remembered": remembered,
        }
        # Ours and escaped where it holds words of strangers: the only markup that a page takes as it is.
        drawn = [Markup(svg(plot)) for plot in plots(told)]  # noqa: S704
        content = {"story": told, "timeline": timeline, "plots": drawn, **words}
        return shown(request, "incident.html", content)

    return router


def _lines(
    session: Session, *, incident: int | None = None, before: int | None = None, limit: int
) -> list[Line]:
    query = select(AuditRow).order_by(col(AuditRow.seq).desc()).limit(limit)
    if incident is not None:
        query = query.where(AuditRow.incident == incident)
    if before is not None:
        query = query.where(col(AuditRow.seq) < before)
    return [line_of(row) for row in session.exec(query)]


def line_of(row: AuditRow) -> Line:
    """One row in words: its body's facts, redacted and inert."""
    body = orjson.loads(row.body)["body"]
    said = ", ".join(f"{key} {value}" for key, value in body.items() if value not in ("", None))
    # A page shows digests to be recognised; whoever compares them uses `midwatch verify`.
    text = _DIGEST.sub(r"\1…", said)
    return Line(
        seq=row.seq, at=row.at, tag=row.tag, incident=row.incident, text=redact(text)[:300], hash=row.hash
    )
