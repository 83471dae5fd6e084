"""The lines of a log, and the moments at which the kubelet took them down.

The API server writes the moment before each line when it is asked to (``timestamps=true``). It is no
part of what the container wrote: a secret that goes over several lines is found without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from tools.redaction import redact

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?: |$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One line as the container wrote it, and when (None: nobody says)."""

    text: str
    at: datetime | None = None


def log_lines(text: str) -> tuple[LogLine, ...]:
    """The lines of a log that was read with time stamps; a line without one keeps its text."""
    return tuple(LogLine(text=rest, at=_moment(stamp)) for stamp, rest in _split(text))


def safe_log(text: str, most: int) -> str:
    """A log that was read with time stamps, without secrets: its last whole lines, ``most`` characters.

    Scanned once, without the stamps; these are put back as they were recognised.
    """
    lines = _split(text)
    plain = [rest for _, rest in lines]
    # Before it is cut: the half of a secret cannot be told from a word.
    kept = redact("\n".join(plain)).split("\n")
    stamps = _stamps_of(kept, plain, [stamp for stamp, _ in lines])
    told = [f"{stamp} {line}" if stamp else line for stamp, line in zip(stamps, kept, strict=True)]
    return "\n".join(_last(told, most))


def _split(text: str) -> list[tuple[str, str]]:
    """Stamp and rest of each line; only a line break ends a line of a kubelet's log."""
    found = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        stamp = _STAMP.match(line)
        found.append((stamp[1], line[stamp.end() :]) if stamp else ("", line))
    return found


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        # Digits in the right places, and no day or hour of that number.
        return None


def _last(lines: list[str], most: int) -> list[str]:
    sizes = accumulate(len(line) + 1 for line in reversed(lines))
    count = sum(1 for size in sizes if size <= most)
    # Of a line that is too long alone, its end is better than nothing.
    return lines[-count:] if count else [line[-most:] for line in lines[-1:]]


def _stamps_of(kept: list[str], plain: list[str], stamps: list[str]) -> Iterator[str]:
    """The stamps of the lines that were kept: a secret of several lines became a part of its first."""
    at = 0
    for number in range(len(kept)):
        yield stamps[at] if at < len(stamps) else ""
        swallowed = (len(plain) - at) - (len(kept) - number)
        following = kept[number + 1] if number + 1 < len(kept) else None
        ahead = range(at + 1, min(at + 2 + swallowed, len(plain))) if swallowed > 0 else ()
        at = next((i for i in ahead if plain[i] == following), at + 1)
