"""The ledger's page, and one event of the record in words. It only reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session, col, select

from agents.auditor.verdicts import kept_in
from agents.ledger import checkpoints
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.frame import Number, Shown
from midwatch.web.verdict import sentences
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


def pages(ledger: Ledger, verdict_file: Path, shown: Shown) -> APIRouter:
    """The routes over one ledger, and what its auditor found last."""
    router = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @router.get("/ledger")
    def record(request: Request, before: Number | None = None, asked: bool = False) -> Response:
        # Read before the rows: a verdict that comes meanwhile would know more events than are counted here.
        kept = kept_in(verdict_file)
        with ledger.read() as session:
            # By sequence number and not by page number: rows are added while somebody reads.
            rows = _lines(session, before=before, limit=PAGE)
            events, _ = checkpoints.head(session)
        older = rows[-1].seq if len(rows) == PAGE else None
        said = sentences(kept, events, ledger.now())
        return shown(request, "ledger.html", {"rows": rows, "older": older, "said": said, "asked": asked})

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
