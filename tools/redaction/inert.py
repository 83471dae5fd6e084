"""Characters that hide, reorder or control others, made visible (threats T24 to T26)."""

from __future__ import annotations

import unicodedata

_VISIBLE = frozenset("\n\t")


def inert(text: str) -> str:
    r"""Control, bidi, zero-width and surrogate characters shown as ``\u{202e}``; CR LF as LF."""
    plain = text.replace("\r\n", "\n")
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(char if _shown(char) else f"\\u{{{ord(char):x}}}" for char in plain)


def _shown(char: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: control, format (bidi, zero-width), surrogate, private, unassigned. Zl, Zp:
    # line breaks to a browser and to nothing else.
    return char in _VISIBLE or not (
        unicodedata.category(char).startswith("C") or unicodedata.category(char) in {"Zl", "Zp"}
    )
