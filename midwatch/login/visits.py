"""Who a request comes from: a bearer, the cookie of a login, or the word of a trusted proxy."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from starlette.requests import Request

from agents.ledger import sessions
from agents.ledger.sessions import Account, Limits
from agents.ledger.store import Ledger
from midwatch.login.door import OPERATOR, Door
from midwatch.login.roles import Role, Roles, ids_of_email, ids_of_groups
from midwatch.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request of somebody who may read the pages.

    ``csrf`` is what their forms must carry; it is empty for a bearer, which no browser sends by itself.
    ``session`` is the cookie's secret, empty without a cookie.
    """

    account: Account
    role: Role
    csrf: str = field(default="", repr=False)
    session: str = field(default="", repr=False)


@dataclass(kw_only=True)
class Visits:
    """The ways that are open here, and who may pass by them."""

    settings: Settings
    ledger: Ledger
    door: Door
    roles: Roles
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger, door: Door) -> Visits:
        """As the settings say."""
        roles = Roles.of(settings, ledger)
        return cls(settings=settings, ledger=ledger, door=door, roles=roles)

    @property
    def https(self) -> bool:
        """Whether people reach the pages over TLS only."""
        return self.settings.public_url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The name of the login's cookie; over TLS one that no other host and no plain page can set."""
        return "__Host-midwatch" if self.https else "midwatch_session"

    @property
    def limits(self) -> Limits:
        """How long a login lasts."""
        idle = timedelta(minutes=self.settings.login_idle_minutes)
        return Limits(idle=idle, whole=timedelta(hours=self.settings.login_hours))

    def visit(self, request: Request) -> Visit | None:
        """Who asks and with which role, or None for whoever has none. Blocking. Raises LedgerUnavailable."""
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        # A bearer that is wrong is refused though a cookie beside it may be right: scripts want to know.
        if kind.lower() == "bearer":
            opens = self.settings.login_token and self.door.opens(bearer)
            return Visit(account=OPERATOR, role=Role.ADMIN) if opens else None
        secret = request.cookies.get(self.cookie, "")
        account = sessions.seen(self.ledger, secret, self.limits) if secret else None
        if account is not None and self._way_is_open(account):
            return self._with_role(account, secret)
        account = self._of_proxy(request)
        return self._with_role(account, "") if account else None

    def _way_is_open(self, account: Account) -> bool:
        """Whether the settings still have the way by which this login came."""
        ways = {
            "token": self.settings.login_token,
            "slack": self.settings.login_slack_client_id,
            "oidc": self.settings.login_oidc_issuer,
        }
        return bool(ways.get(account.method))

    def _with_role(self, account: Account, secret: str) -> Visit | None:
        role = self.roles.role(account)
        if role is None:
            return None
        # Made from what the browser cannot be made to tell: the cookie's secret, or a key of this process.
        key = secret.encode("utf-8", "surrogatepass") or self._key
        csrf = hmac.new(
            key, f"csrf\n{account.method}\n{account.subject}".encode(), hashlib.sha256
        ).hexdigest()
        return Visit(account=account, role=role, csrf=csrf, session=secret)

    def _of_proxy(self, request: Request) -> Account | None:
        """Whom a proxy in front names; its header counts from its addresses alone, and exactly once."""
        header = self.settings.login_proxy_header
        if header is None or request.client is None or not self._trusted(request.client.host):
            return None
        named = request.headers.getlist(header)
        if len(named) != 1 or not named[0].strip():
            return None
        user = named[0].strip()
        groups = self.settings.login_proxy_groups_header
        said = ",".join(request.headers.getlist(groups)).split(",") if groups else []
        ids = frozenset({f"user:{user}"}) | ids_of_email(user) | ids_of_groups(said)
        return Account(method="proxy", subject=user, name=user[:100], ids=ids)

    def _trusted(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        # Addresses of the two versions are never compared: 10.0.0.1 and ::ffff:10.0.0.1 are two.
        networks = map(ipaddress.ip_network, self.settings.login_proxy_addresses)
        return any(address in network for network in networks if network.version == address.version)
