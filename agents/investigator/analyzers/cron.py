"""Cron schedules as the CronJob controller reads them: is one valid, and when was it last due?

Source: CronJobSpec.schedule (five fields, ``@hourly`` and its like, ``@every``); a ``TZ=`` prefix is refused
there in favour of spec.timeZone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LONGEST_LOOK = 366
"""Days looked back for the last due time; a schedule without one in a year is left alone."""

_EVERY = re.compile(r"@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"(?:(\*|\?)|(\w+)(?:-(\w+))?)(?:/(\d+))?")


class ScheduleError(ValueError):
    """This text is not a schedule; the message says why."""


class _Row(NamedTuple):
    name: str
    low: int
    high: int
    names: Sequence[str] = ()


_FIELDS = (
    _Row("minute", 0, 59),
    _Row("hour", 0, 23),
    _Row("day of the month", 1, 31),
    _Row("month", 1, 12, MONTHS),
    _Row("day of the week", 0, 6, DAYS),
)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The minutes, hours and days at which a schedule is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def last_due(self, now: datetime) -> datetime | None:
        """The newest due time up to ``now``, in its time zone; None when there is none within a year."""
        day, end = now, now - timedelta(days=LONGEST_LOOK)
        while day > end:
            wanted, here = self._falls_on(day), day
            # Past a month that is not wanted at all in one step.
            day -= timedelta(days=1 if day.month in self.months else day.day)
            if not wanted:
                continue
            due = (
                here.replace(hour=hour, minute=minute, second=0, microsecond=0)
                for hour in sorted(self.hours, reverse=True)
                for minute in sorted(self.minutes, reverse=True)
            )
            if (latest := next((at for at in due if at <= now), None)) is not None:
                return latest
        return None

    def _falls_on(self, day: datetime) -> bool:
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # Cron's old rule: where both days are restricted, either will do.
        either = self.any_day or self.any_weekday
        return day.month in self.months and (by_date and by_weekday if either else by_date or by_weekday)


@lru_cache(maxsize=1024)
def parsed(text: str) -> Schedule | None:
    """The schedule, or None for ``@every``, which counts from the last run. Raises ScheduleError."""
    text = text.strip()
    if text.startswith("@every"):
        if not _EVERY.fullmatch(text):
            raise ScheduleError(f"{text!r} is no duration")
        return None
    if text.startswith("@") and text not in DESCRIPTORS:
        raise ScheduleError(f"{text!r} is not one of {', '.join(DESCRIPTORS)}")
    parts = DESCRIPTORS.get(text, text).split()
    if len(parts) != len(_FIELDS):
        raise ScheduleError(f"5 fields are expected and {len(parts)} found")
    sets = [_field(part, row) for part, row in zip(parts, _FIELDS, strict=True)]
    return Schedule(
        minutes=sets[0],
        hours=sets[1],
        days=sets[2],
        months=sets[3],
        weekdays=sets[4],
        any_day=parts[2][0] in "*?",
        any_weekday=parts[4][0] in "*?",
    )


def _field(text: str, row: _Row) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, row))


def _range(part: str, row: _Row) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise ScheduleError(f"{part!r} is no {row.name}")
    star, first, last, step = match.groups()
    low = row.low if star else _number(first, row)
    # "5/10" means from 5 to the end in steps of 10.
    high = row.high if star or (step and not last) else _number(last or first, row)
    every = int(step or 1)
    if low > high or not every:
        raise ScheduleError(f"{part!r} is no {row.name}")
    return range(low, high + 1, every)


def _number(text: str, row: _Row) -> int:
    known = text.lower()
    number = row.names.index(known) + row.low if known in row.names else int(text) if text.isdecimal() else -1
    if not row.low <= number <= row.high:
        raise ScheduleError(f"{text!r} is no {row.name} ({row.low} to {row.high})")
    return number
