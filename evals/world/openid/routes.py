"""The endpoints of an issuer over HTTP: discovery, keys, the page where a person is picked, and the codes."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from evals.world.openid.issuer import Asked, Identity, Issuer, RefusedError


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where the endpoints are; providers differ."""

    authorize: str = "/authorize"
    token: str = "/token"
    keys: str = "/keys"


@dataclass(kw_only=True)
class Endpoints:
    """Handlers over one issuer and the people it knows now."""

    issuer: Issuer
    people: Callable[[], Mapping[str, Identity]]
    paths: Paths
    title: str

    async def discovery(self, _request: Request) -> Response:
        """``/.well-known/openid-configuration``."""
        base = self.issuer.base()
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": base + self.paths.authorize,
                "token_endpoint": base + self.paths.token,
                "jwks_uri": base + self.paths.keys,
                "scopes_supported": ["openid", "profile", "email"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        """The key set."""
        return JSONResponse(self.issuer.keys())

    async def authorize(self, request: Request) -> Response:
        """Ask who it is; with ``as`` it is that person, who is sent back with a code."""
        query = dict(request.query_params)
        if query.get("client_id") != self.issuer.client_id or query.get("response_type") != "code":
            return HTMLResponse("<p>No such client.</p>", status_code=400)
        # A person without a browser says at once who they are; in a browser the page's links do.
        who = self.people().get(query.pop("as", ""))
        if who is None:
            return HTMLResponse(self._page(query))
        asked = Asked(
            client_id=query["client_id"],
            redirect_uri=query.get("redirect_uri", ""),
            nonce=query.get("nonce", ""),
            challenge=query.get("code_challenge", ""),
        )
        back = {"code": self.issuer.code(asked, who), "state": query.get("state", "")}
        return RedirectResponse(f"{asked.redirect_uri}?{urlencode(back)}", status_code=302)

    def _page(self, query: Mapping[str, str]) -> str:
        links = [
            f'<li><a href="?{html.escape(urlencode({**query, "as": key}))}">{html.escape(who.name)}</a></li>'
            for key, who in self.people().items()
        ]
        title = html.escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><title>{title}</title><link rel="icon" href="data:,">'
            '<meta name="viewport" content="width=device-width"></head>'
            f"<body><h1>{title}</h1><p>Who are you?</p><ul>{''.join(links)}</ul></body></html>"
        )

    async def token(self, request: Request) -> Response:
        """Tokens for a code, or an error of RFC 6749."""
        # Files have no place in a token request and are left out.
        async with request.form() as form:
            given = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            return JSONResponse(self.issuer.redeem(given))
        except RefusedError as refused:
            return JSONResponse({"error": str(refused)}, status_code=400)
