"""Last words of a dying process that on-call engineers know by heart, and what they mean.

The table recognises a line; it never decides a cause. Log lines are text from strangers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agents.investigator.analyzers.fields import quotable

LAST_LINES = 200
"""Lines from the end that are searched: what killed a process stands near the end of its log."""


class Hint(StrEnum):
    """What a known log line points at."""

    REFUSED = "dependency_refused"
    NAME_UNRESOLVED = "name_unresolved"
    TIMED_OUT = "dependency_timeout"
    CREDENTIALS = "credentials_rejected"
    CERTIFICATE = "certificate"
    FORBIDDEN = "forbidden"
    ENV_MISSING = "env_missing"
    COMMAND_MISSING = "command_missing"
    FILE_MISSING = "file_missing"
    PERMISSION = "permission_denied"
    PORT_TAKEN = "port_taken"
    MEMORY = "memory"
    DISK_FULL = "disk_full"
    WRONG_PLATFORM = "wrong_platform"
    BAD_FLAG = "bad_flag"
    PANIC = "panic"


OUTSIDE = frozenset((Hint.REFUSED, Hint.NAME_UNRESOLVED, Hint.TIMED_OUT, Hint.CREDENTIALS, Hint.CERTIFICATE))
"""Hints that point at something other than the process itself."""

# Order matters: the more specific text comes first ("exec: … no such file" is a command, not a data file).
_ROWS: tuple[tuple[Hint, str, str], ...] = (
    (Hint.MEMORY, r"out of ?memory|cannot allocate memory|MemoryError", "it ran out of memory"),
    (Hint.DISK_FULL, r"no space left on device|ENOSPC|disk quota exceeded", "its disk is full"),
    (Hint.WRONG_PLATFORM, r"exec format error", "the binary is built for another platform"),
    (Hint.PORT_TAKEN, r"address already in use|EADDRINUSE", "its port is already taken"),
    (Hint.COMMAND_MISSING, r"executable file not found|command not found|exec: .*no such file",
     "its command is not in the image"),
    (Hint.CREDENTIALS, r"(password )?authentication failed|access denied for user|invalid credentials|NOAUTH",
     "a service it needs rejects its credentials"),
    (Hint.CERTIFICATE, r"x509:|certificate (has expired|verify failed)|CERT_HAS_EXPIRED",
     "a TLS certificate is not accepted"),
    (Hint.FORBIDDEN, r"is forbidden: User", "its service account lacks a right"),
    (Hint.NAME_UNRESOLVED, r"no such host|name or service not known|getaddrinfo|name resolution",
     "a host name does not resolve"),
    (Hint.REFUSED, r"connection refused|ECONNREFUSED", "something it needs refuses connections"),
    (Hint.TIMED_OUT, r"i/o timeout|connection timed out|ETIMEDOUT|deadline exceeded",
     "something it needs does not answer in time"),
    (Hint.ENV_MISSING,
     r"(env(ironment)?( |_)?var(iable)?s?\b.*\b(not set|missing|required|undefined|not found|empty))|"
     r"((missing|required|undefined)\b.*\benv(ironment)?\b)|KeyError: '[A-Z][A-Z0-9_]+'|"
     r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+ (is )?(not set|is required|must be set|is missing|is undefined)",
     "an environment variable is missing"),
    (Hint.PERMISSION, r"permission denied|EACCES|operation not permitted|read-only file system",
     "it lacks permission"),
    (Hint.FILE_MISSING, r"no such file or directory|FileNotFoundError|ENOENT|cannot find the file",
     "a file it needs is missing"),
    (Hint.BAD_FLAG, r"unknown (flag|option|argument)|flag provided but not defined|unrecognized argument",
     "it does not know one of its arguments"),
    (Hint.PANIC, r"^panic:|segmentation fault|SIGSEGV", "it crashed on its own fault"),
)  # fmt: skip

_TABLE = tuple((hint, re.compile(pattern, re.IGNORECASE), meaning) for hint, pattern, meaning in _ROWS)

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
    """The last line of ``log`` that the table knows, or None. The last counts: it is nearest to the end."""
    for line in reversed(log.splitlines()[-LAST_LINES:]):
        text = quotable(line)
        for hint, pattern, meaning in _TABLE:
            if pattern.search(text):
                return Recognised(hint=hint, meaning=meaning, line=text)
    return None


def last_lines(log: str, count: int = 3) -> tuple[str, ...]:
    """The last ``count`` lines that hold something, as they stand in the log, bounded in length."""
    lines = (quotable(line) for line in log.splitlines()[-LAST_LINES:])
    return tuple(line for line in lines if line)[-count:]


def exit_meaning(code: int) -> str:
    """What an exit code says in words; empty for codes that only mean "an error" (see exit(3), signal(7))."""
    return _EXIT_MEANING.get(code, "")
