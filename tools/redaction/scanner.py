"""The scanner itself: invisible characters first, then shapes, then names, then what is encoded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import partial

import orjson

from tools.redaction.assignments import assigned_secrets
from tools.redaction.encoded import encoded_secrets
from tools.redaction.harmless import Harmless
from tools.redaction.inert import inert
from tools.redaction.names import looks_random
from tools.redaction.shapes import SHAPES

_MARK = re.compile(r"\[redacted:[a-z-]+:[0-9a-f]{8}\]")
_UNSEEN = re.compile(r"\\u\{[0-9a-f]{2,6}\}")
_PLAIN = re.compile(r"[A-Za-z][a-z]*(?:[-.][A-Za-z]+)*[.,:;)]*")
_THE_SCANNER = object()
_TEXTS, _WORDS = Harmless(most=4096, longest=512), Harmless(most=16_384, longest=256)
"""A few MiB at most; an evidence of a hundred thousand characters is no text that comes again."""


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
    if text in _TEXTS:
        return RedactedText(text, _THE_SCANNER)
    plain = _without_plain(_undivided(inert(text)))
    found = _without(plain, "encoded-secret", encoded_secrets(plain, _holds, _WORDS))
    if found == text:
        _TEXTS.add(text)
    return RedactedText(found, _THE_SCANNER)


def _undivided(text: str) -> str:
    """The text without the codes of unseen characters, where they cut a secret into pieces."""
    whole = _UNSEEN.sub("", text)
    if whole == text:
        return text
    found, pieces = (len(_MARK.findall(_without_plain(each))) for each in (whole, text))
    return whole if found > pieces else text


def _without_plain(text: str) -> str:
    lower = text.lower()
    for shape in SHAPES:
        if shape.may_be_in(text, lower):
            text = shape.pattern.sub(partial(_replaced, shape.kind), text)
            lower = text.lower()
    spans = ((span.start, span.end) for span in assigned_secrets(text))
    return _without(text, "assigned-secret", sorted(spans))


def _holds(text: str) -> bool:
    return _without_plain(text) != text


def redacted(value: Mapping[str, object]) -> dict[str, object]:
    """A JSON object with every text in it redacted; names of fields, numbers and the shape stay."""
    return {name: _each(inner) for name, inner in value.items()}


def redacted_json(value: Mapping[str, object]) -> RedactedText:
    """A JSON object as one text without secrets."""
    # Word by word first: an escaped line break would hide the beginning of a secret behind its "n".
    return redact(orjson.dumps(redacted(value)).decode())


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


def _without(text: str, kind: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if start < done:
            continue
        parts += [text[done:start], _hidden(kind, text[start:end])]
        done = end
    return "".join((*parts, text[done:]))


def _hidden(kind: str, value: str) -> str:
    # What is all marks already stays, or every pass would hide them under new ones.
    return value if _MARK.fullmatch(value.strip()) else _mark(kind, value)


def _mark(kind: str, secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"[redacted:{kind}:{digest}]"
