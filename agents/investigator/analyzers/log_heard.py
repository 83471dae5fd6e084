"""What one run of one container complains of: each kind once, with whom it names, how often and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agents.investigator.analyzers.fields import QUOTE_LIMIT, quotable
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_levels import complains, is_back
from agents.investigator.analyzers.log_parties import Directory, Party
from agents.investigator.analyzers.log_rules import LONGEST_LINE, Rule, rule_for
from agents.investigator.analyzers.log_traces import Trace, traces, traces_within
from tools.kubernetes.log_lines import LogLine

ABOUT_A_PARTY = frozenset(
    (
        LogCode.REFUSED,
        LogCode.UNREACHABLE,
        LogCode.TIMED_OUT,
        LogCode.LOST,
        LogCode.NAME_UNRESOLVED,
        LogCode.CERT_EXPIRED,
        LogCode.CERT_AUTHORITY,
        LogCode.CERT_NAME,
        LogCode.CERT_REJECTED,
        LogCode.CREDENTIALS,
        LogCode.UNAUTHORIZED,
        LogCode.RATE_LIMITED,
        LogCode.DB_EXHAUSTED,
        LogCode.DB_READ_ONLY,
    )
)
LONGEST_TRACE = 4_000
"""Characters of one line of JSON in which a trace is looked for."""

_PATH = r"[`'\"‘“(]?(?P<it>/[^\s'\"`:,)]+)"
# What a line names beside another party, under the name of the field that keeps it.
_NAMES: dict[LogCode, tuple[str, tuple[str, ...]]] = {
    LogCode.ENV_MISSING: ("name", (r"KeyError: '(?P<it>\w+)'", r"placeholder '(?P<it>\w+)",
                                   r"\b(?P<it>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b")),
    LogCode.FILE_MISSING: ("path", (_PATH,)),
    LogCode.PERMISSION: ("path", (_PATH, r"for (?P<it>(?:table|relation|schema|database) \S+)")),
    LogCode.READ_ONLY_FS: ("path", (_PATH,)),
    LogCode.DISK_FULL: ("path", (_PATH,)),
    LogCode.PORT_IN_USE: ("port", (r"[Pp]ort (?P<it>\d{2,5})\b", r":(?P<it>\d{2,5})(?!\d)")),
    LogCode.MODULE_MISSING: ("name", (
        r"(?:module named|find module|such file --|libraries:|main class|assembly) ['\"]?(?P<it>[\w@./-]+\w)",
        r"(?:ClassNotFoundException|NoClassDefFoundError): (?P<it>[\w./$]+)")),
    LogCode.COMMAND_MISSING: ("name", (
        r"exec: \"?(?P<it>[\w./-]+)", r"(?P<it>[\w./-]+): (?:command )?not found")),
    LogCode.CREDENTIALS: ("user", (r"user ['\"]?(?P<it>[\w.@-]+)",)),
    LogCode.FORBIDDEN: ("user", (r"User \\?\"(?P<it>[^\"\\]+)",)),
    LogCode.SCHEMA_MISSING: ("name", (r"(?:relation|database|column|table|role|schema|name) "
                                      r"\\?['\"](?P<it>[^'\"\\]+)", r"no such (?:table|"
                                      r"column): (?P<it>[\w.]+)")),
    LogCode.BAD_ARGUMENT: ("argument", (r"not defined: (?P<it>\S+)",
                                        r"(?:flag|option|argument)s?:? ['\"]?(?P<it>-{0,2}[\w-]+)")),
}  # fmt: skip
_READ = {code: (name, tuple(map(re.compile, forms))) for code, (name, forms) in _NAMES.items()}


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One complaint; ``line`` as it stands in the log. ``fields`` are the values that it names."""

    code: LogCode
    means: str
    line: str
    party: Party | None = None
    count: int = 1
    first: datetime | None = None
    last: datetime | None = None
    at: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """Complaints of one key are one complaint that was made again."""
        return (self.code, self.party.to if self.party else "", *self.fields.values())


