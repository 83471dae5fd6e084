"""Codes and ID tokens: who asked for what, given once, signed with RS256 or as a lie would have it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from joserfc import jwt
from joserfc.jwk import RSAKey


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody with an account at the provider: their subject, their name, and more claims about them."""

    sub: str
    name: str
    claims: dict[str, object] = field(default_factory=dict)


@dataclass(kw_only=True)
class Lies:
    """What is wrong with the ID tokens; change the fields while it runs."""

    claims: dict[str, object] = field(default_factory=dict)
    """Claims in place of the true ones; None leaves one out."""
    algorithm: str = "RS256"
    """``none`` leaves the signature out; ``HS256`` signs with the public key as if it were a secret."""
    foreign_key: bool = False
    """Sign with a key that is not published, under the published one's id."""
    retired_key: bool = False
    """Sign with the key that was published before the last rotation."""
    garbled: bool = False
    """Change a byte of the claims after signing."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request for a login, as it arrived."""

    client_id: str
    redirect_uri: str
    nonce: str = ""
    challenge: str = ""


class RefusedError(Exception):
    """The token endpoint says no, with an error code of RFC 6749."""


class Issuer:
    """One issuer with one client. ``base`` gives its address, once it has one."""

    def __init__(self, base: Callable[[], str], client_id: str, client_secret: str = "") -> None:
        self.base = base
        self.client_id = client_id
        self.client_secret = client_secret
        self.lies = Lies()
        self.asked: list[Asked] = []
        self._key = _first_key()
        self._retired = self._key
        self._codes: dict[str, tuple[Asked, Identity]] = {}

    def rotate(self) -> None:
        """Sign with a new key from here on, and publish the old one no longer."""
        self._retired, self._key = self._key, _new_key()

    def keys(self) -> dict[str, object]:
        """The published key set."""
        return {"keys": [self._key.as_dict(private=False)]}

    def code(self, asked: Asked, who: Identity) -> str:
        """A code for this person, good once."""
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = (asked, who)
        return code

    def redeem(self, form: dict[str, str]) -> dict[str, object]:
        """Tokens for a code. Raises RefusedError."""
        # Taken out whatever comes of it: a code counts once, also when its first use was refused.
        found = self._codes.pop(form.get("code", ""), None)
        if found is None or form.get("redirect_uri") != found[0].redirect_uri:
            raise RefusedError("invalid_grant")
        asked, who = found
        secret = form.get("client_secret", "")
        if form.get("client_id") != asked.client_id or secret != self.client_secret:
            raise RefusedError("invalid_client")
        if asked.challenge and asked.challenge != _challenge(form.get("code_verifier", "")):
            raise RefusedError("invalid_grant")
        access = secrets.token_urlsafe(16)
        return {"access_token": access, "token_type": "Bearer", "id_token": self.token(asked, who, access)}

    def token(self, asked: Asked, who: Identity, access: str) -> str:
        """An ID token, true or as the lies have it."""
        now = int(time.time())
        # The left half of the digest, by which a client ties the two tokens together.
        half = hashlib.sha256(access.encode()).digest()[:16]
        told: dict[str, object] = {
            "iss": self.base(),
            "sub": who.sub,
            "aud": asked.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.nonce,
            "at_hash": _base64(half),
            "name": who.name,
            **who.claims,
            **self.lies.claims,
        }
        return self._signed({name: value for name, value in told.items() if value is not None})

    def _signed(self, claims: dict[str, object]) -> str:
        lies, kid = self.lies, self._key.kid
        if lies.algorithm != "RS256":
            # By hand: no library signs with nothing, or with a public key.
            body = f"{_part({'alg': lies.algorithm, 'kid': kid})}.{_part(claims)}"
            pem = self._key.as_pem(private=False)
            made = hmac.digest(pem, body.encode(), "sha256") if lies.algorithm == "HS256" else b""
            return f"{body}.{_base64(made)}"
        key = self._retired if lies.retired_key else _new_key() if lies.foreign_key else self._key
        token = jwt.encode({"alg": "RS256", "kid": key.kid if lies.retired_key else kid}, claims, key)
        if lies.garbled:
            head, _, signature = token.split(".")
            claims = claims | {"sub": "somebody-else"}
            return f"{head}.{_part(claims)}.{signature}"
        return token


@cache
def _first_key() -> RSAKey:
    """One for all issuers of a process: making one takes longer than a login."""
    return _new_key()


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(4)})


def _challenge(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _part(of: dict[str, object]) -> str:
    return _base64(json.dumps(of).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
