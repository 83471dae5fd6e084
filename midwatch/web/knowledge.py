"""The pages of what is known: runbooks for people, and the analyzers' conditions as the registry has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from agents.investigator.analyzers.outside import UnfitAnalyzer
from agents.investigator.examined import Extras
from agents.investigator.silenced import SilenceError
from agents.ledger import fired
from agents.ledger.store import Ledger
from midwatch.extras import extras_of
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.web.frame import Shown
from runbooks.book import Runbook
from runbooks.search import Search
from runbooks.shelf import Shelf, load
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.redaction import redact

LATELY = timedelta(days=30)
# Somebody may write runbooks of their own: no markup of theirs passes, and nothing leads out of the house.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink", "reference"])


def runbooks(ledger: Ledger, shown: Shown) -> APIRouter:
    """The list with its search, and one runbook."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])
    shelf = load()
    search = Search(shelf)

    @routes.get("/runbooks")
    def listed(request: Request, q: str = "") -> Response:
        found = _found(shelf, search, q.strip()[:200])
        content: dict[str, object] = {"books": found, "q": q.strip()[:200], "all": len(shelf.books)}
        return shown(request, "runbooks.html", content)

    @routes.get("/runbooks/{name}")
    def one(request: Request, name: str) -> Response:
        book = next((each for each in shelf.books if each.name == name), None)
        if book is None:
            raise HTTPException(404, "there is no such runbook")
        since = ledger.now() - 3 * LATELY
        with ledger.read() as session:
            well = fired.recovered(session, since)
        helped = max((well[each] for each in book.matches.alertnames if each in well), default=None)
        # Ours and escaped: markup that stands in the text is shown as text.
        body = Markup(_MARKDOWN.render(redact(book.body)))  # noqa: S704
        verbs = {verb: CATALOGUE[verb].tier for verb in book.allowed_actions}
        content: dict[str, object] = {"book": book, "body": body, "verbs": verbs, "helped": helped}
        return shown(request, "runbook.html", content)

    return routes


def _found(shelf: Shelf, search: Search, words: str) -> list[Runbook]:
    if not words:
        return list(shelf.books)
    named = [shelf.match({"alertname": words})]
    found = [*named, *(one.book for one in search.find(words))]
    return list({book.name: book for book in found if book is not None}.values())


def analyzers(settings: Settings, ledger: Ledger, shown: Shown) -> APIRouter:
    """Every condition that can be found, how often it was, and what is silenced."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @routes.get("/analyzers")
    def page(request: Request, q: str = "") -> Response:
        problem, extras = "", Extras()
        try:
            extras = extras_of(settings)
        except (UnfitAnalyzer, SilenceError) as wrong:
            problem = str(wrong)
        with ledger.read() as session:
            found = fired.found(session, ledger.now() - LATELY)
        words = q.strip().lower()[:100]
        codes = [
            code
            for name, code in extras.codes.items()
            if words in name.lower() or words in code.says.lower() or words in code.reads.lower()
        ]
        codes.sort(
            key=lambda code: (-(found[code.value].incidents if code.value in found else 0), code.value)
        )
        now = datetime.now(UTC)
        silences = [(one, one.until <= now) for one in extras.silences]
        content: dict[str, object] = {"codes": codes, "found": found, "silences": silences}
        content |= {"problem": problem, "q": words, "all": len(extras.codes), "days": LATELY.days}
        return shown(request, "analyzers.html", content)

    return routes
