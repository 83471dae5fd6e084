"""Secrets that are known by the name they are assigned to: ``DB_PASSWORD=…``, ``"apiKey": "…"``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.redaction.names import announces_secret, is_secret, matters

_NAME = r"(?P<name>[\w.-]{1,128})"
# A name can begin only where another cannot go on: long runs of letters are looked at once. What a mark
# names is not looked at again.
_EDGE = r"(?<![\w.-])(?<!\[redacted:)"
# Quotes of a JSON text that stands in another one have backslashes, and more in a third.
_QUOTE = r"(?:\\{0,7}[\"'])?"
_STARTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("", re.compile(rf"{_EDGE}{_NAME}{_QUOTE}[ \t]{{0,9}}(?P<sign>=>|:=|==?|:|%3[dD]|%3[aA])[ \t]{{0,9}}")),
    (
        "alue",
        re.compile(
            rf"\b[Nn]ame{_QUOTE}[ \t]{{0,9}}[:=][ \t]{{0,9}}{_QUOTE}{_NAME}{_QUOTE},?\s{{0,40}}"
            rf"{_QUOTE}[Vv]alue{_QUOTE}[ \t]{{0,9}}(?P<sign>[:=])[ \t]{{0,9}}"
        ),
    ),
    ("--", re.compile(rf"(?<![\w-])--{_NAME}(?P<sign>[ \t])(?=[^\s-])")),
)
"""Each with what no match is without: most texts need no search for the second and the third."""
_VALUE = re.compile(
    r"""(?P<quote>\\{0,7}["'])(?P<quoted>[^"'\\\n]{1,4096}?)(?P=quote)
      | [|>][-+]?[ \t]*\n(?P<block>(?:[ \t]+\S[^\n]*\n?){1,50})
      | (?P<bare>[^\s"',;&\[\]{}<>\\]+)""",
    re.VERBOSE,
)

_NEAR = 600


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where a secret stands in a text: from ``start`` up to ``end``."""

    start: int
    end: int


def assigned_secrets(text: str) -> Iterator[Span]:
    """Where the secrets stand that a name announces, in no order; they may overlap."""
    for needle, pattern in _STARTS:
        if needle not in text:
            continue
        done = 0
        for found in pattern.finditer(text):
            # What stands inside a secret is gone with it: a long run is looked at once.
            if found.start() < done or not matters(found.group("name")):
                continue
            span = _secret_after(text, found)
            if span is not None:
                done = span.end
                yield span


def _secret_after(text: str, found: re.Match[str]) -> Span | None:
    # A weak name needs a look at the beginning only; a strong one hides all that follows.
    most = len(text) if announces_secret(found.group("name")) else found.end() + _NEAR
    value = _VALUE.match(text, found.end(), most)
    if value is None:
        return None
    group = next(name for name in ("quoted", "block", "bare") if value.group(name) is not None)
    prose = group == "bare" and found.group("sign") == ":" and text[found.end() - 1] == " "
    if not is_secret(found.group("name"), value.group(group).strip(), prose=prose):
        return None
    whole = _VALUE.match(text, found.end()) or value
    return Span(start=whole.start(group), end=whole.end(group))