def heard(lines: Sequence[LogLine], namespace: str, directory: Directory) -> tuple[Heard, ...]:
    """The complaints in a run's lines, oldest first; one that was made good later on is left out."""
    texts = [line.text[:LONGEST_LINE] for line in lines]
    merged: dict[tuple[str, ...], Heard] = {}
    for number, text in enumerate(texts):
        rule = rule_for(text)
        if rule is not None:
            _add(merged, replace(_said(rule, text, (namespace, directory)), at=number), lines[number].at)
    for trace in traces(texts):
        _trace(merged, trace, lines)
    for number, line in enumerate(lines):
        for trace in traces_within(line.text[:LONGEST_TRACE]):
            _trace(merged, replace(trace, at=number, end=number + 1), lines)
    return tuple(one for one in _one_each(merged.values()) if not _made_good(one, texts))


def _add(merged: dict[tuple[str, ...], Heard], new: Heard, at: datetime | None) -> None:
    known = merged.get(new.key)
    if known is None:
        merged[new.key] = replace(new, first=at, last=at)
    else:
        # The newest line is the one that is quoted.
        merged[new.key] = replace(new, count=known.count + 1, first=known.first or at, last=at or known.last)


def _said(rule: Rule, text: str, place: tuple[str, Directory]) -> Heard:
    namespace, directory = place
    party = None
    if rule.code in ABOUT_A_PARTY:
        party = directory.party(text, namespace, by_name=rule.code is LogCode.NAME_UNRESOLVED)
    return Heard(
        code=rule.code,
        means=rule.means,
        line=_quoted(rule, text),
        party=party,
        fields=_named(rule.code, text),
    )


def _quoted(rule: Rule, text: str) -> str:
    """The line, or of a long one the part around the telling words."""
    whole = quotable(text, limit=len(text))
    at = rule.start_in(text, text.lower())
    if len(whole) <= QUOTE_LIMIT or at + 80 < QUOTE_LIMIT:
        return quotable(text)
    return quotable(text[max(0, at - QUOTE_LIMIT // 2) :])


def _named(code: LogCode, text: str) -> dict[str, str]:
    name, forms = _READ.get(code, ("", ()))
    found = next((hit["it"] for form in forms if (hit := form.search(text))), "")
    return {name: quotable(found)} if found else {}


def _trace(merged: dict[tuple[str, ...], Heard], trace: Trace, lines: Sequence[LogLine]) -> None:
    """A trace that ends in a known complaint says where it was made; another is a complaint of its own."""
    line = lines[trace.at].text[:LONGEST_LINE]
    known = next(
        (one for one in merged.values() if trace.at <= one.at < trace.end or one.at == trace.at), None
    )
    frame = {"frame": quotable(trace.frame)} if trace.frame else {}
    if known is not None and known.code is not LogCode.EXCEPTION:
        merged[known.key] = replace(known, fields={**known.fields, **frame})
        return
    if not complains(line):
        return
    if known is not None:
        del merged[known.key]
    kind = {"runtime": trace.runtime, "type": quotable(trace.type)} | frame
    new = Heard(code=LogCode.EXCEPTION, means=_means(trace), line=quotable(line), at=trace.at, fields=kind)
    _add(merged, new, lines[trace.at].at)


def _means(trace: Trace) -> str:
    said = f"it ends in {trace.type}" if trace.type != "panic" else "it panics"
    return f"{said} at {quotable(trace.frame, limit=120)}" if trace.frame else said


def _one_each(found: Iterable[Heard]) -> tuple[Heard, ...]:
    """Without those that name nobody where another of the same code does."""
    every = tuple(found)
    named = {one.code for one in every if one.party}
    return tuple(one for one in every if one.party or one.code not in named)


def _made_good(one: Heard, texts: Sequence[str]) -> bool:
    """Whether a later line says that the connection stands again."""
    host = one.party.host if one.party else ""
    return one.code in ABOUT_A_PARTY and any(is_back(text, host) for text in texts[one.at + 1 :])
