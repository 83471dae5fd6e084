"""Codes that an operator does not want to hear of in a namespace for a while, with the reason.

What is silenced is left out of the diagnosis and counted; a silence that has ended is told where it would
have been of use, so that nobody wonders why the noise is back.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import yaml
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, field_validator

from agents.incident import Finding, Value
from tools.kubernetes.objects import NonEmpty


class SilenceError(ValueError):
    """The file of silences cannot be used; the message says which line of it and why."""

    retryable = False


class Silence(Value):
    """One code in one namespace (empty: of objects in none), until when, and why."""

    code: NonEmpty
    namespace: str
    reason: str = Field(min_length=5, max_length=300)
    until: AwareDatetime

    @field_validator("until", mode="before")
    @classmethod
    def _end_of_the_day(cls, value: object) -> object:
        # YAML reads 2026-12-31 as a date: that whole day is meant, in UTC.
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time(), UTC) + timedelta(days=1)
        return value

    def covers(self, finding: Finding) -> bool:
        """Whether this finding is meant."""
        return (self.code, self.namespace) == (finding.code, finding.object.namespace)

    @property
    def words(self) -> str:
        """Which, where, until when and why."""
        where = self.namespace or "no namespace"
        return f"{self.code} in {where} until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({self.reason})"


_FILE = TypeAdapter(tuple[Silence, ...])


def read_silences(path: Path, codes: Collection[str]) -> tuple[Silence, ...]:
    """The silences of a YAML list. ``codes`` are those there are. Raises SilenceError."""
    try:
        found = _FILE.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise SilenceError(f"the silences {path} cannot be read: {problem}") from problem
    except ValidationError as problem:
        raise SilenceError(f"the silences {path} cannot be used: {_words(problem)}") from problem
    for one in found:
        if one.code not in codes:
            nearest = difflib.get_close_matches(one.code, codes, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise SilenceError(f"the silences {path} name {one.code}, which is no code{hint}")
    return found


def _words(problem: ValidationError) -> str:
    told = problem.errors(include_url=False, include_context=False)[0]
    number, *where = told["loc"] or ("?",)
    return f"entry {number} (from 0), {'.'.join(map(str, where)) or 'as a whole'}: {told['msg']}"


def told(findings: Collection[Finding], silences: Collection[Silence], at: datetime) -> Iterator[str]:
    """What is to be said of silences in a diagnosis: how much each one hides, and which have ended."""
    for one in silences:
        meant = sum(one.covers(finding) for finding in findings)
        if meant and at < one.until:
            yield f"{meant} finding{'s' if meant > 1 else ''} silenced: {one.words}"
        elif meant:
            yield f"a silence has ended: {one.words}"
