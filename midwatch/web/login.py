"""The door itself: the form, the ways by OpenID Connect and back, and the way out."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agents.ledger import sessions
from agents.ledger.sessions import Account
from agents.ledger.store import LedgerUnavailable
from midwatch.login.door import OPERATOR
from midwatch.login.errors import LoginError, NotProven
from midwatch.login.needs import needs, visit_of
from midwatch.login.openid import BEGUN_FOR_S, OpenId
from midwatch.login.paths import inside
from midwatch.login.roles import Role
from midwatch.login.throttle import Throttle
from midwatch.login.visits import Visits
from midwatch.web.frame import rendered

logger = logging.getLogger("midwatch.web")


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """What the door needs: who may come in, by which ways, and who has failed too often."""

    visits: Visits
    ways: dict[str, OpenId]
    throttle: Throttle = field(default_factory=Throttle)

    @property
    def begun(self) -> str:
        """The name of the cookie of a login that was begun."""
        return f"{self.visits.cookie}_login"

    def form(self, request: Request, problem: str = "", status: int = 200) -> Response:
        """The page to log in at."""
        then = request.query_params.get("next", "")
        content = {
            "problem": problem,
            "next": then if then == inside(then) else "",
            "ways": {way: one.provider.client.name for way, one in self.ways.items()},
            "token": self.visits.settings.login_token,
        }
        return rendered(request, "login.html", content, status)

    def enter(self, request: Request, account: Account, then: str) -> Response:
        """Log somebody in, with a cookie that was never anybody's; or say that they have no role."""
        if self.visits.roles.role(account) is None:
            sessions.refuse(self.visits.ledger, account.method, account.subject, "no role")
            problem = f"You are {account.name}, and no role here is given to you. Ask whoever runs Midwatch."
            return self.form(request, problem, 403)
        # Nobody goes on with a secret that was there before: somebody else may have put it there.
        old, secret = request.cookies.get(self.visits.cookie, ""), secrets.token_urlsafe(32)
        if old:
            sessions.end(self.visits.ledger, old)
        sessions.begin(self.visits.ledger, secret, account, self.visits.limits)
        answer = RedirectResponse(inside(then), status_code=303)
        self._keep(answer, self.visits.cookie, secret, int(self.visits.limits.whole.total_seconds()))
        answer.delete_cookie(self.begun, path="/", secure=self.visits.https, httponly=True)
        return answer

    def token(self, request: Request, token: str, then: str) -> Response:
        """Log in by the token of the first start."""
        if self.visits.settings.login_token and self.visits.door.opens(token):
            return self.enter(request, OPERATOR, then)
        self.failed(request, "token", "a wrong token")
        return self.form(request, "That is not the token.", 401)

    def failed(self, request: Request, method: sessions.Method, why: str) -> None:
        """Count and write down that somebody was not let in."""
        source = _source(request)
        self.throttle.failed(source)
        sessions.refuse(self.visits.ledger, method, f"somebody at {source}", why)

    def turned_away(self, request: Request) -> Response | None:
        """The answer for whoever failed too often, or None."""
        wait = self.throttle.wait(_source(request))
        if not wait:
            return None
        answer = self.form(request, "Too many logins failed from your address. Wait a minute.", 429)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer

    def begin(self, address: str, cookie: str) -> Response:
        """Send the browser to the provider, and have it keep what must fit when it comes back."""
        answer = RedirectResponse(address, status_code=303)
        self._keep(answer, self.begun, cookie, BEGUN_FOR_S)
        return answer

    def _keep(self, answer: Response, name: str, value: str, seconds: int) -> None:
        # Lax, not strict: who follows the link on a card comes from another site and is still logged in.
        answer.set_cookie(
            name, value, max_age=seconds, path="/", secure=self.visits.https, httponly=True, samesite="lax"
        )


def router(entrance: Entrance) -> APIRouter:
    """The routes of the door."""
    routes = APIRouter(default_response_class=HTMLResponse)

    @routes.get("/login")
    def login(request: Request, token: str = "", next: str = "") -> Response:  # noqa: A002
        if not token:
            return entrance.form(request)
        return entrance.turned_away(request) or entrance.token(request, token, next)

    @routes.post("/login")
    def submit(
        request: Request,
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "",  # noqa: A002
    ) -> Response:
        return entrance.turned_away(request) or entrance.token(request, token, next)

    @routes.get("/login/{way}")
    async def begin(request: Request, way: str, next: str = "") -> Response:  # noqa: A002
        if way not in entrance.ways:
            return entrance.form(request, "There is no such way in.", 404)
        try:
            begun = await entrance.ways[way].begin(inside(next))
        except LoginError as problem:
            logger.warning("a login by %s could not begin: %s", way, problem)
            return entrance.form(request, f"The identity provider is away: {problem}.", 503)
        return entrance.begin(begun.address, begun.cookie)

    @routes.get("/login/{way}/callback")
    async def back(request: Request, way: str) -> Response:
        if way not in entrance.ways:
            return entrance.form(request, "There is no such way in.", 404)
        return entrance.turned_away(request) or await _back(entrance, request, entrance.ways[way])

    @routes.post("/logout", dependencies=[needs(Role.VIEWER)])
    def logout(request: Request) -> Response:
        visit = visit_of(request)
        if visit.session:
            sessions.end(entrance.visits.ledger, visit.session)
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(entrance.visits.cookie, path="/", secure=entrance.visits.https, httponly=True)
        return answer

    return routes


async def _back(entrance: Entrance, request: Request, way: OpenId) -> Response:
    cookie = request.cookies.get(entrance.begun, "")
    try:
        account, then = await way.finish(cookie, request.query_params)
        return await asyncio.to_thread(entrance.enter, request, account, then)
    except NotProven as problem:
        method = way.provider.client.way
        logger.warning("a login by %s was refused: %s", method, problem)
        await asyncio.to_thread(entrance.failed, request, method, str(problem))
        return entrance.form(request, f"You were not logged in: {problem}. Try again.", 403)
    except LoginError as problem:
        logger.warning("a login could not be finished: %s", problem)
        return entrance.form(request, f"The identity provider is away: {problem}.", 503)
    except LedgerUnavailable:
        return entrance.form(request, "The ledger is away, and without it nobody is let in.", 503)


def _source(request: Request) -> str:
    return request.client.host if request.client else "nowhere"
