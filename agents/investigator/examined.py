"""One look, examined: by our analyzers, by those from outside, and without what is silenced.

What others install can fail or be slow; then that is told as not checked and the rest stands. What is
silenced is still counted, so that a silence that hides too much is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.outside import Outside, from_outside
from agents.investigator.analyzers.registry import CODES, analyze
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.silenced import Silence, told


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What an operator added to the analyzers, and took away from what they say."""

    outside: tuple[Outside, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def codes(self) -> Mapping[str, Coded]:
        """Every code there is, by its text."""
        return codes(self.outside)


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found, and what of it is silenced; the snapshot says as well what stays open."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...] = ()


def codes(outside: tuple[Outside, ...]) -> Mapping[str, Coded]:
    """Our codes, and those of these analyzers."""
    ours = {code.value: code for code in CODES}
    return ours | {text: code for one in outside for text, code in one.codes.items()}


def examined(snapshot: Snapshot, extras: Extras) -> Examined:
    """All findings of one look, in a stable order. Silences are judged by the time of the look."""
    added, problems = from_outside(snapshot, extras.outside)
    every = (*analyze(snapshot), *sorted(added, key=lambda one: (one.code, one.object.key)))
    at = snapshot.taken_at
    holding = [one for one in extras.silences if at < one.until]
    hidden = tuple(one for one in every if any(silence.covers(one) for silence in holding))
    notes = (*problems, *told(every, extras.silences, at))
    if notes:
        snapshot = replace(snapshot, not_checked=(*snapshot.not_checked, *notes))
    heard = tuple(one for one in every if one not in hidden) if hidden else every
    return Examined(snapshot=snapshot, findings=heard, silenced=hidden)
