"""Text from strangers made safe: secrets cut out, invisible characters made visible.

``redact`` is deterministic and runs at every sink (prompt, card, ledger, log). What it finds
becomes ``[redacted:kind:hash8]``, the hash telling two secrets apart without telling either.
Sources: threats T24 to T27, property P22.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import partial
from typing import NewType

RedactedText = NewType("RedactedText", str)
"""The only text a prompt, a card or an excerpt accepts: it went through ``redact``."""

_PRIVATE_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_TELLTALE = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, flags))
    for kind, pattern, flags in (
        ("private-key", f"(?P<s>{_PRIVATE_KEY})", 0),
        ("jwt", r"(?P<s>\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)", 0),
        ("aws-key-id", r"(?P<s>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)", 0),
        ("github-token", r"(?P<s>\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}))", 0),
        ("gitlab-token", r"(?P<s>\bglpat-[A-Za-z0-9_-]{20,})", 0),
        ("slack-token", r"(?P<s>\bx(?:ox[abeprs]|app)-[A-Za-z0-9-]{10,})", 0),
        ("google-key", r"(?P<s>\bAIza[A-Za-z0-9_-]{35})", 0),
        ("stripe-key", r"(?P<s>\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,})", 0),
        ("model-key", r"(?P<s>\bsk-[A-Za-z0-9_-]{20,})", 0),
        ("authorization", r"\b(?:bearer|basic)\s+(?P<s>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        ("url-password", r"\b[a-z][a-z0-9+.-]*://[^\s:/@]*:(?P<s>[^\s/@]+)@", re.IGNORECASE),
        (
            "assigned-secret",
            r"\b[\w.-]*" + _TELLTALE + r"[\w-]*[\"']?\s*(?:=|:)\s*[\"']?(?P<s>[^\s\"',;&\[\]{}<>]{6,})",
            re.IGNORECASE,
        ),
    )
)
# Words that follow "token:" or "password:" in ordinary messages and name no secret.
_INNOCENT = re.compile(
    r"(?i)^(?:required|missing|invalid|expired|incorrect|unauthorized|redacted|null|none|true|false|file|"
    r"secretkeyref|valuefrom|authentication|\*+|/[\w./-]+|\$\{?[\w.]+\}?|[a-z]+ed|not|from|for|in)$"
)
_VISIBLE = frozenset("\n\t")


def redact(text: str) -> RedactedText:
    """The text without secrets, and without characters that hide or reorder others."""
    for kind, pattern in _PATTERNS:
        text = pattern.sub(partial(_replaced, kind), text)
    return RedactedText(inert(text))


def _replaced(kind: str, match: re.Match[str]) -> str:
    secret = match.group("s")
    if secret.startswith("[redacted:") or _INNOCENT.match(secret.rstrip(".,)")):
        return match.group()
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    start, end = match.span("s")
    whole, offset = match.group(), match.start()
    return f"{whole[: start - offset]}[redacted:{kind}:{digest}]{whole[end - offset :]}"


def inert(text: str) -> str:
    r"""Control, bidi, zero-width and surrogate characters shown as ``\u{202e}``; CR LF as LF."""
    plain = text.replace("\r\n", "\n")
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(char if _shown(char) else f"\\u{{{ord(char):x}}}" for char in plain)


def _shown(char: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: control, format (bidi, zero-width), surrogate, private, unassigned.
    return char in _VISIBLE or not unicodedata.category(char).startswith("C")
