"""The token printed at the first start: a way in for one machine, and a bearer for scripts."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from agents.ledger.sessions import Account

OPERATOR = Account(method="token", subject="token", name="token of the first start")


class Door:
    """Knows the digest of the token; the token itself is shown once and kept by its reader.

    A copy of the state folder, a backup say, opens nothing.
    """

    def __init__(self, digest: str) -> None:
        self._digest = digest

    @classmethod
    def of(cls, state_dir: Path) -> tuple[Door, str]:
        """The door of this installation, and the token if it was made just now (else empty)."""
        path = state_dir / "keys" / "login.sha256"
        if path.exists():
            return cls(path.read_text(encoding="ascii").strip()), ""
        token = secrets.token_urlsafe(24)
        digest = hashlib.sha256(token.encode()).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(digest)
        return cls(digest), token

    def opens(self, token: str) -> bool:
        """Whether this is the token, in constant time."""
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return hmac.compare_digest(given, self._digest)
