"""Whether a line complains at all, or tells of a retry that went well, a test, or a request for a page.

Source: the level words of log4j, logback, zap, logrus, slog, klog, pino, bunyan, Python's logging, .NET's
console and PostgreSQL. A line without a level may complain: a crash seldom has one.
"""

from __future__ import annotations

import re

_LEVEL = re.compile(
    r"\"(?:level|severity|lvl|levelname|loglevel|log\.level)\"\s*:\s*\"?(?P<json>\w+)|"
    r"\b(?:level|lvl|severity)=[\"']?(?P<pair>\w+)|"
    r"^(?P<klog>[IWEF])\d{4} \d\d:|"
    r"(?:^|[\s\[|(<])(?P<word>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRITICAL|PANIC|"
    r"SEVERE|EMERG)"
    r"(?=[\s\]:|)>]|$)|"
    r"\[(?P<low>trace|debug|info|notice|warn(?:ing)?|error|err|crit|critical|fatal|alert|emerg)\]|"
    r"^(?P<net>trce|dbug|info|warn|fail|crit): "
)
_QUIET = frozenset(
    ("trace", "debug", "info", "notice", "trce", "dbug", "i", "verbose", "information", "10", "20", "30")
)
_LOUD = frozenset(
    [
        "error",
        "err",
        "fatal",
        "critical",
        "crit",
        "panic",
        "severe",
        "emerg",
        "alert",
        "fail",
        "e",
        "f",
        "50",
        "60",
    ]
)
_WENT_WELL = re.compile(
    r"(?<!un)(?<!not )\b(?:succeeded|successfully|recovered|reconnected|re-?established|connected (?:to|"
    r"after)|"
    r"no longer|is back)\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"(?<!un)(?<!not )\b(?:reconnected|re-?established|connected (?:to|after)|recovered|is back)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[A-Za-z][\w.-]*:\d{2,5}\b")
_OF_A_TEST = re.compile(r"^\s*(?:--- (?:PASS|FAIL|SKIP)|=== |✓|✔|√|ok\s)|\b(?:PASS|PASSED|SKIPPED|XFAIL)\b")
_REQUEST = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|"
    r"OPTIONS) (?:https?:/)?/\S*(?: [^\"]{0,80})?(?: HTTP/[\d.]+)?\"?,? [1-5]\d\d\b|"
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S* HTTP/[\d.]+\"(?! *,)"
)


def level_of(line: str) -> str:
    """The level that a line states, in lower case; empty when it states none."""
    found = _LEVEL.search(line)
    return next((word.lower() for word in found.groups() if word), "") if found else ""


def complains(line: str) -> bool:
    """Whether the line can be a complaint of the program that wrote it."""
    level = level_of(line)
    if level in _QUIET or _OF_A_TEST.search(line):
        return False
    return level in _LOUD or not (_WENT_WELL.search(line) or _REQUEST.search(line))


def is_back(line: str, host: str) -> bool:
    """Whether the line says that a connection stands again: to this host, or to nobody whom it names."""
    if level_of(line) in _LOUD or not _BACK.search(line):
        return False
    return bool(host and host in line) or not _ADDRESS.search(line)


def within_path(line: str, start: int) -> bool:
    """Whether what begins at ``start`` is a part of a path or an address: a page about an error is none."""
    before = line[:start].rpartition(" ")[2]
    return "/" in before and not before.endswith((":", "(", '"', "'"))
