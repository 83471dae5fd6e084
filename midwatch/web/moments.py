"""Moments that people type into a page's fields."""

from __future__ import annotations

from datetime import UTC, datetime


class NotATime(ValueError):
    """What was typed is no moment."""


def moment(typed: str) -> datetime | None:
    """The moment in UTC, or None of nothing. Raises NotATime."""
    if not typed.strip():
        return None
    try:
        found = datetime.fromisoformat(typed.strip())
        # Pages write UTC and ask for it; whoever names another zone means that one.
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise NotATime("write a time as 2026-11-27 03:00, in UTC") from problem
