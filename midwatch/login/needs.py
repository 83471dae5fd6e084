"""What a route asks of whoever comes: its role, and of a form the page's own key.

Every route says it by ``dependencies=[needs(Role.…)]``; a test walks all routes and finds none that does not.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fastapi import Depends, HTTPException, params
from starlette.requests import Request

from midwatch.login.roles import Role
from midwatch.login.visits import Visit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf"
HEADER = "X-CSRF-Token"


@dataclass(frozen=True)
class Needs:
    """The least role that passes."""

    role: Role

    async def __call__(self, request: Request) -> None:
        """Refuse whoever has less, and a form that was not ours."""
        visit = visit_of(request)
        if visit.role < self.role:
            raise HTTPException(403, f"this needs the role {self.role.word}; yours is {visit.role.word}")
        if (
            request.method not in SAFE
            and visit.csrf
            and not hmac.compare_digest(
                (await _token(request)).encode("utf-8", "surrogatepass"), visit.csrf.encode()
            )
        ):
            raise HTTPException(403, "the page was too old to act from: load it again")


def needs(role: Role) -> params.Depends:
    """The declaration of a route, or of a whole router."""
    declared: params.Depends = Depends(Needs(role))
    return declared


def visit_of(request: Request) -> Visit:
    """Whose request it is, as the guard found."""
    visit = request.scope.get("midwatch.visit")
    if not isinstance(visit, Visit):
        raise HTTPException(401, "log in first")
    return visit


async def _token(request: Request) -> str:
    given = request.headers.get(HEADER, "")
    if given:
        return given
    form = await request.form()
    value = form.get(FIELD, "")
    return value if isinstance(value, str) else ""
