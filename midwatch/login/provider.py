"""One OpenID Connect provider: what it publishes, its keys, and whether an ID token proves who somebody is.

Discovery (OpenID Connect Discovery 1.0) is believed only where its issuer is the one that was configured.
An ID token counts when the provider's own key signed it, for us, for this very login, and not long ago.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from midwatch.login.errors import NotProven, ProviderAway
from tools.kubernetes.objects import JsonObject

WITHIN_S = 10.0
KNOWN_FOR_S = 600.0
# A provider that rotates its key is asked again at once; a stream of forged key ids is not passed on to it.
KEYS_AGAIN_S = 10.0
LEEWAY_S = 30
# Signatures by a private key only: with a shared secret, or none, whoever knows the client could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who we are at a provider."""

    way: Literal["slack", "oidc"]
    name: str
    issuer: str
    client_id: str
    secret: SecretStr | None = None
    scopes: str = "openid profile email"


@dataclass(kw_only=True)
class Provider:
    """What is known of a provider; asked for when it is needed, and again when it is old."""

    client: Client
    _published: dict[str, str] = field(default_factory=dict, repr=False)
    _keys: KeySet | None = field(default=None, repr=False)
    _published_at: float = field(default=float("-inf"), repr=False)
    _keys_at: float = field(default=float("-inf"), repr=False)

    async def published(self) -> Mapping[str, str]:
        """Its endpoints. Raises ProviderAway."""
        if time.monotonic() - self._published_at > KNOWN_FOR_S:
            issuer = self.client.issuer
            said = await _json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != issuer:
                raise ProviderAway(f"{issuer} says that it is another issuer")
            for name in NEEDED:
                _check_address(issuer, name, said.get(name))
            self._published = {name: str(said[name]) for name in NEEDED}
            self._published_at = time.monotonic()
        return self._published

    async def keys(self) -> KeySet:
        """Its signing keys. Raises ProviderAway."""
        if self._keys is None or time.monotonic() - self._keys_at > KNOWN_FOR_S:
            await self._fetch_keys()
        if self._keys is None:
            raise ProviderAway("the identity provider publishes no keys")
        return self._keys

    async def _fetch_keys(self) -> None:
        address = (await self.published())["jwks_uri"]
        said = await _json("GET", address)
        try:
            self._keys = KeySet.import_key_set({"keys": [one for one in said["keys"] if _signs(one)]})
        except (JoseError, KeyError, TypeError, ValueError) as problem:
            raise ProviderAway("the identity provider's keys cannot be read") from problem
        self._keys_at = time.monotonic()

    async def redeem(self, code: str, verifier: str, back: str) -> JsonObject:
        """What the provider gives for the code. Raises ProviderAway and NotProven."""
        address = (await self.published())["token_endpoint"]
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=back,
            code=code,
            code_verifier=verifier,
            client_id=self.client.client_id,
            client_secret=self.client.secret.get_secret_value() if self.client.secret else None,
        )
        said = await _json("POST", address, body)
        # Slack answers 200 with ``ok: false``; others 400 with ``error``.
        if "error" in said or not isinstance(said.get("id_token"), str):
            raise NotProven("the identity provider did not take the code: it was used, or it is too old")
        return said

    async def claims(self, given: Mapping[str, object], nonce: str) -> JsonObject:
        """What a proven ID token says. Raises ProviderAway and NotProven."""
        token = str(given["id_token"])
        try:
            read = jwt.decode(token, await self.keys(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as problem:
            read = await self._read_with_new_keys(token, problem)
        client = self.client.client_id
        told = CodeIDToken(
            read.claims,
            read.header,
            options={
                "iss": {"essential": True, "value": self.client.issuer},
                "aud": {"essential": True, "value": client},
                "sub": {"essential": True},
            },
            params={"nonce": nonce, "client_id": client, "access_token": given.get("access_token")},
        )
        try:
            told.validate(now=int(time.time()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as problem:
            raise NotProven(f"the ID token does not hold ({_short(problem)})") from problem
        return dict(read.claims)

    async def _read_with_new_keys(self, token: str, problem: Exception) -> jwt.Token:
        """Once more with keys that are fresh: a provider may have changed them since."""
        if time.monotonic() - self._keys_at < KEYS_AGAIN_S:
            raise NotProven(f"the ID token does not hold ({_short(problem)})") from problem
        await self._fetch_keys()
        try:
            return jwt.decode(token, await self.keys(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as again:
            raise NotProven(f"the ID token does not hold ({_short(again)})") from again


def _signs(key: object) -> bool:
    return isinstance(key, dict) and key.get("use", "sig") == "sig" and key.get("kty") in {"RSA", "EC"}


def _check_address(issuer: str, name: str, address: object) -> None:
    """Endpoints are as safe as the issuer: nothing that is proven over TLS goes on without it."""
    plain = urlsplit(issuer).scheme == "http"
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or not parts.netloc or parts.scheme not in ({"http", "https"} if plain else {"https"}):
        raise ProviderAway(f"{issuer} publishes no usable {name}")


async def _json(method: str, address: str, body: str | None = None) -> JsonObject:
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        async with httpx.AsyncClient(verify=_trusted(), timeout=WITHIN_S, follow_redirects=False) as client:
            answer = await client.request(method, address, content=body, headers=headers)
            said = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
        raise ProviderAway(f"{_host(address)} could not be asked ({type(problem).__name__})") from problem
    if not isinstance(said, dict) or answer.status_code >= 500 or 300 <= answer.status_code < 400:
        raise ProviderAway(f"{_host(address)} answered {answer.status_code}")
    return said


@cache
def _trusted() -> ssl.SSLContext:
    # Reading the machine's certificates holds up every page and webhook, and anybody may ask for a login.
    return httpx.create_ssl_context()


def _host(address: str) -> str:
    return urlsplit(address).netloc


def _short(problem: Exception) -> str:
    return (getattr(problem, "error", "") or type(problem).__name__).replace("_", " ")
