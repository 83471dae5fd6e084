"""Making text from outside fit for a database: no NUL, no half characters, no endless values."""

from __future__ import annotations

import re

MAX_PAIRS = 64
MAX_VALUE_BYTES = 4096
MAX_NAME_BYTES = 256
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
    return _NOT_STORABLE.sub("\ufffd", text)


def shorten(text: str, limit: int = MAX_VALUE_BYTES) -> str:
    """The text in at most ``limit`` UTF-8 bytes; a shortened one says so and how long it was."""
    if len(text) * 4 <= limit:
        return text
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    marker = f"… [shortened, {len(text)} characters]"
    return encoded[: limit - len(marker.encode())].decode(errors="ignore") + marker


def shorten_all(pairs: dict[str, str]) -> tuple[dict[str, str], int]:
    """At most 64 pairs with bounded names and values, and how many were left out."""
    names = list(pairs)
    if len(names) > MAX_PAIRS:
        first = [name for name in _FIRST if name in pairs]
        names = list(dict.fromkeys(first + names))[:MAX_PAIRS]
    kept = {shorten(name, MAX_NAME_BYTES): shorten(pairs[name]) for name in names}
    return kept, len(pairs) - len(names)


def fingerprint_of(labels: dict[str, str]) -> str:
    """Alertmanager's own fingerprint, for a sender that left it out.

    64-bit FNV-1a over the sorted names and values, each followed by byte 255
    (prometheus/common, ``model.LabelSet.Fingerprint``), as 16 hex digits.
    """
    total = _FNV_OFFSET
    for name in sorted(labels):
        for byte in b"".join((name.encode(), b"\xff", labels[name].encode(), b"\xff")):
            total = ((total ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"
