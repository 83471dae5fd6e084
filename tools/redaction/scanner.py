"""The scanner itself: invisible characters first, then shapes, then names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import partial

from tools.redaction.assignments import Span, assigned_secrets
from tools.redaction.inert import inert
from tools.redaction.names import looks_random
from tools.redaction.shapes import SHAPES

_MARK = re.compile(r"\[redacted:[a-z-]+:[0-9a-f]{8}\]")
_LONGEST_MARK = 64
_PLAIN = re.compile(r"[A-Za-z][a-z]*(?:[-.][A-Za-z]+)*[.,:;)]*")
_THE_SCANNER = object()


class RedactedText(str):
    """The only text a prompt, a card or an excerpt accepts: it went through ``redact``.

    Only ``redact`` can make one; a copy, a slice or a join is plain text again.
    """

    __slots__ = ()

    def __new__(cls, text: str, made_by: object = None) -> RedactedText:
        """Raises TypeError for everybody but the scanner."""
        if made_by is not _THE_SCANNER:
            raise TypeError("only redact() makes RedactedText")
        return super().__new__(cls, text)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def redact(text: str) -> RedactedText:
    """The text without secrets, and without characters that hide or reorder others.

    Doing it again changes nothing.
    """
    plain = inert(text)
    for kind, pattern in SHAPES:
        plain = pattern.sub(partial(_replaced, kind), plain)
    return RedactedText(_without_assigned(plain), _THE_SCANNER)


def redacted(value: Mapping[str, object]) -> dict[str, object]:
    """A JSON object with every text in it redacted; names of fields, numbers and the shape stay."""
    return {name: _each(inner) for name, inner in value.items()}


def _each(value: object) -> object:
    if isinstance(value, str):
        return str(redact(value))
    if isinstance(value, dict):
        return redacted(value)
    return [_each(inner) for inner in value] if isinstance(value, list) else value


def _replaced(kind: str, match: re.Match[str]) -> str:
    secret = match.group("s")
    if secret.startswith("[redacted:") or (kind == "authorization" and _is_word(secret)):
        return match.group()
    start, end = match.start("s") - match.start(), match.end("s") - match.start()
    whole = match.group()
    return f"{whole[:start]}{_mark(kind, secret)}{whole[end:]}"


def _is_word(text: str) -> bool:
    # "basic authentication", "authorization: denied": words of a sentence, not credentials.
    return bool(_PLAIN.fullmatch(text)) and not looks_random(text)


def _without_assigned(text: str) -> str:
    parts: list[str] = []
    done = 0
    for span in sorted(assigned_secrets(text), key=lambda each: each.start):
        if span.start < done or _in_mark(text, span):
            continue
        parts += [text[done : span.start], _hidden(text[span.start : span.end])]
        done = span.end
    return "".join((*parts, text[done:]))


def _in_mark(text: str, span: Span) -> bool:
    # "assigned-secret:0a1b2c3d" would itself read as a secret with its name before it.
    start = text.rfind("[redacted:", max(0, span.start - _LONGEST_MARK), span.start)
    mark = _MARK.match(text, start) if start >= 0 else None
    return mark is not None and span.end <= mark.end()


def _hidden(value: str) -> str:
    # What is all marks already stays, or every pass would hide them under new ones.
    return value if _MARK.fullmatch(value.strip()) else _mark("assigned-secret", value)


def _mark(kind: str, secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"[redacted:{kind}:{digest}]"
