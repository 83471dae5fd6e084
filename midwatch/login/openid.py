"""The two steps of a login by OpenID Connect: send the person to the provider, and hear them come back.

Between the steps nothing is kept here: what must fit (state, nonce, PKCE verifier) lies signed in a cookie of
the very browser that began, for ten minutes. So a forged answer, or one that another browser began, does
not count, and no flood of begun logins fills a memory.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from itsdangerous import BadData, URLSafeTimedSerializer

from agents.ledger.sessions import Account
from midwatch.login.errors import NotProven
from midwatch.login.provider import Client, Provider
from midwatch.login.roles import ids_of_email, ids_of_groups, ids_of_slack
from midwatch.settings import Settings
from tools.kubernetes.objects import JsonObject

BEGUN_FOR_S = 600
SLACK_TEAM = "https://slack.com/team_id"
SLACK_USER = "https://slack.com/user_id"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Where to send the person, and what their browser keeps meanwhile."""

    address: str
    cookie: str


@dataclass(kw_only=True)
class OpenId:
    """One way in by OpenID Connect."""

    provider: Provider
    back: str
    team: str = ""
    groups_claim: str = ""
    # Of this process alone: a restart makes whoever is on the way begin again.
    _signer: URLSafeTimedSerializer = field(
        default_factory=lambda: URLSafeTimedSerializer(secrets.token_bytes(32), salt="login"), repr=False
    )

    async def begin(self, then: str) -> Begun:
        """Begin a login that leads to the page ``then``. Raises ProviderAway."""
        client, published = self.provider.client, await self.provider.published()
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        address = prepare_grant_uri(
            published["authorization_endpoint"],
            client_id=client.client_id,
            response_type="code",
            redirect_uri=self.back,
            scope=client.scopes,
            state=kept["state"],
            nonce=kept["nonce"],
            code_challenge=create_s256_code_challenge(kept["verifier"]),
            code_challenge_method="S256",
        )
        return Begun(
            address=address, cookie=str(self._signer.dumps({**kept, "then": then, "way": client.way}))
        )

    async def finish(self, cookie: str, said: Mapping[str, str]) -> tuple[Account, str]:
        """Who came back, and where they wanted to go. Raises ProviderAway and NotProven."""
        try:
            kept = self._signer.loads(cookie, max_age=BEGUN_FOR_S)
        except BadData as problem:
            raise NotProven("this login was not begun in this browser, or it took too long") from problem
        state = said.get("state", "")
        if kept["way"] != self.provider.client.way or not hmac.compare_digest(
            state.encode(), kept["state"].encode()
        ):
            raise NotProven("this answer belongs to another login")
        if "code" not in said:
            raise NotProven("the identity provider did not let you in")
        given = await self.provider.redeem(said["code"], kept["verifier"], self.back)
        claims = await self.provider.claims(given, kept["nonce"])
        return self._account(claims), kept["then"]

    def _account(self, claims: JsonObject) -> Account:
        if self.provider.client.way == "slack":
            return self._of_slack(claims)
        email = str(claims.get("email", "")) if claims.get("email_verified") is True else ""
        groups = claims.get(self.groups_claim)
        ids = ids_of_email(email) | ids_of_groups(groups if isinstance(groups, list) else [])
        name = str(claims.get("name") or email or claims["sub"])
        return Account(method="oidc", subject=email or str(claims["sub"]), name=name[:100], ids=ids)

    def _of_slack(self, claims: JsonObject) -> Account:
        team, user = str(claims.get(SLACK_TEAM, "")), str(claims.get(SLACK_USER, ""))
        # The same app may be installed elsewhere: being somebody in another workspace is nothing here.
        if team != self.team:
            raise NotProven("you are signed in to another Slack workspace")
        if not user.isalnum() or user != claims.get("sub"):
            raise NotProven("Slack did not say who you are")
        name = str(claims.get("name") or user)[:100]
        return Account(method="slack", subject=f"{team}/{user}", name=name, ids=ids_of_slack(team, user))


def ways_of(settings: Settings) -> dict[str, OpenId]:
    """The ways by OpenID Connect that the settings open, by the name in their address."""
    found: list[tuple[Client, str, str]] = []
    if settings.login_slack_client_id and settings.login_slack_team:
        client = Client(
            way="slack",
            name="Slack",
            issuer=settings.login_slack_issuer,
            client_id=settings.login_slack_client_id,
            secret=settings.login_slack_client_secret,
        )
        found.append((client, settings.login_slack_team, ""))
    if settings.login_oidc_issuer and settings.login_oidc_client_id:
        client = Client(
            way="oidc",
            name=settings.login_oidc_name,
            issuer=settings.login_oidc_issuer,
            client_id=settings.login_oidc_client_id,
            secret=settings.login_oidc_client_secret,
            scopes=settings.login_oidc_scopes,
        )
        found.append((client, "", settings.login_oidc_groups_claim))
    root = settings.public_url.rstrip("/")
    return {
        client.way: OpenId(
            provider=Provider(client=client),
            back=f"{root}/login/{client.way}/callback",
            team=team,
            groups_claim=claim,
        )
        for client, team, claim in found
    }
