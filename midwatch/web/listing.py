"""The page of incidents: live, filtered, searched, by cursor. It only reads."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from agents.ledger.listing import Wanted, found
from agents.ledger.store import Ledger
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.frame import Number, Shown
from midwatch.web.live import head

PAGE = 50
CHOICES = {
    "state": (("", "open and closed"), ("open", "open"), ("closed", "closed")),
    "severity": (("", "any"), *((name, name) for name in ("critical", "error", "warning", "info", "none"))),
    "plan": (
        ("", "with or without"),
        ("waiting", "waits for a signature"),
        ("with", "with a plan"),
        ("without", "without a plan"),
    ),
    "hours": ((0, "any time"), (1, "the last hour"), (24, "the last day"), (168, "7 days"), (720, "30 days")),
}


class Asked(BaseModel):
    """The query of the page, as its form and its links write it."""

    model_config = ConfigDict(extra="ignore")

    state: Literal["", "open", "closed"] = ""
    severity: str = Field(default="", max_length=63)
    namespace: str = Field(default="", max_length=63)
    plan: Literal["", "with", "without", "waiting"] = ""
    hours: int = Field(default=0, ge=0, le=24 * 3660)
    q: str = Field(default="", max_length=200)
    before: Number | None = None

    def wanted(self) -> Wanted:
        """The same for the ledger."""
        narrowed = self.model_dump(exclude={"q"})
        # One more than is shown: whether there are older ones is known without counting them.
        typed = {"namespace": self.namespace.strip(), "words": self.q.strip(), "limit": PAGE + 1}
        return Wanted.model_validate(narrowed | typed)

    def address(self, before: int | None = None) -> str:
        """This list from another place on."""
        said = {name: value for name, value in self.model_dump(exclude={"before"}).items() if value}
        query = urlencode(said | ({"before": before} if before is not None else {}))
        return f"/incidents?{query}" if query else "/incidents"


def listing(ledger: Ledger, shown: Shown) -> APIRouter:
    """The page's route."""
    router = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @router.get("/")
    @router.get("/incidents")
    def incidents(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        now = ledger.now()
        with ledger.read() as session:
            # The place in the record first: what comes after it is news to this page.
            since = head(session)
            rows = found(session, asked.wanted(), now)
        older = asked.address(rows[PAGE - 1].number) if len(rows) > PAGE else ""
        content: dict[str, object] = {
            "incidents": rows[:PAGE],
            "older": older,
            "newest": asked.address() if asked.before is not None else "",
            "here": asked.address(asked.before),
            "asked": asked,
            "choices": CHOICES,
            "narrowed": asked.address() != "/incidents",
            "since": since,
        }
        return shown(request, "incidents.html", content)

    return router
