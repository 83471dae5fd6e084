"""Sign in with Slack: the workspace as an OpenID Connect provider (https://docs.slack.dev/authentication/sign-in-with-slack).

The claims with an address for a name are Slack's own. A deactivated account and a bot cannot sign in, a
guest can.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evals.world.openid.issuer import Identity, Issuer, RefusedError
from evals.world.openid.routes import Endpoints, Paths
from evals.world.slack.state import Workspace

PATHS = Paths(
    authorize="/openid/connect/authorize", token="/api/openid.connect.token", keys="/openid/connect/keys"
)


class SlackEndpoints(Endpoints):
    """Slack's token method answers as all its methods do: 200, with ``ok``."""

    async def token(self, request: Request) -> Response:
        """``openid.connect.token``."""
        async with request.form() as form:
            given = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            return JSONResponse({"ok": True, **self.issuer.redeem(given)})
        except RefusedError as refused:
            slack = {"invalid_grant": "invalid_code", "invalid_client": "invalid_client_id"}
            return JSONResponse({"ok": False, "error": slack.get(str(refused), "invalid_arguments")})


def sign_in(workspace: Workspace) -> tuple[Issuer, list[Route]]:
    """The workspace's issuer and its routes."""
    credentials = workspace.credentials
    issuer = Issuer(lambda: workspace.base_url, credentials.client_id, credentials.client_secret)

    # Asked anew at every login: who was deactivated meanwhile is no longer offered.
    def people() -> dict[str, Identity]:
        return {
            key: _identity(key, user)
            for key, user in workspace.directory.users.items()
            if not user["deleted"] and not user["is_bot"]
        }

    at = SlackEndpoints(
        issuer=issuer, people=people, paths=PATHS, title=f"Sign in to {credentials.team_name}"
    )
    return issuer, [
        Route("/.well-known/openid-configuration", at.discovery),
        Route(PATHS.keys, at.keys),
        Route(PATHS.authorize, at.authorize),
        Route(PATHS.token, at.token, methods=["POST"]),
    ]


def _identity(key: str, user: dict[str, object]) -> Identity:
    claims = {"https://slack.com/user_id": key, "https://slack.com/team_id": user["team_id"]}
    return Identity(sub=key, name=str(user["real_name"]), claims=claims)
