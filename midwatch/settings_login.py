"""The settings of the login: which ways lead to the pages, and which role each person has there."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator


def web(value: str) -> str:
    """A plain http or https address, kept as the operator wrote it."""
    # Checked, not converted: pydantic would add a slash, and a signature or an audience may hang on it.
    HttpUrl(value)
    return value


def _network(value: str) -> str:
    """An address or a network, as it is written."""
    ipaddress.ip_network(value)
    return value


WebAddress = Annotated[str, AfterValidator(web)]
Network = Annotated[str, AfterValidator(_network)]
Who = Annotated[str, Field(pattern=r"^(slack:T\w+/(\*|[UW]\w+)|email:[^\s@*]*@\S+|user:\S+|group:\S.*)$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]


class LoginSettings(BaseModel):
    """Everybody who is in none of the lists, and not on the roster, stays outside."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    login_token: bool = True
    """Whether the token printed at the first start opens the pages, as an admin. It always works for
    scripts, as a bearer, while this is on."""
    login_slack_client_id: str | None = None
    """Client id of the Slack app, for "Sign in with Slack" (docs/login.md). Goes with the next two."""
    login_slack_client_secret: SecretStr | None = None
    """Client secret of the Slack app."""
    login_slack_team: str | None = Field(default=None, pattern=r"^T[A-Z0-9]+$")
    """Id of the one workspace (``T…``) whose people may sign in with Slack."""
    login_slack_issuer: WebAddress = "https://slack.com"
    """Who issues Slack's ID tokens."""
    login_oidc_issuer: WebAddress | None = None
    """Issuer of an OpenID Connect provider: the address before ``/.well-known/openid-configuration``."""
    login_oidc_client_id: str | None = None
    """Client id at that provider; goes with ``login_oidc_issuer``."""
    login_oidc_client_secret: SecretStr | None = None
    """Client secret at that provider; without one the proof is PKCE alone."""
    login_oidc_name: str = Field(default="single sign-on", min_length=1, max_length=40)
    """What the button of that provider says after "Sign in with"."""
    login_oidc_scopes: str = Field(default="openid email profile", pattern=r"(^|\s)openid(\s|$)")
    """What is asked of that provider."""
    login_oidc_groups_claim: str = "groups"
    """Claim of the ID token that lists a person's groups."""
    login_proxy_header: Header | None = None
    """Header in which a proxy in front names who is logged in, as ``X-Forwarded-User``. Believed from
    ``login_proxy_addresses`` alone; the proxy has to remove what clients send in it."""
    login_proxy_groups_header: Header | None = None
    """Header in which that proxy lists the person's groups, with commas between."""
    login_proxy_addresses: tuple[Network, ...] = ()
    """Addresses or networks of that proxy; goes with ``login_proxy_header``."""
    login_viewers: tuple[Who, ...] = ()
    """Who may read the pages: ``slack:T…/U…``, ``slack:T…/*`` for everybody whom the workspace lets sign
    in, guests too, ``email:ada@example.org`` (verified by the provider) or ``email:@example.org``,
    ``group:NAME``, or ``user:NAME`` as a proxy says it. Nobody unless named."""
    login_approvers: tuple[Who, ...] = ()
    """Who may also have the record verified, export it and grade a diagnosis. Whoever is on the roster may
    when signed in with Slack. A change is signed in the chat and never on a page."""
    login_admins: tuple[Who, ...] = ()
    """Who may also read the settings and the API's description."""
    login_idle_minutes: int = Field(default=120, ge=5, le=1440)
    """Minutes after which a login that is not used has ended."""
    login_hours: int = Field(default=12, ge=1, le=168)
    """Hours after which every login has ended."""

    @model_validator(mode="after")
    def _whole_ways(self) -> LoginSettings:
        """Refuse half a way in: it would look as if it were open."""
        slack = ("login_slack_client_id", "login_slack_client_secret", "login_slack_team")
        pairs = (
            slack,
            ("login_oidc_issuer", "login_oidc_client_id"),
            ("login_proxy_header", "login_proxy_addresses"),
        )
        for names in pairs:
            missing = [name for name in names if not getattr(self, name)]
            if missing and len(missing) < len(names):
                raise ValueError(f"{' and '.join(names)} go together: {', '.join(missing)} is missing")
        if self.login_proxy_groups_header and not self.login_proxy_header:
            raise ValueError("login_proxy_groups_header goes with login_proxy_header")
        return self
