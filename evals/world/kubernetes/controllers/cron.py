"""Cron schedules: five fields with lists, ranges and steps, and the usual words for them (robfig/cron)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MINUTE = timedelta(minutes=1)


class BadSchedule(ValueError):
    """The text is no schedule; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The minutes, hours, days, months and weekdays (Sunday 0) at which something is due, in UTC."""

    fields: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool

    def matches(self, at: datetime) -> bool:
        """Whether it is due in the minute of `at`."""
        minutes, hours, days, months, weekdays = self.fields
        if at.minute not in minutes or at.hour not in hours or at.month not in months:
            return False
        day, weekday = at.day in days, at.isoweekday() % 7 in weekdays
        # When both are restricted either of them is enough: that is cron's own rule.
        return day or weekday if not (self.any_day or self.any_weekday) else day and weekday

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The newest moment it was due, later than `after` and not later than `until`."""
        at = until.replace(second=0, microsecond=0)
        while at > after:
            if self.matches(at):
                return at
            at -= _MINUTE
        return None


def schedule(text: str) -> Schedule:
    """The schedule that a text stands for. Raises BadSchedule."""
    parts = _WORDS.get(text, text).split()
    if len(parts) != len(_RANGES):
        raise BadSchedule(f"expected exactly 5 fields, found {len(parts)}: {parts}")
    fields = [_field(part, bounds) for part, bounds in zip(parts, _RANGES, strict=True)]
    fields[4] = frozenset(day % 7 for day in fields[4])
    return Schedule(fields=tuple(fields), any_day=parts[2] == "*", any_weekday=parts[4] == "*")


def _field(text: str, bounds: tuple[int, int]) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, bounds))


def _part(text: str, bounds: tuple[int, int]) -> range:
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    try:
        start = bounds[0] if first in ("*", "?") else int(first)
        # "5/10" counts from five to the end; "5" alone is just five.
        end = int(last) if dash else (bounds[1] if slash or first in ("*", "?") else start)
        by = int(step) if slash else 1
    except ValueError as error:
        raise BadSchedule(f"failed to parse int from {text}") from error
    if not bounds[0] <= start <= end <= bounds[1] or by < 1:
        raise BadSchedule(f"{text} is outside {bounds[0]} to {bounds[1]}")
    return range(start, end + 1, by)
