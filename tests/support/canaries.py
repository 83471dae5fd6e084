"""Secrets of every kind that is known, drawn at random, and the ways in which they turn up in telemetry."""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_HEX = "0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Canary:
    """``secret`` must not get through; ``said`` is what it is recognised in: itself, or a name with it."""

    kind: str
    said: str
    secret: str


def _of(luck: random.Random, letters: str, count: int) -> str:
    return "".join(luck.choices(letters, k=count))


def _alone(make: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, str]]:
    def both(luck: random.Random) -> tuple[str, str]:
        secret = make(luck)
        return secret, secret

    return both


def _in(frame: str, letters: str = _ALNUM, count: int = 18) -> Callable[[random.Random], tuple[str, str]]:
    def both(luck: random.Random) -> tuple[str, str]:
        secret = _of(luck, letters, count)
        return frame.format(secret), secret

    return both


def _token(prefix: str, letters: str, count: int) -> Callable[[random.Random], tuple[str, str]]:
    return _alone(lambda luck: prefix + _of(luck, letters, count))


def _jwt(luck: random.Random) -> str:
    parts = (json.dumps({"alg": "HS256"}), json.dumps({"sub": _of(luck, _ALNUM, 12)}), _of(luck, _ALNUM, 20))
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _key(luck: random.Random) -> tuple[str, str]:
    body = _of(luck, _ALNUM, 64)
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----", body


KINDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "private key": _key,
    "jwt": _alone(_jwt),
    "aws key id": _token("AKIA", _UPPER, 16),
    "github": _token("ghp_", _ALNUM, 36),
    "gitlab": _token("glpat-", _ALNUM, 20),
    "slack": _token("xoxb-", _ALNUM, 24),
    "slack webhook": _in("https://hooks.slack.com/services/{}", count=24),
    "google": _token("AIza", _ALNUM, 35),
    "stripe": _token("sk_live_", _ALNUM, 24),
    "model": _token("sk-", _ALNUM, 40),
    "hub": _token("hf_", _ALNUM, 34),
    "npm": _token("npm_", _ALNUM, 36),
    "vault": _token("hvs.", _ALNUM, 24),
    "grafana": _token("glsa_", _ALNUM, 32),
    "sendgrid": _alone(lambda luck: f"SG.{_of(luck, _ALNUM, 22)}.{_of(luck, _ALNUM, 43)}"),
    "digitalocean": _token("dop_v1_", _HEX, 64),
    "databricks": _token("dapi", _HEX, 32),
    "age": _token("AGE-SECRET-KEY-1", _UPPER, 58),
    "bearer": _in("Authorization: Bearer {}", count=30),
    "url password": _in("postgres://orders:{}@db.shop.svc:5432/orders"),
    "dsn password": _in("orders:{}@tcp(db:3306)/orders"),
    "signed url": _in("https://bucket.example/o?X-Amz-Signature={}", _HEX, 64),
    "env password": _in("DB_PASSWORD={}"),
    "json key": _in('{{"apiKey":"{}"}}', count=32),
    "yaml secret": _in("client_secret: {}", count=32),
}


def _utf16(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "percent": lambda text: "".join(f"%{ord(char):02X}" for char in text),
    "percent twice": lambda text: quote("".join(f"%{ord(char):02x}" for char in text), safe=""),
    "base64": _b64,
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: _b64(_b64(text)),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64 of utf-16": _utf16,
    "hex": lambda text: text.encode().hex(),
    "unicode escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "html": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "zero width": "\u200b".join,
}

FRAMES = (
    "{}",
    "2026-11-27T03:10:04Z ERROR cart request failed: {} (attempt 3)",
    '{{"level":"error","msg":"cannot start","detail":"{}"}}',
    "line one\n{}\nline three",
    "/etc/app/{}",
)


def canaries(count: int, seed: int = 0) -> Iterator[Canary]:
    """So many, every kind in turn."""
    luck, kinds = random.Random(seed), list(KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        said, secret = make(luck)
        yield Canary(kind=kind, said=said, secret=secret)
