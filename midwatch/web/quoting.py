"""Where in the evidence the words of a claim stand: what is marked there, and where a link leads. Pure.

The check that a claim must pass is the investigator's; here a quote is looked for once more, and one that
is not found is simply not marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from markupsafe import Markup, escape

from agents.incident import Claim, Evidence
from tools.redaction import redact

AROUND, WHOLE, MOST = 1, 24, 36
"""Lines around a mark, lines that are short enough to be shown as they are, and lines of one extract."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A quoted part of one line; ``anchor`` is the address of the claim's first one, else empty."""

    start: int
    end: int
    anchor: str = ""


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One piece of evidence as it is shown: its lines, and what of them is quoted."""

    item: Evidence
    lines: tuple[str, ...]
    marks: dict[int, list[Mark]] = field(default_factory=dict)
    aims: dict[int, str] = field(default_factory=dict)
    """Where a link of the claim leads, by the claim's number."""

    @property
    def cited(self) -> bool:
        """Whether a claim rests on it."""
        return bool(self.aims)

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The lines of the extract: all of a short one, else what is quoted and what stands around it."""
        if len(self.lines) <= WHOLE:
            return tuple(range(len(self.lines)))
        near = {line + by for line in self.marks for by in range(-AROUND, AROUND + 1)}
        inside = sorted(line for line in near if 0 <= line < len(self.lines))
        return tuple(inside or range(6))[:MOST]

    @property
    def whole(self) -> bool:
        """Whether the extract is all of it."""
        return len(self.kept) == len(self.lines)

    @property
    def extract(self) -> Markup:
        """The kept lines with their marks; a gap is shown as one."""
        return self._shown(self.kept)

    @property
    def everything(self) -> Markup:
        """Every line with its marks."""
        return self._shown(tuple(range(len(self.lines))))

    def _shown(self, kept: tuple[int, ...]) -> Markup:
        text = "\n".join(self.lines[line] for line in kept)
        clean = redact(text)
        if clean != text:
            # What is stored was redacted when it came; where the rules see more today, marks have no place.
            return escape(clean)
        parts, before = [], -1
        for line in kept:
            if line != before + 1:
                parts.append(Markup("…"))
            parts.append(self._marked(line))
            before = line
        if before + 1 < len(self.lines):
            parts.append(Markup("…"))
        return Markup("\n").join(parts)

    def _marked(self, line: int) -> Markup:
        text, done, parts = self.lines[line], 0, []
        for mark in sorted(self.marks.get(line, []), key=lambda one: one.start):
            if mark.start < done:
                continue
            name = Markup(' id="{}"').format(mark.anchor) if mark.anchor else ""
            quoted = Markup("<mark{}>{}</mark>").format(name, text[mark.start : mark.end])
            parts += [escape(text[done : mark.start]), quoted]
            done = mark.end
        return Markup("").join([*parts, escape(text[done:])])


def exhibits(evidence: Sequence[Evidence], claims: Sequence[Claim]) -> dict[str, Exhibit]:
    """Every piece of evidence by its id, with the quotes of the claims, which are numbered from 1."""
    return {item.id: _exhibit(item, claims) for item in evidence}


def _exhibit(item: Evidence, claims: Sequence[Claim]) -> Exhibit:
    shown = Exhibit(item=item, lines=tuple(item.excerpt.splitlines()))
    for number, claim in enumerate(claims, start=1):
        if item.id not in claim.evidence:
            continue
        shown.aims[number] = item.id
        for line, start, end in _places(shown.lines, claim):
            taken = shown.marks.setdefault(line, [])
            if any(start < mark.end and mark.start < end for mark in taken):
                continue
            anchor = f"{item.id}-c{number}" if shown.aims[number] == item.id else ""
            taken.append(Mark(start=start, end=end, anchor=anchor))
            shown.aims[number] = anchor or shown.aims[number]
    return shown


def _places(lines: Sequence[str], claim: Claim) -> Iterator[tuple[int, int, int]]:
    """The line, start and end of each quote that is found, the longest quotes first: they are the surest."""
    for quote in sorted(claim.quotes, key=len, reverse=True):
        words = quote.splitlines()[0] if quote else ""
        found = _best(lines, words, claim.objects) if words else None
        if found is not None:
            yield found[0], found[1], found[1] + len(words)


def _best(lines: Sequence[str], words: str, objects: Sequence[str]) -> tuple[int, int] | None:
    """The likeliest place: a line of the object that the claim names, whose value is these very words."""
    as_word = re.compile(rf"(?<![\w.-]){re.escape(words)}(?![\w-])")
    best: tuple[int, int] | None = None
    most = -1
    for number, line in enumerate(lines):
        # The plain search first: it rules out almost every line of a long look.
        if words not in line or (hit := as_word.search(line)) is None:
            continue
        value = line.endswith(f"= {words}")
        rank = 4 * any(line.startswith(one) for one in objects) + 2 * value + (value and "/status/" in line)
        if rank > most:
            most = rank
            at = line.rindex(words) if value else hit.start()
            best = (number, at)
    return best
