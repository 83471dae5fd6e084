"""The page of the record: its events, narrowed and by cursor, and what the auditor says of the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from agents.auditor.verdicts import kept_in
from agents.ledger import checkpoints, record
from agents.ledger.record import Wanted
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag
from midwatch.login.needs import needs, visit_of
from midwatch.login.roles import Role
from midwatch.web.frame import Number, Shown
from midwatch.web.lines import line_of
from midwatch.web.moments import NotATime, moment
from midwatch.web.verdict import sentences

PAGE = 50
_INCIDENT = re.compile(r"(?:INC-)?(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The fields of the filter as they were typed."""

    tag: str = ""
    actor: str = ""
    incident: str = ""
    since: str = ""
    until: str = ""

    def wanted(self) -> Wanted:
        """What is asked for. Raises NotATime, and ValueError for an incident that is none."""
        typed = self.incident.strip()
        found = _INCIDENT.fullmatch(typed)
        if typed and found is None:
            raise ValueError("write an incident as INC-7, or 7")
        return Wanted(
            tag=self.tag,
            actor=self.actor,
            incident=int(found.group(1)) if found else None,
            since=moment(self.since),
            until=moment(self.until),
        )


def router(ledger: Ledger, verdict_file: Path, shown: Shown) -> APIRouter:
    """The page's route; ``shown`` renders a template as the other pages do."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @routes.get("/ledger")
    def page(
        request: Request,
        narrowed: Annotated[Asked, Depends(Asked)],
        before: Number | None = None,
        asked: bool = False,
    ) -> Response:
        # Read before the rows: a verdict that comes meanwhile would know more events than are counted here.
        kept, problem = kept_in(verdict_file), ""
        with ledger.read() as session:
            events = checkpoints.head(session)[0]
            try:
                rows = record.page(session, narrowed.wanted(), before, PAGE + 1)
            except (NotATime, ValueError) as wrong:
                rows, problem = [], f"{wrong}."
        fields = {name: value for name, value in vars(narrowed).items() if value}
        # One row more than is shown was read: whether there is an older page is then known.
        older = {**fields, "before": rows[PAGE - 1].seq} if len(rows) > PAGE else {}
        content: dict[str, object] = {
            "rows": [line_of(row) for row in rows[:PAGE]],
            "older": f"/ledger?{urlencode(older)}" if older else "",
            "newest": f"/ledger?{urlencode(fields)}" if before is not None else "",
            "narrowed": narrowed,
            "is_narrowed": bool(fields),
            "problem": problem,
            "tags": [("", "all"), *((tag.value, tag.value) for tag in Tag)],
            "actors": [("", "everybody"), *((each, each) for each in sorted({tag.writer for tag in Tag}))],
            "said": sentences(kept, events, ledger.now()),
            "asked": asked,
            "may_verify": visit_of(request).role >= Role.APPROVER,
        }
        return shown(request, "ledger.html", content)

    return routes
