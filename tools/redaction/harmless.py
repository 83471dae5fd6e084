"""What was read and held nothing secret: the same names and sentences come back all night long.

Only what may be shown anyway is remembered. What held a secret is read again each time, so that none is
kept here.
"""

from __future__ import annotations


class Harmless:
    """At most ``most`` texts of up to ``longest`` characters; safe in many threads."""

    def __init__(self, most: int, longest: int) -> None:
        self._most, self._longest = most, longest
        self._texts: set[str] = set()

    def __contains__(self, text: str) -> bool:
        return text in self._texts

    def add(self, text: str) -> None:
        """Remember this one, unless it is so long that it hardly comes again."""
        if len(text) > self._longest:
            return
        if len(self._texts) >= self._most:
            # All at once: to know which ones are old would cost more than to read them again.
            self._texts.clear()
        self._texts.add(text)
