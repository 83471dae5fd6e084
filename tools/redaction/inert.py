"""Characters that hide, reorder or control others, made visible (threats T24 to T26)."""

from __future__ import annotations

import re
import unicodedata

_VISIBLE = frozenset("\n\t")
_WORD = re.compile(r"\w+")
_LOOK_LATIN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "FULLWIDTH", "MATHEMATICAL")
"""Scripts with letters that look like Latin ones (Unicode TR 39, confusables)."""
_MEASURE = re.compile(
    r"[0-9]*(?:\u03bc(?:s|sec|m|g|l|L|A|V|W|F|H|Hz|J|mol)|[kMGm]?\u03a9|\u0394[A-Za-z0-9_]+)"
)
"""Micro, ohm and a difference, as engineers write them: none of the three looks like a Latin letter, and
all else in the word is ASCII."""


def inert(text: str) -> str:
    r"""Control, bidi, zero-width and surrogate characters shown as ``\u{202e}``; CR LF as LF.

    In a word that mixes them with Latin letters, letters that look Latin and are not are shown so as well.
    """
    plain = text.replace("\r\n", "\n")
    if plain.isascii() and plain.isprintable():
        return plain
    # Each kind of character is judged once: a long log has few.
    hidden = {ord(char): _told(char) for char in set(plain) if not _shown(char)}
    shown = plain.translate(hidden) if hidden else plain
    return shown if shown.isascii() else _WORD.sub(_unmixed, shown)


def _told(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def _unmixed(match: re.Match[str]) -> str:
    word = match.group()
    # A word in one script is somebody's language; one that mixes two reads as a name that it is not.
    if word.isascii() or not any(char.isascii() and char.isalpha() for char in word):
        return word
    if _MEASURE.fullmatch(word):
        return word
    return "".join(_told(char) if _looks_latin(char) else char for char in word)


def _looks_latin(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith(_LOOK_LATIN)


def _shown(char: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: control, format (bidi, zero-width), surrogate, private, unassigned. Zl, Zp:
    # line breaks to a browser and to nothing else.
    return char in _VISIBLE or not (
        unicodedata.category(char).startswith("C") or unicodedata.category(char) in {"Zl", "Zp"}
    )
