"""Secrets that were encoded: what decodes to text with a secret in it is one.

Whoever reads a log decodes base64 in a second. Each way of writing is tried on the words that look like
it, at most a few layers deep and in bounded memory; what a layer hides is judged by the same rules as
plain text.
"""

from __future__ import annotations

import base64
import html
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import unquote

from tools.redaction.harmless import Harmless

Judge = Callable[[str], bool]
"""Whether a plain text holds a secret."""

DEPTH = 3
_MOST_UNPACKED = 65_536
_MOST_FOLDERS, _LONGEST_PATH = 6, 4_096
_WORD = re.compile(r"[^\s\"'<>]{12,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_ESCAPE = re.compile(r"\\{1,8}(?:u\{?(?P<u>[0-9a-fA-F]{1,6})\}?|x(?P<x>[0-9a-fA-F]{2}))")
_STRETCH = re.compile(r"[^\x00]{10}")
_NO_TEXT = bytes(code if 32 <= code < 127 or code in b"\t\n\r" else 0 for code in range(256))
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")


def encoded_secrets(text: str, holds: Judge, harmless: Harmless) -> Iterator[tuple[int, int]]:
    """Where words stand, from start up to end, that decode to what ``holds`` says is secret.

    ``harmless`` are words that this judge found nothing in; it learns those of this text.
    """
    return _encoded(text, holds, DEPTH, harmless)


def _encoded(text: str, holds: Judge, depth: int, harmless: Harmless) -> Iterator[tuple[int, int]]:
    # Lists and logs say the same names over and over: each word is read once.
    known: dict[str, tuple[tuple[int, int], ...]] = {}
    for word in _WORD.finditer(text):
        said, at = word.group(), word.start()
        if said in harmless:
            continue
        if said not in known:
            known[said] = tuple(_in_word(said, holds, depth, harmless))
            # Deeper down fewer layers are left to look through: what holds nothing there may hold something.
            if not known[said] and depth == DEPTH:
                harmless.add(said)
        yield from ((at + start, at + end) for start, end in known[said])


def _in_word(said: str, holds: Judge, depth: int, harmless: Harmless) -> Iterator[tuple[int, int]]:
    if any(holds(plain) for plain in _readings(said)):
        yield 0, len(said)
        return
    for run in _BASE64.finditer(said):
        if any(_secret(part, holds, depth, harmless) for part in _parts(run.group())):
            yield run.span()


def _readings(word: str) -> Iterator[str]:
    """The word as a browser or a JSON parser would have it."""
    if "%" in word:
        once = unquote(word)
        yield once
        yield unquote(once)
    if "\\" in word:
        yield _ESCAPE.sub(_character, word)
    if "&" in word:
        yield html.unescape(word)


def _character(match: re.Match[str]) -> str:
    code = int(match["u"] or match["x"], 16)
    return chr(code) if 32 <= code < 127 else ""


def _parts(run: str) -> Iterator[str]:
    """The run, and what of it stands behind a slash: it may follow a path."""
    yield run
    start = run.find("/") + 1
    for _ in range(_MOST_FOLDERS if len(run) <= _LONGEST_PATH else 0):
        if not start or len(run) - start < 16:
            return
        yield run[start:]
        start = run.find("/", start) + 1


def _secret(run: str, holds: Judge, depth: int, harmless: Harmless) -> bool:
    """Whether a run of base64 or hex stands for a secret, alone or among other text."""
    content = bytes.fromhex(run) if _HEX.fullmatch(run) else _from_base64(run)
    plain = _text_of(content)
    if _legible(plain, holds):
        return True
    if "\0" not in plain:
        # Nothing but text: then it may be encoded text once more.
        return depth > 1 and any(True for _ in _encoded(plain, holds, depth - 1, harmless))
    # Beside a path or a name the run begins too early, and one of the other three places is the right one.
    return any(_legible(_text_of(_from_base64(run[offset:])), holds) for offset in (1, 2, 3))


def _legible(plain: str, holds: Judge) -> bool:
    # Most of what looks like base64 is none: then no few characters beside one another are text.
    return _STRETCH.search(plain) is not None and holds(plain)


def _from_base64(run: str) -> bytes:
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    # One character alone after whole groups of four stands for nothing.
    plain = plain[:-1] if len(plain) % 4 == 1 else plain
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _text_of(content: bytes) -> str:
    """What can be read of it; everything else is NUL."""
    if content.startswith(_PACKED):
        content = _unpacked(content)
    if content[1::2].count(0) > len(content) // 3:
        # UTF-16, as some shells encode.
        content = content.replace(b"\0", b"")
    with suppress(UnicodeDecodeError):
        # Bytes that are no text hardly ever are UTF-8 by chance, and a password may have an umlaut.
        if not _UNREADABLE.search(plain := content.decode()):
            return plain
    return content.translate(_NO_TEXT).decode("ascii")


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return b""
