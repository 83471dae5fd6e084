"""Making text from outside fit for a database: no NUL, no half characters, no endless values."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from contextlib import suppress

import orjson

from tools.kubernetes.objects import JsonObject

MAX_PAIRS = 64
MAX_VALUE_BYTES = 4096
MAX_NAME_BYTES = 256
MAX_FNV_BYTES = 64 * 1024
MAX_FNV_LABELS = 1000
# PostgreSQL stores neither NUL nor surrogates; U+FFFD says that something stood here.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
# What people and analyzers look for first survives a flood of labels.
_FIRST = (
    *("alertname", "severity", "cluster", "namespace", "deployment", "statefulset", "daemonset"),
    *("job_name", "service", "pod", "container", "node", "instance", "job"),
    *("summary", "description", "runbook_url"),
)
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def clean(text: str) -> str:
    """The text with U+FFFD for NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        # Nearly every text; the pattern costs ten times as much, and a flood has 600,000 of them.
        return text
    return _NOT_STORABLE.sub("\ufffd", text)


def shorten(text: str, limit: int = MAX_VALUE_BYTES) -> str:
    """The text in at most ``limit`` UTF-8 bytes; a shortened one says so and how long it was."""
    if len(text) * 4 <= limit:
        return text
    # A character is a byte at least: what lies behind the limit is not looked at.
    encoded = text[: limit + 1].encode()
    if len(encoded) <= limit:
        return text
    marker = f"… [shortened, {len(text)} characters]"
    return encoded[: limit - len(marker.encode())].decode(errors="ignore") + marker


def as_text(value: object) -> str:
    """A value as text: text as it is, nothing as nothing, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except RecursionError:
        # The parser goes deeper than the writer does; nobody reads a label that deep.
        return "[nested too deeply]"


def shorten_all(pairs: JsonObject) -> tuple[dict[str, str], int]:
    """At most 64 pairs with clean, bounded names and values, and how many were left out."""
    names = list(itertools.islice(pairs, MAX_PAIRS))
    if len(pairs) > MAX_PAIRS:
        first = [name for name in _FIRST if name in pairs]
        names = list(dict.fromkeys(first + names))[:MAX_PAIRS]
    kept = {shorten(clean(name), MAX_NAME_BYTES): shorten(clean(as_text(pairs[name]))) for name in names}
    return kept, len(pairs) - len(names)


def fingerprint_of(labels: JsonObject) -> str:
    """Alertmanager's own fingerprint, for a sender that left it out.

    64-bit FNV-1a over the sorted names and values, each followed by byte 255
    (prometheus/common, ``model.LabelSet.Fingerprint``), as 16 hex digits. Of labels that no
    Alertmanager has, 64 KiB or a thousand and more, the beginning of a SHA-256 over the ends of their
    text and its length: as good a name.
    """
    if len(labels) >= MAX_FNV_LABELS:
        # Cleaning and sorting 300,000 names takes most of a second; half a surrogate pair needs it.
        with suppress(orjson.JSONEncodeError):
            return hashlib.sha256(_ends(orjson.dumps(labels).decode()).encode()).hexdigest()[:16]
    clear = sorted((clean(_ends(name)), clean(_ends(as_text(value)))) for name, value in labels.items())
    text = b"".join(f"{name}\0{value}\0".encode().replace(b"\0", b"\xff") for name, value in clear)
    if len(text) >= MAX_FNV_BYTES:
        # A loop over twenty megabytes would hold the whole process up for seconds.
        return hashlib.sha256(text).hexdigest()[:16]
    total = _FNV_OFFSET
    for byte in text:
        total = ((total ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def _ends(text: str) -> str:
    """The text, or of a giant one both ends and its length."""
    if len(text) <= 2 * MAX_FNV_BYTES:
        return text
    return f"{text[:MAX_FNV_BYTES]}{len(text)}{text[-MAX_FNV_BYTES:]}"
