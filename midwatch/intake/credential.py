"""Who may send alerts: a bearer token, a name with a password, or (on loopback) anybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from midwatch.settings import Settings


@dataclass(frozen=True, slots=True)
class Credential:
    """The Authorization headers that are right, as digests; none at all means nobody is asked."""

    digests: tuple[bytes, ...]

    @classmethod
    def of(cls, settings: Settings) -> Credential:
        """What the settings ask of Alertmanager (RFC 6750 and RFC 7617)."""
        right = []
        if settings.webhook_token is not None:
            right.append(_digest("bearer", settings.webhook_token.get_secret_value()))
        if settings.webhook_username is not None and settings.webhook_password is not None:
            pair = f"{settings.webhook_username}:{settings.webhook_password.get_secret_value()}"
            right.append(_digest("basic", base64.b64encode(pair.encode()).decode()))
        return cls(tuple(right))

    def admits(self, authorization: str) -> bool:
        """Whether the header is right; takes the same time for every wrong one of its length."""
        if not self.digests:
            return True
        scheme, _, value = authorization.partition(" ")
        given = _digest(scheme.lower(), value.strip())
        # Summed, so that every digest is compared whichever fits first.
        return sum(hmac.compare_digest(given, right) for right in self.digests) > 0


def _digest(scheme: str, value: str) -> bytes:
    return hashlib.sha256(f"{scheme} {value}".encode(errors="surrogateescape")).digest()
