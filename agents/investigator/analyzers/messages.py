"""Last words of a dying process, and what they and its exit code mean.

A known line is recognised by ``log_rules``; it never decides a cause. Log lines are text from strangers.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.investigator.analyzers.fields import quotable
from agents.investigator.analyzers.log_rules import Hint, rule_for

LAST_LINES = 200
"""Lines from the end that are searched: what killed a process stands near the end of its log."""

_EXIT_MEANING: dict[int, str] = {
    0: "it ended by itself without an error",
    126: "its command cannot be run",
    127: "its command was not found",
    134: "it aborted",
    137: "it was killed (SIGKILL)",
    139: "it touched memory it may not (SIGSEGV)",
    143: "it was told to stop (SIGTERM)",
}


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A known line: what it points at, what that means, and the line itself as it stands in the log."""

    hint: Hint
    meaning: str
    line: str


def recognise(log: str) -> Recognised | None:
    """The last line of ``log`` that the table knows, or None. The last counts: it is nearest to the end.

    But a process that may not do something waits in vain for what would come of it, and says so last.
    """
    vague: Recognised | None = None
    for line in reversed(log.splitlines()[-LAST_LINES:]):
        text = quotable(line)
        rule = rule_for(text)
        if rule is None or (vague and rule.hint is not Hint.FORBIDDEN):
            continue
        found = Recognised(hint=rule.hint, meaning=rule.means, line=text)
        if rule.hint is not Hint.TIMED_OUT:
            return found
        vague = found
    return vague


def last_lines(log: str, count: int = 3) -> tuple[str, ...]:
    """The last ``count`` lines that hold something, as they stand in the log, bounded in length."""
    lines = (quotable(line) for line in log.splitlines()[-LAST_LINES:])
    return tuple(line for line in lines if line)[-count:]


def exit_meaning(code: int | None) -> str:
    """What an exit code says in words; empty for codes that only mean "an error" (see exit(3), signal(7))."""
    return _EXIT_MEANING.get(code, "") if code is not None else ""
